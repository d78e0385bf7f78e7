//! A shell script as commands of words. No expansion, no keywords: only where words begin and end, and what is a
//! comment or a here-document.

use super::UserDataError;
use std::ops::Range;

/// How a word is quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quote {
    /// Not at all.
    None,
    /// It is one piece in single quotes.
    Single,
    /// It is one piece in double quotes.
    Double,
    /// In part.
    Mixed,
}

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Its bytes, quotes included.
    pub(super) at: Range<usize>,
    pub(super) quote: Quote,
}

impl Word {
    /// As it is written.
    pub(super) fn raw<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.at.clone()).unwrap_or_default()
    }

    /// Without its quotes, where they are around the whole of it.
    pub(super) fn plain<'t>(&self, text: &'t str) -> &'t str {
        let raw = self.raw(text);
        match self.quote {
            Quote::Single | Quote::Double => raw.get(1..raw.len() - 1).unwrap_or_default(),
            Quote::None | Quote::Mixed => raw,
        }
    }
}

/// The commands of a script from an offset on.
pub(super) fn commands(text: &str, from: usize) -> Result<Vec<Vec<Word>>, UserDataError> {
    let mut reader = Reader {
        bytes: text.as_bytes(),
        at: from,
        documents: Vec::new(),
    };
    let mut all = Vec::new();
    let mut command = Vec::new();
    while let Some(token) = reader.next(text)? {
        match token {
            Token::Word(word) => command.push(word),
            Token::Break => all.push(std::mem::take(&mut command)),
        }
    }
    all.push(command);
    all.retain(|command| !command.is_empty());
    Ok(all)
}

enum Token {
    Word(Word),
    Break,
}

struct Reader<'t> {
    bytes: &'t [u8],
    at: usize,
    /// The here-documents that begin with the next line: their last lines, and whether those may be indented.
    documents: Vec<(String, bool)>,
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn next(&mut self, text: &str) -> Result<Option<Token>, UserDataError> {
        while let Some(byte) = self.peek(0) {
            match byte {
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'\\' if self.peek(1) == Some(b'\n') => self.at += 2,
                b'\\' if self.peek(1) == Some(b'\r') && self.peek(2) == Some(b'\n') => self.at += 3,
                b'#' => self.skip_line(),
                b'\n' => {
                    self.at += 1;
                    self.skip_documents(text);
                    return Ok(Some(Token::Break));
                }
                b'<' if self.peek(1) == Some(b'<') && self.peek(2) != Some(b'<') => self.document(text)?,
                b'<' | b'>' => {
                    let run = self.bytes.get(self.at..).unwrap_or_default();
                    self.at += run.iter().take_while(|b| matches!(b, b'<' | b'>' | b'&')).count();
                }
                b'&' if self.peek(1) == Some(b'>') => self.at += 1,
                b';' | b'&' | b'|' | b'(' | b')' => {
                    self.at += 1;
                    return Ok(Some(Token::Break));
                }
                _ => return self.word().map(|word| Some(Token::Word(word))),
            }
        }
        Ok(None)
    }

    fn word(&mut self) -> Result<Word, UserDataError> {
        let start = self.at;
        let (mut pieces, mut last) = (0_u32, Quote::None);
        while let Some(byte) = self.peek(0) {
            let piece = match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>' => break,
                b'\'' => {
                    self.until(b'\'', false)?;
                    Quote::Single
                }
                b'"' => {
                    self.until(b'"', true)?;
                    Quote::Double
                }
                b'`' => {
                    self.until(b'`', true)?;
                    Quote::None
                }
                b'\\' => {
                    self.at += 2;
                    Quote::None
                }
                b'$' if matches!(self.peek(1), Some(b'(' | b'{')) => {
                    self.expansion()?;
                    Quote::None
                }
                _ => {
                    self.at += 1;
                    Quote::None
                }
            };
            if pieces == 0 || piece != Quote::None || last != Quote::None {
                pieces += 1;
            }
            last = piece;
        }
        self.at = self.at.min(self.bytes.len());
        Ok(Word {
            at: start..self.at,
            quote: if pieces == 1 { last } else { Quote::Mixed },
        })
    }

    /// Goes behind the closing quote.
    fn until(&mut self, close: u8, escapes: bool) -> Result<(), UserDataError> {
        self.at += 1;
        while let Some(byte) = self.peek(0) {
            if byte == close {
                self.at += 1;
                return Ok(());
            }
            self.at += if escapes && byte == b'\\' { 2 } else { 1 };
        }
        Err(UserDataError::of("a quote in the script is not closed"))
    }

    /// Goes behind `$(…)` or `${…}`.
    fn expansion(&mut self) -> Result<(), UserDataError> {
        let mut open = Vec::new();
        self.at += 1;
        while let Some(byte) = self.peek(0) {
            match byte {
                b'(' => open.push(b')'),
                b'{' => open.push(b'}'),
                b'\'' => {
                    self.until(b'\'', false)?;
                    continue;
                }
                b'"' => {
                    self.until(b'"', true)?;
                    continue;
                }
                b'\\' => self.at += 1,
                _ if open.last() == Some(&byte) => {
                    open.pop();
                }
                _ => {}
            }
            self.at += 1;
            if open.is_empty() {
                return Ok(());
            }
        }
        Err(UserDataError::of("an expansion in the script is not closed"))
    }

    /// Reads `<<WORD`; the document begins with the next line.
    fn document(&mut self, text: &str) -> Result<(), UserDataError> {
        self.at += 2;
        let indented = self.peek(0) == Some(b'-');
        if indented {
            self.at += 1;
        }
        while matches!(self.peek(0), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        let word = self.word()?;
        let end = word.raw(text).replace(['\'', '"', '\\'], "");
        self.documents.push((end, indented));
        Ok(())
    }

    fn skip_documents(&mut self, text: &str) {
        for (end, indented) in std::mem::take(&mut self.documents) {
            while self.at < self.bytes.len() {
                let start = self.at;
                self.skip_line();
                let line = text
                    .get(start..self.at)
                    .unwrap_or_default()
                    .trim_end_matches('\r');
                self.at += usize::from(self.at < self.bytes.len());
                let line = if indented {
                    line.trim_start_matches('\t')
                } else {
                    line
                };
                if line == end {
                    break;
                }
            }
        }
    }

    /// Goes to the end of the line, before its line break.
    fn skip_line(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at += rest.iter().take_while(|byte| **byte != b'\n').count();
    }
}
