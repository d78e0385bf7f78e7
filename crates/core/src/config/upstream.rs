//! How upstream reads the text of one setting: the value it acts on, and what it does with a text it cannot use.

use super::{Key, Kind, Place, Value, go, json, text};

/// What upstream does with a text that is not simply a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reaction {
    /// It goes on with its default (the text of it; none where there is no default) and at most logs a line.
    TakesDefault(Option<&'static str>),
    /// The container exits: aws-node for a variable, the node agent for a flag.
    ContainerExits,
    /// It skips these entries and takes the others.
    Skips(Vec<String>),
    /// A later one of the same name wins.
    LaterOneWins,
    /// The word after a switch is no value of it.
    IgnoresWord,
    /// Kubernetes fills it in for each pod: the value is not known.
    DiffersByPod,
}

/// What the reading of one setting depends on besides its text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Context {
    /// Whether ENABLE_POD_ENI is on: only then the entrypoint looks at the enforcing mode.
    pub pod_eni: bool,
    /// Whether ENABLE_IPv6 is on: the least MTU depends on it.
    pub ipv6: bool,
}

/// The least MTU of the IP family.
pub(super) fn least_mtu(ipv6: bool) -> i64 {
    if ipv6 { 1280 } else { 576 }
}

/// The greatest MTU.
pub(super) const GREATEST_MTU: i64 = 9001;

/// What the plugin makes of the MTU in its configuration: 9001 where it is no number from 576 to 9001.
pub fn plugin_mtu(text: &str) -> i64 {
    go::atoi(text)
        .filter(|mtu| (least_mtu(false)..=GREATEST_MTU).contains(mtu))
        .unwrap_or(GREATEST_MTU)
}

/// Whether upstream accepts the veth prefix.
pub(super) fn veth_prefix_is_free(prefix: &str) -> bool {
    !matches!(prefix, "eth" | "lo" | "vlan")
}

/// What upstream makes of a text: a value, or a reaction, or for lists both.
pub(super) fn read(key: Key, text: &str, context: Context) -> (Option<Value>, Option<Reaction>) {
    match key.field().kind {
        Kind::Bool => or_default(key, go::parse_bool(text).map(Value::Bool)),
        Kind::Int { .. } => read_int(key, text, context),
        Kind::Enum(words) => read_word(key, words, text, context),
        Kind::Text { .. } => read_text(key, text),
        Kind::Cidrs => {
            let (cidrs, bad) = text::cidrs(text);
            (
                Some(Value::Cidrs(cidrs)),
                (!bad.is_empty()).then_some(Reaction::Skips(bad)),
            )
        }
        Kind::Tags => read_tags(key, text),
        Kind::FieldRef => (None, None),
    }
}

/// What a text upstream cannot use does in that place.
fn or_default(key: Key, value: Option<Value>) -> (Option<Value>, Option<Reaction>) {
    match value {
        Some(value) => (Some(value), None),
        // pflag stops the process at any flag it cannot parse.
        None if key.field().place == Place::NodeAgent => (None, Some(Reaction::ContainerExits)),
        None => (None, Some(Reaction::TakesDefault(key.field().default))),
    }
}

fn or_exit(value: Option<Value>) -> (Option<Value>, Option<Reaction>) {
    let reaction = value.is_none().then_some(Reaction::ContainerExits);
    (value, reaction)
}

fn read_int(key: Key, text: &str, context: Context) -> (Option<Value>, Option<Reaction>) {
    let at_least = |least: i64| go::atoi(text).filter(|number| *number >= least).map(Value::Int);
    match key {
        Key::WarmEniTarget | Key::WarmIpTarget | Key::MinimumIpTarget | Key::WarmPrefixTarget => {
            or_default(key, at_least(0))
        }
        Key::MaxEni => or_default(key, at_least(1)),
        Key::HttpTimeout => or_default(key, at_least(10)),
        Key::IpCooldownPeriod => or_exit(at_least(0)),
        Key::EniMtu | Key::PodMtu => {
            let range = least_mtu(context.ipv6)..=GREATEST_MTU;
            or_exit(go::atoi(text).filter(|mtu| range.contains(mtu)).map(Value::Int))
        }
        Key::Connmark => {
            let range = 1..=i64::from(u32::MAX);
            or_default(
                key,
                go::parse_int(text)
                    .filter(|mark| range.contains(mark))
                    .map(Value::Int),
            )
        }
        Key::AgentConntrackSize => or_exit(in_range(key, go::parse_int(text)).map(Value::Int)),
        _ if key.field().place == Place::NodeAgent => or_exit(go::parse_int(text).map(Value::Int)),
        _ => or_default(key, go::atoi(text).map(Value::Int)),
    }
}

fn in_range(key: Key, number: Option<i64>) -> Option<i64> {
    match key.field().kind {
        Kind::Int { min, max } => number.filter(|number| (min..=max).contains(number)),
        _ => number,
    }
}

fn read_word(
    key: Key,
    words: &'static [&'static str],
    text: &str,
    context: Context,
) -> (Option<Value>, Option<Reaction>) {
    // Log levels and the network policy mode are compared in lower case, the other words as they are.
    let any_case = matches!(
        key,
        Key::LogLevel | Key::PluginLogLevel | Key::AgentLogLevel | Key::NetworkPolicyEnforcingMode
    );
    let word = words
        .iter()
        .find(|word| **word == text || (any_case && word.eq_ignore_ascii_case(text)))
        .map(|word| Value::Text((*word).to_owned()));
    match key {
        Key::NetworkPolicyEnforcingMode => or_exit(word),
        Key::PodSecurityGroupEnforcingMode if context.pod_eni => or_exit(word),
        // An unknown level is a level of its own to pflag, and debug to the logger.
        Key::AgentLogLevel if word.is_none() => (None, Some(Reaction::TakesDefault(key.field().default))),
        _ => or_default(key, word),
    }
}

fn read_text(key: Key, text: &str) -> (Option<Value>, Option<Reaction>) {
    let exits = match key {
        Key::VethPrefix => text.len() > 4 || !veth_prefix_is_free(text),
        Key::PluginLogFile => text == "stdout",
        _ => false,
    };
    or_exit((!exits).then(|| Value::Text(text.to_owned())))
}

fn read_tags(key: Key, text: &str) -> (Option<Value>, Option<Reaction>) {
    let Some(mut tags) = json::parse_strings(text) else {
        return (None, Some(Reaction::TakesDefault(key.field().default)));
    };
    let reserved: Vec<String> = tags
        .keys()
        .filter(|name| is_reserved_tag(name))
        .cloned()
        .collect();
    tags.retain(|name, _| !is_reserved_tag(name));
    let reaction = (!reserved.is_empty()).then_some(Reaction::Skips(reserved));
    (Some(Value::Tags(tags)), reaction)
}

/// Tags that upstream keeps for itself.
pub(super) fn is_reserved_tag(name: &str) -> bool {
    name.contains("k8s.amazonaws.com")
}
