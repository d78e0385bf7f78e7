//! Writing to the terminal. A closed pipe is no error: the reader has seen enough.

use std::io::{self, Write};

/// One line on standard output.
pub(crate) fn say(line: &str) {
    writeln!(io::stdout(), "{line}").unwrap_or_default();
}

/// One line on standard error.
pub(crate) fn complain(line: &str) {
    writeln!(io::stderr(), "{line}").unwrap_or_default();
}
