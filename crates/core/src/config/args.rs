//! The argument list of the node agent, read as pflag reads it and changed with as little difference as possible.

use super::raw::flag;
use super::{CniConfig, Key, Kind};
use std::collections::{BTreeMap, BTreeSet};

/// One flag of an argument list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flag {
    /// Its name, without dashes.
    pub name: String,
    /// The setting, where it is one.
    pub key: Option<Key>,
    /// Its text; none for a flag that stands alone at the end and needs one.
    pub text: Option<String>,
    /// Where it begins in the list.
    start: usize,
    /// How many arguments it takes.
    len: usize,
    /// A word after a switch that looks like its value, and is none: pflag takes it as a positional argument.
    pub ignored_word: Option<String>,
}

/// The flags of the list, up to `--`. Words that belong to no flag are passed over.
pub(super) fn scan(args: &[String]) -> Vec<Flag> {
    let mut flags = Vec::new();
    let mut at = 0;
    while let Some(arg) = args.get(at) {
        if arg == "--" {
            break;
        }
        let Some(body) = arg.strip_prefix("--") else {
            at += 1;
            continue;
        };
        let found = flag_at(body, at, args.get(at + 1));
        at += found.len;
        flags.push(found);
    }
    flags
}

fn flag_at(body: &str, start: usize, next: Option<&String>) -> Flag {
    let (name, inline) = match body.split_once('=') {
        Some((name, text)) => (name, Some(text.to_owned())),
        None => (body, None),
    };
    let key = flag(name);
    let mut found = Flag {
        name: name.to_owned(),
        key,
        text: inline,
        start,
        len: 1,
        ignored_word: None,
    };
    if found.text.is_some() {
        return found;
    }
    let is_word = next.is_some_and(|word| !word.starts_with('-'));
    match key.map(|key| key.field().kind) {
        Some(Kind::Bool) => {
            found.text = Some("true".to_owned());
            found.ignored_word = next.filter(|_| is_word).cloned();
        }
        // A flag we do not know is taken to need a value if a word follows; its arguments are kept in any case.
        None if !is_word => found.text = Some(String::new()),
        _ => {
            found.text = next.cloned();
            found.len = if next.is_some() { 2 } else { 1 };
        }
    }
    found
}

/// The list with the owned flags as the configuration says: a flag with the right text stays as it is written, one
/// with another text is rewritten in its place, one that is not set is taken out, a new one is added at the end.
/// All other arguments keep text and order.
pub fn merge_agent_args(existing: &[String], config: &CniConfig, owned: &BTreeSet<Key>) -> Vec<String> {
    let flags: Vec<Flag> = scan(existing);
    let mut missing: BTreeMap<Key, String> = owned
        .iter()
        .filter(|key| flag(key.field().name) == Some(**key))
        .filter_map(|key| Some((*key, format!("--{}={}", key.field().name, config.get(*key)?))))
        .collect();
    let mut replaced: BTreeMap<usize, (usize, Option<String>)> = BTreeMap::new();
    for key in flags
        .iter()
        .filter_map(|flag| flag.key)
        .filter(|key| owned.contains(key))
        .collect::<BTreeSet<_>>()
    {
        let written = missing.remove(&key);
        if reads_as(&flags, key, config) {
            continue;
        }
        for (index, flag) in flags.iter().filter(|flag| flag.key == Some(key)).enumerate() {
            let text = written.clone().filter(|_| index == 0);
            replaced.insert(flag.start, (flag.len, text));
        }
    }
    rebuild(existing, &replaced, missing.into_values())
}

/// Whether the list already gives the key its value.
fn reads_as(flags: &[Flag], key: Key, config: &CniConfig) -> bool {
    let last = flags.iter().rev().find(|flag| flag.key == Some(key));
    match (last.and_then(|flag| flag.text.as_deref()), config.get(key)) {
        (Some(text), Some(value)) => {
            super::text::typed(key.field().kind, text).as_ref() == Some(value) || text == value.to_string()
        }
        (text, value) => text.is_none() && value.is_none() && last.is_none(),
    }
}

fn rebuild(
    existing: &[String],
    replaced: &BTreeMap<usize, (usize, Option<String>)>,
    added: impl Iterator<Item = String>,
) -> Vec<String> {
    let end = existing
        .iter()
        .position(|arg| arg == "--")
        .unwrap_or(existing.len());
    let mut out = Vec::new();
    let mut at = 0;
    while at < end {
        if let Some((len, text)) = replaced.get(&at) {
            out.extend(text.clone());
            at += len;
        } else {
            out.extend(existing.get(at).cloned());
            at += 1;
        }
    }
    out.extend(added);
    out.extend(existing.iter().skip(end).cloned());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Value;

    fn list(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn config(settings: &[(Key, Value)]) -> CniConfig {
        let mut config = CniConfig::default();
        for (key, value) in settings {
            config.set(*key, value.clone());
        }
        config
    }

    #[test]
    fn both_forms_are_read_and_a_switch_takes_no_word() {
        let args = list(&[
            "--log-level",
            "info",
            "--enable-ipv6",
            "false",
            "--log-file=",
            "-v",
            "--",
            "--log-level=x",
        ]);
        let flags: Vec<_> = scan(&args)
            .into_iter()
            .map(|flag| (flag.name, flag.text, flag.ignored_word))
            .collect();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            flags,
            [
                ("log-level".to_owned(), text("info"), None),
                ("enable-ipv6".to_owned(), text("true"), text("false")),
                ("log-file".to_owned(), text(""), None),
            ]
        );
    }

    #[test]
    fn unknown_flags_and_order_stay() {
        let args = list(&[
            "--new-flag",
            "x",
            "--log-level",
            "info",
            "--enable-ipv6=false",
            "--other",
        ]);
        let wanted = config(&[
            (Key::AgentLogLevel, Value::Text("warn".to_owned())),
            (Key::EnableNetworkPolicy, Value::Bool(true)),
        ]);
        let owned = [Key::AgentLogLevel, Key::EnableNetworkPolicy].into();
        assert_eq!(
            merge_agent_args(&args, &wanted, &owned),
            list(&[
                "--new-flag",
                "x",
                "--log-level=warn",
                "--enable-ipv6=false",
                "--other",
                "--enable-network-policy=true"
            ])
        );
    }

    #[test]
    fn what_is_right_is_not_rewritten() {
        let args = list(&[
            "--enable-ipv6=False",
            "--log-level",
            "info",
            "--metrics-bind-addr=:1",
        ]);
        let wanted = config(&[
            (Key::AgentEnableIpv6, Value::Bool(false)),
            (Key::AgentLogLevel, Value::Text("info".to_owned())),
        ]);
        let owned = [Key::AgentEnableIpv6, Key::AgentLogLevel].into();
        assert_eq!(merge_agent_args(&args, &wanted, &owned), args);
    }

    #[test]
    fn an_owned_flag_that_is_not_set_goes_and_duplicates_become_one() {
        let args = list(&[
            "--log-level=info",
            "--enable-profiling",
            "--log-level",
            "warn",
            "--",
            "tail",
        ]);
        let wanted = config(&[(Key::AgentLogLevel, Value::Text("error".to_owned()))]);
        let owned = [Key::AgentLogLevel, Key::AgentProfiling].into();
        assert_eq!(
            merge_agent_args(&args, &wanted, &owned),
            list(&["--log-level=error", "--", "tail"])
        );
        let kept = merge_agent_args(&args, &wanted, &BTreeSet::new());
        assert_eq!(kept, args);
    }
}
