//! What the demo prints: headlines, plain sentences, commands with their prompt, and what they answered.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use crate::terminal::say;

/// No line is longer, so that it reads well in a window of ordinary width.
const WIDTH: usize = 108;
const BOLD: &str = "\u{1b}[1m";
const CYAN: &str = "\u{1b}[36m";
const RESET: &str = "\u{1b}[0m";

/// The page that is written.
#[derive(Debug)]
pub(super) struct Page {
    coloured: bool,
    begun: Instant,
}

impl Page {
    /// Bold and coloured on a terminal, unless asked to be plain or `NO_COLOR` is set.
    pub(super) fn new(plain: bool) -> Self {
        let coloured = !plain && std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self {
            coloured,
            begun: Instant::now(),
        }
    }

    /// The time since the page was begun.
    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// A headline with an empty line before it, and the time since the beginning.
    pub(super) fn headline(&self, text: &str) {
        let seconds = self.elapsed().as_secs();
        let line = format!("{text}  [{}:{:02}]", seconds / 60, seconds % 60);
        let rule = "─".repeat(line.chars().count());
        say(&format!("\n{}\n{rule}", self.styled(BOLD, &line)));
    }

    /// One or more sentences.
    #[expect(
        clippy::unused_self,
        reason = "the page is written through its value, whatever the style of a line"
    )]
    pub(super) fn prose(&self, text: &str) {
        say(&wrapped(text, 0));
    }

    /// A command as it is typed; the lines of a document that it reads follow as they are.
    pub(super) fn command(&self, command: &str) {
        let mut lines = command.lines();
        let first = lines.next().unwrap_or_default();
        say(&format!("\n{}", self.styled(CYAN, &format!("$ {first}"))));
        for line in lines {
            say(&self.styled(CYAN, line));
        }
    }

    /// What a command answered.
    #[expect(
        clippy::unused_self,
        reason = "the page is written through its value, whatever the style of a line"
    )]
    pub(super) fn output(&self, text: &str) {
        for line in text.trim_end().lines() {
            say(&wrapped(line, 2));
        }
    }

    /// A step that takes a while: a bar that turns on a terminal, a line elsewhere.
    pub(super) fn progress(&self) -> Progress {
        let bar = (self.coloured && std::io::stderr().is_terminal()).then(ProgressBar::new_spinner);
        if let Some(bar) = &bar {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Progress { bar }
    }

    fn styled(&self, style: &str, text: &str) -> String {
        if self.coloured {
            format!("{style}{text}{RESET}")
        } else {
            text.to_owned()
        }
    }
}

/// Progress of what takes a while. It disappears from a terminal when dropped.
#[derive(Debug)]
pub(super) struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    /// The next step of it.
    pub(super) fn step(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(format!("· {line}")),
            None => say(&format!("· {line}")),
        }
        self.detail(line);
    }

    /// What is being done inside the step: shown on a terminal only, because a log would get a line for each crate.
    pub(super) fn detail(&self, line: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(line.to_owned());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Breaks a text at spaces; what follows a break is indented as the text is, and two more where it is output. What fits
/// in a line keeps its columns.
fn wrapped(text: &str, indent: usize) -> String {
    let own = text.chars().take_while(|c| *c == ' ').count();
    let hanging = if indent == 0 { 0 } else { indent + own + 2 };
    let mut lines = Vec::new();
    let mut rest = format!("{}{text}", " ".repeat(indent));
    while rest.chars().count() > WIDTH {
        let start = rest.chars().take_while(|c| *c == ' ').count();
        let Some(end) = break_at(&rest, start) else { break };
        lines.push(rest[..end].trim_end().to_owned());
        rest = format!("{}{}", " ".repeat(hanging), rest[end..].trim_start());
    }
    lines.push(rest);
    lines.join("\n")
}

/// The last space before the line is full, or else the first one after.
fn break_at(line: &str, start: usize) -> Option<usize> {
    let spaces = || {
        line.char_indices()
            .enumerate()
            .filter(|(_, (_, c))| *c == ' ')
            .skip(start)
    };
    let within = spaces().take_while(|(column, _)| *column <= WIDTH).last();
    within.or_else(|| spaces().next()).map(|(_, (place, _))| place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_lines_keep_their_columns() {
        assert_eq!(wrapped("NAME   AGE", 2), "  NAME   AGE");
        assert_eq!(wrapped("", 2), "  ");
    }

    #[test]
    fn long_lines_break_between_words_and_none_is_too_long() {
        let text = format!("  {}", ["word"; 60].join(" "));
        let lines = wrapped(&text, 2);
        assert!(lines.lines().count() > 2);
        for (number, line) in lines.lines().enumerate() {
            assert!(line.chars().count() <= WIDTH, "{line}");
            let indent = if number == 0 { "    word" } else { "      word" };
            assert!(line.starts_with(indent), "{line}");
        }
        assert_eq!(lines.matches("word").count(), 60);
    }

    #[test]
    fn columns_before_a_break_stay() {
        let text = format!("Normal   Taken   {}", ["word"; 40].join(" "));
        assert!(wrapped(&text, 2).starts_with("  Normal   Taken   word"));
    }

    #[test]
    fn a_word_that_is_too_long_stays_whole() {
        let word = "x".repeat(WIDTH + 10);
        assert_eq!(wrapped(&word, 0), word);
        assert_eq!(wrapped(&format!("{word} end"), 2), format!("  {word}\n    end"));
    }
}
