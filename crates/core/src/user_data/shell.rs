//! The call of `/etc/eks/bootstrap.sh` in a shell script of Amazon Linux 2.
//!
//! The script is taken apart into commands and words just so far that comments, here-documents and quoted text cannot
//! be taken for the call.

use super::{Edit, Scan, UserDataError, flags};
use crate::user_data::shell::words::{Quote, Word};
use std::ops::Range;

mod words;

const SCRIPT: &str = "/etc/eks/bootstrap.sh";
const EXTRA: &str = "--kubelet-extra-args";
const USE: &str = "--use-max-pods";

/// What may stand before a command that is run all the same.
const BEFORE: [&str; 12] = [
    "exec", "sudo", "bash", "sh", "then", "do", "else", "{", "!", "time", "nohup", "env",
];

/// Reads the call in a range of the text. None where the script has nothing to do with `bootstrap.sh`.
pub(super) fn scan(text: &str, within: Range<usize>, max_pods: u32) -> Result<Option<Scan>, UserDataError> {
    let script = text.get(..within.end).unwrap_or_default();
    let mut calls = Vec::new();
    for command in words::commands(script, within.start)? {
        let Some(place) = command.iter().position(|word| word.plain(script) == SCRIPT) else {
            continue;
        };
        let (before, rest) = command.split_at(place);
        if !before.iter().all(|word| may_stand_before(word.raw(script))) {
            return Err(UserDataError::of(format!(
                "the script does something else with {SCRIPT} than calling it"
            )));
        }
        calls.push(rest.to_vec());
    }
    match calls.as_slice() {
        [] => Ok(None),
        [call] => read_call(script, call, max_pods).map(Some),
        _ => Err(UserDataError::of(format!(
            "the script calls {SCRIPT} more than once"
        ))),
    }
}

fn may_stand_before(word: &str) -> bool {
    let assigns = word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    });
    assigns || word.starts_with('-') || BEFORE.contains(&word)
}

/// `call` is the script and its arguments.
fn read_call(text: &str, call: &[Word], max_pods: u32) -> Result<Scan, UserDataError> {
    let Some(script) = call.first() else {
        return Ok(Scan::default());
    };
    let value_of = |name: &str| -> Result<Option<&Word>, UserDataError> {
        let mut places = call
            .iter()
            .enumerate()
            .filter(|(_, word)| word.plain(text) == name);
        let Some((place, _)) = places.next() else {
            return Ok(None);
        };
        if places.next().is_some() {
            return Err(UserDataError::of(format!("{name} is given twice")));
        }
        let value = call.get(place + 1);
        value
            .map(Some)
            .ok_or_else(|| UserDataError::of(format!("{name} has no value")))
    };
    let mut scan = Scan::default();
    let mut missing = String::new();
    match value_of(USE)? {
        None => missing.push_str(" --use-max-pods false"),
        Some(word) => match word.plain(text) {
            "false" => {}
            "true" => scan.edits.push(Edit {
                at: word.at.clone(),
                with: "false".to_owned(),
            }),
            other => return Err(UserDataError::of(format!("{USE} is {other}"))),
        },
    }
    match value_of(EXTRA)? {
        None => missing.extend([format!(" {EXTRA} '--max-pods={max_pods}'")]),
        Some(word) => {
            let extra = read_extra(text, word, max_pods)?;
            scan.value = extra.value;
            scan.edits.extend(extra.edits);
        }
    }
    if !missing.is_empty() {
        // Right behind the script, where nothing has to be known of what follows: it takes options in any order.
        scan.edits.push(Edit {
            at: script.at.end..script.at.end,
            with: missing,
        });
    }
    Ok(scan)
}

fn read_extra(text: &str, word: &Word, max_pods: u32) -> Result<Scan, UserDataError> {
    let raw = word.raw(text);
    let inner = match word.quote {
        Quote::None => word.at.clone(),
        Quote::Single | Quote::Double => word.at.start + 1..word.at.end - 1,
        Quote::Mixed => {
            return Err(UserDataError::of(format!(
                "{EXTRA} is put together from several pieces"
            )));
        }
    };
    let value = text.get(inner.clone()).unwrap_or_default();
    let expands = word.quote != Quote::Single;
    let unknown =
        |token: &str| expands && (token.starts_with('$') || token.contains('`') || token.contains("$("));
    if value.split_whitespace().any(unknown) {
        return Err(UserDataError::of(format!(
            "{EXTRA} comes from a variable or a command"
        )));
    }
    let scan = flags(text, inner.clone(), max_pods)?;
    if scan.value.is_some() {
        return Ok(scan);
    }
    let space = if value.is_empty() { "" } else { " " };
    let edit = if word.quote == Quote::None {
        let quote = match raw {
            _ if raw.contains('\\') => return Err(UserDataError::of(format!("{EXTRA} has escapes"))),
            _ if raw.contains('$') => '"',
            _ => '\'',
        };
        Edit {
            at: word.at.clone(),
            with: format!("{quote}{raw}{space}--max-pods={max_pods}{quote}"),
        }
    } else {
        Edit {
            at: inner.end..inner.end,
            with: format!("{space}--max-pods={max_pods}"),
        }
    };
    Ok(Scan {
        value: None,
        edits: vec![edit],
    })
}
