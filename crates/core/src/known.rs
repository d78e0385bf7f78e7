//! A fact that may not have been readable. Unknown is never treated as zero or as false.

/// A fact, or the reason why it could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known<T> {
    /// What was read.
    Yes(T),
    /// Why it is not known: one sentence for the status.
    Unknown(String),
}

impl<T> Known<T> {
    /// The fact, if it is known.
    pub fn as_option(&self) -> Option<&T> {
        match self {
            Self::Yes(fact) => Some(fact),
            Self::Unknown(_) => None,
        }
    }

    /// Whether it is known and the test holds.
    pub fn is_yes_and(&self, test: impl FnOnce(&T) -> bool) -> bool {
        self.as_option().is_some_and(test)
    }

    /// A fact nobody has looked for yet.
    pub fn not_read(what: &str) -> Self {
        Self::Unknown(format!("{what} was not read"))
    }
}
