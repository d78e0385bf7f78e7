//! Sentences in a terminal: wrapped, indented, counted, and how long ago something was.

use super::paint::{Paint, Style};
use jiff::{SignedDuration, Timestamp};

/// How wide sentences are.
const WIDTH: usize = 100;

/// The words of a text in lines, the first behind `first` and the others behind as many spaces.
pub(crate) fn wrapped(first: &str, text: &str) -> String {
    let indent = first.chars().count();
    let mut lines = String::new();
    for (index, paragraph) in text.lines().enumerate() {
        let mut line = if index == 0 {
            first.to_owned()
        } else {
            " ".repeat(indent)
        };
        let mut is_empty = true;
        for word in paragraph.split_whitespace() {
            if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
                lines.push_str(line.trim_end());
                lines.push('\n');
                line = " ".repeat(indent);
                is_empty = true;
            }
            if !is_empty {
                line.push(' ');
            }
            line.push_str(word);
            is_empty = false;
        }
        lines.push_str(line.trim_end());
        lines.push('\n');
    }
    lines
}

/// The same, every line behind so many spaces.
pub(crate) fn indented(spaces: usize, text: &str) -> String {
    wrapped(&" ".repeat(spaces), text)
}

/// Adds a line to a page.
pub(crate) fn line(page: &mut String, text: &str) {
    page.push_str(text);
    page.push('\n');
}

/// The heading of a part of a page.
pub(crate) fn heading(text: &str, paint: Paint) -> String {
    format!("\n{}\n", paint.on(Style::Bold, text))
}

/// Facts, one a line, each behind its name.
pub(crate) fn facts(rows: &[(&str, String)], paint: Paint) -> String {
    let names = rows.iter().map(|(name, _)| name.chars().count());
    let width = names.max().unwrap_or_default();
    let mut page = String::new();
    for (name, value) in rows {
        let name = paint.on(Style::Bold, &format!("{name:<width$}"));
        line(&mut page, &format!("{name}  {value}"));
    }
    page
}

/// So many of a thing: `1 node`, `2 nodes`.
pub(crate) fn count(number: usize, thing: &str) -> String {
    if number == 1 {
        format!("1 {thing}")
    } else {
        format!("{number} {thing}s")
    }
}

/// How long ago something was, as kubectl says it: `45s`, `12m`, `3h`, `9d`.
pub(crate) fn age(since: Timestamp, now: Timestamp) -> String {
    let passed = now.duration_since(since).max(SignedDuration::ZERO);
    match passed.as_secs() {
        seconds if seconds < 120 => format!("{seconds}s"),
        seconds if seconds < 2 * 3600 => format!("{}m", seconds / 60),
        seconds if seconds < 48 * 3600 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_sentences_are_wrapped_behind_their_indent() {
        let text = wrapped("  - ", &"word ".repeat(30));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("  - word") && lines[1].starts_with("    word"));
        assert!(lines.iter().all(|line| line.chars().count() <= WIDTH));
        assert_eq!(indented(2, "a\nb"), "  a\n  b\n");
    }

    #[test]
    fn ages_are_short() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let ages: Vec<String> = [5, 300, 10_000, 1_000_000]
            .iter()
            .map(|seconds| age(at(0), at(*seconds)))
            .collect();
        assert_eq!(ages, ["5s", "5m", "2h", "11d"]);
        assert_eq!([count(1, "node"), count(2, "node")], ["1 node", "2 nodes"]);
    }
}
