//! A JSON object of strings, read as Go reads it into `map[string]string`: the form of ADDITIONAL_ENI_TAGS.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::Chars;

/// Reads an object whose values are strings (or null, which Go leaves empty). None for anything else.
pub(super) fn parse_strings(text: &str) -> Option<BTreeMap<String, String>> {
    let mut reader = Reader {
        rest: text.chars().peekable(),
    };
    let map = if reader.skip_spaces() == Some('n') {
        reader.word("null")?;
        BTreeMap::new()
    } else {
        reader.object()?
    };
    reader.skip_spaces().is_none().then_some(map)
}

/// Writes the object without spaces, its keys sorted.
pub(super) fn write_strings(map: &BTreeMap<String, String>) -> String {
    let members: Vec<String> = map
        .iter()
        .map(|(key, value)| format!("{}:{}", quoted(key), quoted(value)))
        .collect();
    format!("{{{}}}", members.join(","))
}

fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            control if u32::from(control) < 0x20 => {
                // Writing to a String cannot fail.
                write!(out, "\\u{:04x}", u32::from(control)).unwrap_or_default();
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
}

impl Reader<'_> {
    /// The next character that is no space, left in place.
    fn skip_spaces(&mut self) -> Option<char> {
        while self
            .rest
            .next_if(|c| matches!(c, ' ' | '\t' | '\n' | '\r'))
            .is_some()
        {}
        self.rest.peek().copied()
    }

    fn expect(&mut self, wanted: char) -> Option<()> {
        self.skip_spaces();
        self.rest.next_if_eq(&wanted).map(|_| ())
    }

    fn word(&mut self, word: &str) -> Option<()> {
        word.chars().all(|c| self.rest.next() == Some(c)).then_some(())
    }

    fn object(&mut self) -> Option<BTreeMap<String, String>> {
        let mut map = BTreeMap::new();
        self.expect('{')?;
        if self.skip_spaces() == Some('}') {
            self.rest.next();
            return Some(map);
        }
        loop {
            self.skip_spaces();
            let key = self.string()?;
            self.expect(':')?;
            let value = if self.skip_spaces() == Some('n') {
                self.word("null")?;
                String::new()
            } else {
                self.string()?
            };
            map.insert(key, value);
            self.skip_spaces();
            match self.rest.next()? {
                ',' => {}
                '}' => return Some(map),
                _ => return None,
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        self.rest.next_if_eq(&'"')?;
        let mut out = String::new();
        loop {
            match self.rest.next()? {
                '"' => return Some(out),
                '\\' => out.push(self.escape()?),
                control if u32::from(control) < 0x20 => return None,
                other => out.push(other),
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        Some(match self.rest.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            plain @ ('"' | '\\' | '/') => plain,
            'u' => return self.unicode(),
            _ => return None,
        })
    }

    /// `\uXXXX`, or a pair of them; a lone surrogate becomes U+FFFD as in Go.
    fn unicode(&mut self) -> Option<char> {
        let first = self.hex()?;
        if !(0xd800..0xdc00).contains(&first) {
            return Some(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let mut ahead = Self {
            rest: self.rest.clone(),
        };
        let second = ahead.word("\\u").and_then(|()| ahead.hex());
        match second {
            Some(second) if (0xdc00..0xe000).contains(&second) => {
                self.rest = ahead.rest;
                char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))
            }
            _ => Some(char::REPLACEMENT_CHARACTER),
        }
    }

    fn hex(&mut self) -> Option<u32> {
        (0..4).try_fold(0, |number, _| Some(number * 16 + self.rest.next()?.to_digit(16)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Vec<(String, String)>> {
        Some(parse_strings(text)?.into_iter().collect())
    }

    #[test]
    fn objects_of_strings_are_read() {
        assert_eq!(read(" { } "), Some(vec![]));
        assert_eq!(read("null"), Some(vec![]));
        let two = vec![("a".to_owned(), "1".to_owned()), ("b".to_owned(), String::new())];
        assert_eq!(read("{\"a\" : \"1\",\n\"b\":null}"), Some(two));
        assert_eq!(
            read(r#"{"a":"x","a":"y"}"#),
            Some(vec![("a".to_owned(), "y".to_owned())])
        );
        let escaped = r#"{"\u0041\n\/":"\ud83d\ude00\ud800\\"}"#;
        assert_eq!(
            read(escaped),
            Some(vec![("A\n/".to_owned(), "😀\u{fffd}\\".to_owned())])
        );
    }

    #[test]
    fn anything_else_is_not() {
        for text in [
            "",
            "{",
            "[]",
            "{\"a\":1}",
            "{\"a\":\"b\",}",
            "{\"a\"}",
            "{} x",
            "{\"a\":\"\\x\"}",
            "{\"a\":\"\n\"}",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let map: BTreeMap<String, String> = [
            ("k\"\\\u{1}".to_owned(), "v/é\n".to_owned()),
            (String::new(), String::new()),
        ]
        .into();
        assert_eq!(parse_strings(&write_strings(&map)), Some(map));
    }
}
