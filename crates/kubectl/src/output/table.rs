//! Tables as kubectl prints them: capital headers, columns as wide as they have to be, three spaces between.

use super::paint::{Paint, Style};

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    text: String,
    style: Option<Style>,
}

impl Cell {
    /// A text in a style.
    pub(crate) fn styled(text: impl Into<String>, style: Style) -> Self {
        Self {
            text: text.into(),
            style: Some(style),
        }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self {
            text: text.into(),
            style: None,
        }
    }
}

/// A table.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(crate) fn new(header: &[&'static str]) -> Self {
        Self {
            header: header.to_vec(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// The text, each line with this before it.
    pub(crate) fn text(&self, indent: &str, paint: Paint) -> String {
        let width = |column: usize| {
            let header = self.header.get(column).map_or(0, |text| text.chars().count());
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            let widest = cells.map(|cell| cell.text.chars().count()).max();
            header.max(widest.unwrap_or_default())
        };
        let widths: Vec<usize> = (0..self.header.len()).map(width).collect();
        let header: Vec<Cell> = self
            .header
            .iter()
            .map(|text| Cell::styled(*text, Style::Dim))
            .collect();
        let mut text = String::new();
        for row in std::iter::once(&header).chain(&self.rows) {
            text.push_str(indent);
            text.push_str(&line(row, &widths, paint));
            text.push('\n');
        }
        text
    }
}

fn line(row: &[Cell], widths: &[usize], paint: Paint) -> String {
    let mut line = String::new();
    for (index, (cell, width)) in row.iter().zip(widths).enumerate() {
        let shown = match cell.style {
            Some(style) => paint.on(style, &cell.text),
            None => cell.text.clone(),
        };
        line.push_str(&shown);
        if index + 1 < row.len() {
            let missing = width.saturating_sub(cell.text.chars().count());
            line.push_str(&" ".repeat(missing + 3));
        }
    }
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["NAME", "VALUE"]);
        table.row(vec!["a".into(), "1".into()]);
        table.row(vec!["longer".into(), Cell::styled("2", Style::Bad)]);
        let expected = "  NAME     VALUE\n  a        1\n  longer   2\n";
        assert_eq!(table.text("  ", Paint::new(false)), expected);
        assert!(table.text("", Paint::new(true)).contains("longer   \u{1b}[31m2"));
    }
}
