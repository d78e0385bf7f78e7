//! Where answers go: standard output in the format that was asked for. A reader that went away is no error.

mod paint;
mod table;
mod text;

pub(crate) use paint::{Paint, Style};
pub(crate) use table::{Cell, Table};
pub(crate) use text::{age, count, facts, heading, indented, line, wrapped};

use crate::args::{Flags, Format, plain_environment};
use crate::failure::Failure;
use serde::Serialize;
use std::io::{BufRead, ErrorKind, IsTerminal, Write};

/// Where answers go.
pub struct Out {
    format: Format,
    paint: Paint,
    terminal: bool,
    sink: Box<dyn Write + Send>,
}

impl std::fmt::Debug for Out {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Out")
            .field("format", &self.format)
            .field("terminal", &self.terminal)
            .finish_non_exhaustive()
    }
}

impl Out {
    /// Standard output, coloured where it is a terminal and nobody objects.
    pub fn standard(flags: &Flags) -> Self {
        let terminal = std::io::stdout().is_terminal();
        Self {
            format: flags.output,
            paint: Paint::new(terminal && !flags.no_color && !plain_environment()),
            terminal,
            sink: Box::new(std::io::stdout()),
        }
    }

    /// Anything else, without colours.
    pub fn to(sink: Box<dyn Write + Send>, format: Format) -> Self {
        Self {
            format,
            paint: Paint::new(false),
            terminal: false,
            sink,
        }
    }

    /// Whether a person looks at it.
    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal && self.format == Format::Table
    }

    /// The colours.
    pub(crate) fn paint(&self) -> Paint {
        self.paint
    }

    /// Shows an answer: the value itself to programs, a text made of it to people.
    pub(crate) fn show<V: Serialize>(
        &mut self,
        value: &V,
        text: impl FnOnce(&V, Paint) -> String,
    ) -> Result<(), Failure> {
        let text = match self.format {
            Format::Table => text(value, self.paint),
            Format::Json => serde_json::to_string_pretty(value)
                .map(|text| text + "\n")
                .map_err(|error| Failure::Output(error.into()))?,
            Format::Yaml => serde_norway::to_string(value)
                .map_err(|error| Failure::Output(std::io::Error::other(error)))?,
        };
        self.write(&text)
    }

    /// Shows one of many answers: a line to people, a JSON object a line or a YAML document to programs.
    pub(crate) fn show_line<V: Serialize>(&mut self, value: &V, line: &str) -> Result<(), Failure> {
        let text = match self.format {
            Format::Table => format!("{line}\n"),
            Format::Json => serde_json::to_string(value)
                .map(|text| text + "\n")
                .map_err(|error| Failure::Output(error.into()))?,
            Format::Yaml => serde_norway::to_string(value)
                .map(|text| format!("---\n{text}"))
                .map_err(|error| Failure::Output(std::io::Error::other(error)))?,
        };
        self.write(&text)
    }

    /// Writes a text as it is.
    pub(crate) fn write(&mut self, text: &str) -> Result<(), Failure> {
        let written = self
            .sink
            .write_all(text.as_bytes())
            .and_then(|()| self.sink.flush());
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            other => other.map_err(Failure::Output),
        }
    }

    /// Says what failed and what to do, on standard error.
    pub fn complain(&self, failure: &Failure) {
        let mut text = format!("error: {failure}\n");
        if let Some(hint) = failure.hint() {
            line(&mut text, &format!("what to do: {hint}"));
        }
        // Where nobody reads it, there is nobody to tell.
        std::io::stderr().write_all(text.as_bytes()).unwrap_or_default();
    }
}

/// Asks a person, who has to type the word. Where nobody can answer, that is a no.
pub(crate) fn confirm(question: &str, word: &str) -> Result<(), Failure> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        let why = "there is no terminal to ask at".to_owned();
        return Err(Failure::NotConfirmed(why));
    }
    let mut stderr = std::io::stderr();
    let asked = stderr
        .write_all(format!("{question}\nType {word} to go on: ").as_bytes())
        .and_then(|()| stderr.flush());
    asked.map_err(Failure::Output)?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer).map_err(Failure::Output)?;
    if answer.trim() == word {
        Ok(())
    } else {
        Err(Failure::NotConfirmed(format!("{word} was not typed")))
    }
}
