//! Colours of a terminal, which are left out where there is none: no meaning is carried by colour alone.

/// How a text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Bold,
    Dim,
    Good,
    Bad,
    Warning,
    Taken,
    Reserved,
}

/// Colours, or none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paint {
    on: bool,
}

impl Paint {
    pub(crate) fn new(on: bool) -> Self {
        Self { on }
    }

    /// The text in a style.
    pub(crate) fn on(self, style: Style, text: &str) -> String {
        if !self.on {
            return text.to_owned();
        }
        let code = match style {
            Style::Bold => "1",
            Style::Dim => "2",
            Style::Good => "32",
            Style::Bad => "31",
            Style::Warning => "33",
            Style::Taken => "34",
            Style::Reserved => "36",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colours_a_text_stays_as_it_is() {
        assert_eq!(Paint::new(false).on(Style::Bad, "x"), "x");
        assert_eq!(Paint::new(true).on(Style::Bad, "x"), "\u{1b}[31mx\u{1b}[0m");
    }
}
