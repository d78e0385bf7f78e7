//! The versions of the CNI specification, and what each of them knows.

use crate::error::{CniError, Code};
use std::fmt;

/// A version that is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spec {
    /// 0.1.0; also meant by a configuration that names none.
    V0_1_0,
    /// 0.2.0
    V0_2_0,
    /// 0.3.0: interfaces, and prevResult.
    V0_3_0,
    /// 0.3.1
    V0_3_1,
    /// 0.4.0: CHECK.
    V0_4_0,
    /// 1.0.0: addresses say no family.
    V1_0_0,
    /// 1.1.0: GC and STATUS.
    V1_1_0,
}

impl Spec {
    /// All of them, the oldest first.
    pub const ALL: [Self; 7] = [
        Self::V0_1_0,
        Self::V0_2_0,
        Self::V0_3_0,
        Self::V0_3_1,
        Self::V0_4_0,
        Self::V1_0_0,
        Self::V1_1_0,
    ];

    /// The newest.
    pub const NEWEST: Self = Self::V1_1_0;

    /// As it is written.
    pub fn text(self) -> &'static str {
        match self {
            Self::V0_1_0 => "0.1.0",
            Self::V0_2_0 => "0.2.0",
            Self::V0_3_0 => "0.3.0",
            Self::V0_3_1 => "0.3.1",
            Self::V0_4_0 => "0.4.0",
            Self::V1_0_0 => "1.0.0",
            Self::V1_1_0 => "1.1.0",
        }
    }

    /// What a configuration asks for.
    pub fn read(text: Option<&str>) -> Result<Self, CniError> {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return Ok(Self::V0_1_0);
        };
        Self::ALL
            .into_iter()
            .find(|version| version.text() == text)
            .ok_or_else(|| {
                let known = Self::ALL.map(Self::text).join(", ");
                CniError::because(
                    Code::IncompatibleVersion,
                    format!("the configuration is of version {text}"),
                    format!("known are {known}"),
                )
            })
    }

    /// Fails for a configuration older than the command.
    pub fn at_least(self, oldest: Self, command: &str) -> Result<(), CniError> {
        if self >= oldest {
            return Ok(());
        }
        Err(CniError::new(
            Code::IncompatibleVersion,
            format!("{command} needs a configuration of version {oldest} or newer, not {self}"),
        ))
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}
