//! Writing to the terminal. A closed pipe is no error: the reader has seen enough.

use std::io::{self, Write};

/// One line on standard output.
pub(crate) fn say(line: &str) {
    quietly(writeln!(io::stdout(), "{line}"));
}

/// One line on standard error.
pub(crate) fn complain(line: &str) {
    quietly(writeln!(io::stderr(), "{line}"));
}

fn quietly(result: io::Result<()>) {
    match result {
        Ok(()) | Err(_) => {}
    }
}
