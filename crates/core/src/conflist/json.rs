//! Just enough JSON to write a list of plugins, indented for who reads it on a node.

use std::fmt::{self, Write as _};

/// A value. Keys keep the order in which they are given.
pub(super) enum Json {
    Text(String),
    Bool(bool),
    List(Vec<Self>),
    Object(Vec<(&'static str, Self)>),
}

impl Json {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn object<const N: usize>(keys: [(&'static str, Self); N]) -> Self {
        Self::Object(keys.into())
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        match self {
            Self::Text(text) => quoted(f, text),
            Self::Bool(value) => write!(f, "{value}"),
            Self::List(items) => block(f, depth, ('[', ']'), items, |f, item| item.write(f, depth + 1)),
            Self::Object(keys) => block(f, depth, ('{', '}'), keys, |f, (key, value)| {
                quoted(f, key)?;
                f.write_str(": ")?;
                value.write(f, depth + 1)
            }),
        }
    }
}

fn block<T>(
    f: &mut fmt::Formatter<'_>,
    depth: usize,
    (open, close): (char, char),
    items: &[T],
    mut each: impl FnMut(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    f.write_char(open)?;
    for (index, item) in items.iter().enumerate() {
        f.write_str(if index == 0 { "\n" } else { ",\n" })?;
        write!(f, "{:1$}", "", 2 * (depth + 1))?;
        each(f, item)?;
    }
    write!(f, "\n{:1$}{close}", "", 2 * depth)
}

fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' | '\\' => write!(f, "\\{character}")?,
            control if u32::from(control) < 0x20 => write!(f, "\\u{:04x}", u32::from(control))?,
            other => f.write_char(other)?,
        }
    }
    f.write_char('"')
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)?;
        f.write_char('\n')
    }
}
