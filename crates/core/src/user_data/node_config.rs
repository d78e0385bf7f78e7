//! The `NodeConfig` of nodeadm (Amazon Linux 2023) as YAML: `spec.kubelet.config.maxPods`, and the flag `--max-pods` in
//! `spec.kubelet.flags`, which wins over it.
//!
//! Only the block style that people write is understood, line by line: a parser that writes YAML again would lose
//! comments and order.

use super::{Edit, Scan, UserDataError, flags, leading_number};
use std::ops::Range;

const PATH: [&str; 4] = ["spec", "kubelet", "config", "maxPods"];

/// Whether a text is a NodeConfig.
pub(super) fn is_one(text: &str) -> bool {
    text.lines()
        .any(|line| line.starts_with("apiVersion:") && line.contains("node.eks.aws/"))
}

/// A NodeConfig that sets nothing but the number of pods.
pub(super) fn document(max_pods: u32) -> String {
    format!(
        "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n  kubelet:\n    config:\n      maxPods: {max_pods}\n"
    )
}

/// Reads the NodeConfig in a range of the text.
pub(super) fn scan(text: &str, within: Range<usize>, max_pods: u32) -> Result<Scan, UserDataError> {
    let document = Document::read(text, within)?;
    let root = document.root()?;
    if !document.has(&root, "kind", "NodeConfig")? {
        return Err(UserDataError::of("its kind is not NodeConfig"));
    }
    let mut level = root;
    let mut flagged = Scan::default();
    for (depth, key) in PATH.iter().enumerate() {
        let Some(entry) = document.entry(&level, key)? else {
            if flagged.value.is_some() {
                return Ok(flagged);
            }
            return Ok(Scan {
                value: None,
                edits: vec![document.insertion(&level, &PATH[depth..], max_pods)],
            });
        };
        if depth == PATH.len() - 1 {
            return number(text, &entry, max_pods, flagged);
        }
        if text.get(entry.value.clone()) == Some("{}") {
            return Ok(replaced(flagged, &entry, &PATH[depth + 1..], max_pods));
        }
        if !entry.value.is_empty() {
            return Err(UserDataError::of(format!("{key} is not written in block style")));
        }
        level = entry.body;
        if depth == 1
            && let Some(list) = document.entry(&level, "flags")?
        {
            flagged = flags(text, list.whole.clone(), max_pods)?;
        }
    }
    Ok(flagged)
}

/// The number of pods itself; a flag beside it wins, and both are set.
fn number(text: &str, entry: &Entry, max_pods: u32, flagged: Scan) -> Result<Scan, UserDataError> {
    let value = text.get(entry.value.clone()).unwrap_or_default();
    let Some((number, _)) = leading_number(value).filter(|(_, digits)| *digits == value.len()) else {
        return Err(UserDataError::of("maxPods is not a plain number"));
    };
    let mut edits = flagged.edits;
    edits.push(Edit {
        at: entry.value.clone(),
        with: max_pods.to_string(),
    });
    Ok(Scan {
        value: flagged.value.or(Some(number)),
        edits,
    })
}

/// An empty `{}` gets what is missing.
fn replaced(flagged: Scan, entry: &Entry, missing: &[&str], max_pods: u32) -> Scan {
    if flagged.value.is_some() {
        return flagged;
    }
    let opened: Vec<String> = missing.iter().map(|key| format!("{{{key}: ")).collect();
    let with = format!("{}{max_pods}{}", opened.concat(), "}".repeat(missing.len()));
    Scan {
        value: None,
        edits: vec![Edit {
            at: entry.value.clone(),
            with,
        }],
    }
}

/// A line with something on it: where it begins, where its text begins, and where it ends before its line break.
#[derive(Debug, Clone)]
struct Line {
    start: usize,
    text: usize,
    end: usize,
}

impl Line {
    fn indent(&self) -> usize {
        self.text - self.start
    }
}

/// A mapping: the line above it, and its lines.
#[derive(Debug, Clone)]
struct Block {
    above: Option<usize>,
    lines: Range<usize>,
}

/// A key of a mapping with what is behind it on its line, and the lines below it.
#[derive(Debug, Clone)]
struct Entry {
    value: Range<usize>,
    body: Block,
    whole: Range<usize>,
}

struct Document<'t> {
    all: &'t str,
    lines: Vec<Line>,
    crlf: bool,
}

impl<'t> Document<'t> {
    fn read(all: &'t str, within: Range<usize>) -> Result<Self, UserDataError> {
        let mut lines = Vec::new();
        let mut start = within.start;
        let mut crlf = false;
        for raw in all.get(within).unwrap_or_default().split_inclusive('\n') {
            let (from, line) = (start, raw.trim_end_matches(['\n', '\r']));
            start += raw.len();
            crlf |= raw.ends_with("\r\n");
            let content = line.trim_start_matches(' ');
            if content.starts_with('\t') {
                return Err(UserDataError::of("its lines begin with tabs"));
            }
            let blank = content.trim().is_empty() || content.starts_with('#');
            if !blank {
                lines.push(Line {
                    start: from,
                    text: from + line.len() - content.len(),
                    end: from + line.len(),
                });
            }
        }
        Ok(Self { all, lines, crlf })
    }

    fn line(&self, index: usize) -> &str {
        let range = self.lines.get(index).map(|line| line.text..line.end);
        range.and_then(|range| self.all.get(range)).unwrap_or_default()
    }

    fn indent(&self, index: usize) -> usize {
        self.lines.get(index).map_or(0, Line::indent)
    }

    /// The one document of the text, without the marks around it.
    fn root(&self) -> Result<Block, UserDataError> {
        let is_mark = |index: &usize| {
            let line = self.line(*index);
            self.indent(*index) == 0 && (line == "..." || line.split_whitespace().next() == Some("---"))
        };
        let mut lines = 0..self.lines.len();
        while lines.start < lines.end && is_mark(&lines.start) {
            lines.start += 1;
        }
        while lines.start < lines.end && is_mark(&(lines.end - 1)) {
            lines.end -= 1;
        }
        if lines.clone().any(|index| is_mark(&index)) {
            return Err(UserDataError::of("it has several YAML documents in one"));
        }
        Ok(Block { above: None, lines })
    }

    fn has(&self, block: &Block, key: &str, value: &str) -> Result<bool, UserDataError> {
        let entry = self.entry(block, key)?;
        let said = entry.and_then(|entry| self.all.get(entry.value));
        Ok(said.is_some_and(|said| said.trim_matches(['"', '\'']) == value))
    }

    /// The entry of a key in a mapping.
    fn entry(&self, block: &Block, key: &str) -> Result<Option<Entry>, UserDataError> {
        let indent = self.indent(block.lines.start);
        let is_key = |index: &usize| {
            let line = self.line(*index);
            self.indent(*index) == indent && line != "-" && !line.starts_with("- ")
        };
        let keys: Vec<usize> = block.lines.clone().filter(is_key).collect();
        if keys.is_empty() && !block.lines.is_empty() {
            return Err(UserDataError::of("it has a list where a mapping is expected"));
        }
        let mut found = None;
        for (place, index) in keys.iter().enumerate() {
            let line = self.line(*index);
            let Some(colon) = line.find(':') else {
                return Err(UserDataError::of(format!(
                    "the line {line:?} is no entry of a mapping"
                )));
            };
            let (name, behind) = line.split_at(colon);
            let name = name.trim_end().trim_matches(['"', '\'']);
            if name == "<<" {
                return Err(UserDataError::of("it merges mappings by <<"));
            }
            if name != key {
                continue;
            }
            if found.is_some() {
                return Err(UserDataError::of(format!("{key} is there twice")));
            }
            let until = keys.get(place + 1).copied().unwrap_or(block.lines.end);
            found = Some(self.behind(*index, until, &behind[1..]));
        }
        Ok(found)
    }

    /// What is behind the colon of a key, on its line and below it.
    fn behind(&self, index: usize, until: usize, behind: &str) -> Entry {
        let line = self.lines.get(index);
        let (start, end) = line.map_or((0, 0), |line| (line.text, line.end));
        let value = without_comment(behind);
        let from = end - behind.len() + (value.len() - value.trim_start().len());
        let last = self
            .lines
            .get(until.saturating_sub(1))
            .map_or(end, |line| line.end);
        Entry {
            value: from..from + value.trim().len(),
            body: Block {
                above: Some(index),
                lines: index + 1..until,
            },
            whole: start..last,
        }
    }

    /// What adds the rest of the path to a mapping: below the line above it, or at the end where there is none.
    fn insertion(&self, block: &Block, missing: &[&str], max_pods: u32) -> Edit {
        let above = block.above.unwrap_or_else(|| block.lines.end.saturating_sub(1));
        let indent = match block.above {
            _ if !block.lines.is_empty() => self.indent(block.lines.start),
            Some(above) => self.indent(above) + 2,
            None => 0,
        };
        let line_break = if self.crlf { "\r\n" } else { "\n" };
        let mut with = String::new();
        for (depth, key) in missing.iter().enumerate() {
            with.push_str(line_break);
            with.push_str(&" ".repeat(indent + 2 * depth));
            with.push_str(key);
            with.push(':');
        }
        with.extend([" ", max_pods.to_string().as_str()]);
        let at = self.lines.get(above).map_or(0, |line| line.end);
        Edit { at: at..at, with }
    }
}

/// A value without the comment behind it.
fn without_comment(behind: &str) -> &str {
    let quoted = behind.trim_start().starts_with(['"', '\'']);
    match behind.find(" #") {
        Some(comment) if !quoted => behind.get(..comment).unwrap_or_default(),
        _ => behind,
    }
}
