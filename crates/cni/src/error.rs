//! What a runtime is told when a command fails: a code of the CNI specification, and a sentence.

use std::fmt;

/// The codes. Those from 100 on are the plugin's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The configuration is of a version this plugin, or this command, does not know.
    IncompatibleVersion,
    /// A variable of the environment is missing or wrong.
    InvalidEnvironment,
    /// Something could not be read.
    Io,
    /// A JSON text could not be decoded.
    Decode,
    /// The configuration is wrong.
    InvalidConfig,
    /// It may work in a while: ipamd is away, or has no address.
    TryAgainLater,
    /// STATUS: an ADD would fail now.
    NotAvailable,
    /// The kernel could not be set up, or is not as the result says.
    Network,
    /// ipamd refused.
    Refused,
    /// The network-policy agent is away, or refused.
    NetworkPolicy,
    /// A plugin that this one calls failed.
    Delegate,
    /// A mistake of this plugin.
    Internal,
}

impl Code {
    /// Its number.
    pub fn number(self) -> u32 {
        match self {
            Self::IncompatibleVersion => 1,
            Self::InvalidEnvironment => 4,
            Self::Io => 5,
            Self::Decode => 6,
            Self::InvalidConfig => 7,
            Self::TryAgainLater => 11,
            Self::NotAvailable => 50,
            Self::Network => 100,
            Self::Refused => 101,
            Self::NetworkPolicy => 102,
            Self::Delegate => 103,
            Self::Internal => 999,
        }
    }
}

/// A failed command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CniError {
    /// Its kind.
    pub code: Code,
    /// What failed.
    pub message: String,
    /// Why, if somebody else said that.
    pub details: String,
}

impl CniError {
    /// An error without details.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            details: String::new(),
        }
    }

    /// An error with what somebody else said.
    pub fn because(code: Code, message: impl Into<String>, details: impl fmt::Display) -> Self {
        Self {
            details: details.to_string(),
            ..Self::new(code, message)
        }
    }
}

impl fmt::Display for CniError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.details.is_empty() {
            return Ok(());
        }
        write!(f, ": {}", self.details)
    }
}

impl std::error::Error for CniError {}
