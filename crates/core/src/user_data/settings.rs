//! The settings of Bottlerocket as TOML: `settings.kubernetes.max-pods`, in a table or as a dotted key.

use super::{Edit, Scan, UserDataError, leading_number};
use std::ops::Range;

const KEY: [&str; 3] = ["settings", "kubernetes", "max-pods"];

/// Whether a text is settings of Bottlerocket: the first line that says something is a table or a key of `settings`.
pub(super) fn is_one(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
    first.is_some_and(|line| {
        let name = line.trim_start_matches(['[', ' ']);
        name.strip_prefix("settings")
            .is_some_and(|rest| rest.starts_with(['.', ']', ' ', '=']))
    })
}

/// Where the setting goes, where it is not there yet.
enum Place {
    /// Below the header of its table, which ends here.
    Below(usize),
    /// Before another dotted key of the table, by this name: a table made by dotted keys may not be opened again.
    Before(usize, String),
}

/// Reads the settings.
pub(super) fn scan(text: &str, max_pods: u32) -> Result<Scan, UserDataError> {
    let mut found: Option<(u32, Range<usize>)> = None;
    let mut place: Option<Place> = None;
    let mut table: Vec<String> = Vec::new();
    let mut open = Open::Nothing;
    let mut start = 0;
    for raw in text.split_inclusive('\n') {
        let (from, line) = (start, raw.trim_end_matches(['\n', '\r']));
        start += raw.len();
        if open != Open::Nothing {
            open = open.after(line);
            continue;
        }
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        if let Some(header) = content.strip_prefix('[') {
            table = table_name(header)?;
            if table == KEY[..2] {
                place = Some(Place::Below(from + line.len()));
            }
            continue;
        }
        let Some((name, value)) = line.split_once('=') else {
            return Err(UserDataError::of(format!("the line {content:?} is no setting")));
        };
        open = Open::of(value);
        let mut key = table.clone();
        key.extend(parts(name)?);
        if key == KEY {
            if found.is_some() {
                return Err(UserDataError::of("max-pods is there twice"));
            }
            found = Some(number(value, from + line.len() - value.len())?);
        } else if key == KEY[..1] || key == KEY[..2] {
            return Err(UserDataError::of(format!("{} is an inline table", key.join("."))));
        } else if table.len() < 2 && place.is_none() && key.len() > 2 && key[..2] == KEY[..2] {
            place = Some(Place::Before(from, KEY[table.len()..].join(".")));
        }
    }
    Ok(match found {
        Some((value, at)) => Scan {
            value: Some(value),
            edits: vec![Edit {
                at,
                with: max_pods.to_string(),
            }],
        },
        None => missing(text, place, max_pods),
    })
}

/// What adds the setting.
fn missing(text: &str, place: Option<Place>, max_pods: u32) -> Scan {
    let line_break = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let (at, with) = match place {
        Some(Place::Below(at)) => (at, format!("{line_break}max-pods = {max_pods}")),
        Some(Place::Before(at, name)) => (at, format!("{name} = {max_pods}{line_break}")),
        None => {
            let gap = if text.ends_with('\n') { "" } else { line_break };
            let table = format!(
                "{gap}{line_break}[settings.kubernetes]{line_break}max-pods = {max_pods}{line_break}"
            );
            (text.len(), table)
        }
    };
    Scan {
        value: None,
        edits: vec![Edit { at: at..at, with }],
    }
}

fn number(value: &str, at: usize) -> Result<(u32, Range<usize>), UserDataError> {
    let bare = value.split('#').next().unwrap_or_default();
    let text = bare.trim();
    let start = at + bare.len() - bare.trim_start().len();
    match leading_number(text).filter(|(_, digits)| *digits == text.len()) {
        Some((number, digits)) => Ok((number, start..start + digits)),
        None => Err(UserDataError::of("max-pods is not a plain number")),
    }
}

/// The name in a table header, behind its first bracket.
fn table_name(header: &str) -> Result<Vec<String>, UserDataError> {
    let name = header.trim_start_matches('[');
    let name = name.split(']').next().unwrap_or_default();
    parts(name)
}

/// The parts of a dotted key.
fn parts(name: &str) -> Result<Vec<String>, UserDataError> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut quote = None;
    for letter in name.trim().chars() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (None, '"' | '\'') => quote = Some(letter),
            (None, '.') => parts.push(std::mem::take(&mut part).trim().to_owned()),
            _ => part.push(letter),
        }
    }
    if quote.is_some() {
        return Err(UserDataError::of(format!("the key {name:?} is not closed")));
    }
    parts.push(part.trim().to_owned());
    Ok(parts)
}

/// A value of several lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Nothing,
    /// Until these quotes.
    Text(&'static str),
    /// Until so many brackets are closed.
    List(usize),
}

impl Open {
    fn of(value: &str) -> Self {
        let quotes = ["\"\"\"", "'''"];
        match quotes
            .into_iter()
            .find(|quote| value.trim_start().starts_with(quote))
        {
            Some(quote) if value.matches(quote).count() % 2 == 1 => Self::Text(quote),
            Some(_) => Self::Nothing,
            None => Self::list(0, value),
        }
    }

    fn after(self, line: &str) -> Self {
        match self {
            Self::Text(quote) if line.contains(quote) => Self::Nothing,
            Self::List(depth) => Self::list(depth, line),
            same => same,
        }
    }

    /// Counts the brackets outside of quotes and comments.
    fn list(mut depth: usize, line: &str) -> Self {
        let mut quote = None;
        for letter in line.chars() {
            match (quote, letter) {
                (Some(open), _) if open == letter => quote = None,

                (None, '"' | '\'') => quote = Some(letter),
                (None, '#') => break,
                (None, '[') => depth += 1,
                (None, ']') => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        if depth == 0 {
            Self::Nothing
        } else {
            Self::List(depth)
        }
    }
}
