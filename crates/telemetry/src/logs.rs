//! Logs to standard error or a file, as text for people or as one JSON object a line for collectors.

use std::fs::File;
use std::io::IsTerminal;
use std::sync::Arc;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For collectors: one object a line, fields beside the message.
    Json,
}

/// Why logs could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    /// The filter is not of the form `level` or `target=level,…`.
    #[error("failed to read the log filter {filter:?}: {message}")]
    Filter {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        message: String,
    },
    /// Somebody set up logs before.
    #[error("failed to set up logs: {0}")]
    Install(String),
}

/// Where lines go.
#[derive(Debug, Default)]
pub enum Target {
    /// Standard error.
    #[default]
    Stderr,
    /// Standard output.
    Stdout,
    /// A file that is open already; whoever rotates it copies and truncates.
    File(File),
}

/// Starts logs for the whole process, on standard error; `filter` is `info`, or `target=level` pairs with commas between.
pub fn init(format: Format, filter: &str) -> Result<(), LogsError> {
    init_to(Target::Stderr, format, filter)
}

/// The same, with lines that go elsewhere.
pub fn init_to(target: Target, format: Format, filter: &str) -> Result<(), LogsError> {
    // Colours are for people at a terminal, not for files and collectors.
    let (writer, colours) = match target {
        Target::Stderr => (
            BoxMakeWriter::new(std::io::stderr),
            std::io::stderr().is_terminal(),
        ),
        Target::Stdout => (
            BoxMakeWriter::new(std::io::stdout),
            std::io::stdout().is_terminal(),
        ),
        Target::File(file) => (BoxMakeWriter::new(Arc::new(file)), false),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(parse(filter)?)
        .with_writer(writer)
        .with_ansi(colours);
    let installed = match format {
        Format::Text => builder.finish().try_init(),
        Format::Json => builder
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .finish()
            .try_init(),
    };
    installed.map_err(|error| LogsError::Install(error.to_string()))
}

fn parse(filter: &str) -> Result<EnvFilter, LogsError> {
    EnvFilter::try_new(filter).map_err(|error| LogsError::Filter {
        filter: filter.to_owned(),
        message: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read_and_a_bad_one_is_named() {
        for good in ["info", "warn,vpc_cni_operator=debug", "off"] {
            assert!(parse(good).is_ok(), "{good}");
        }
        let error = parse("vpc_cni_operator=loud").unwrap_err().to_string();
        assert!(error.contains("vpc_cni_operator=loud"), "{error}");
    }

    #[test]
    fn a_second_start_is_an_error_not_a_panic() {
        init(Format::Json, "off").unwrap();
        assert!(matches!(init(Format::Text, "off"), Err(LogsError::Install(_))));
    }
}
