//! The whole configuration of the VPC CNI, typed: one table of fields, one value per key.

#[cfg(test)]
pub(crate) mod arbitrary;
mod args;
mod defaults;
mod effective;
mod field;
mod go;
pub mod hash;
mod json;
mod key;
mod parse;
mod raw;
mod read;
pub mod reference;
#[cfg(test)]
mod round_trip;
mod startup;
mod text;
mod upstream;
mod validate;
mod value;
pub mod write;

pub use args::merge_agent_args;
pub use effective::{Effective, NetworkPolicyMode, PodEniMode};
pub use field::{ChangeClass, Kind, Place};
pub use hash::{change_hash, config_hash, text_digest};
pub use key::{FIELDS, Field, Key};
pub use parse::{ParseError, Setting, check, parse};
pub use raw::{RawConfig, RawValue};
pub use read::{ReadConfig, ReadNote, UnknownSetting, read};
pub use startup::{Process, StartupError, startup_errors};
pub use upstream::{Reaction, plugin_mtu};
pub use validate::{ConfigError, validate};
pub use value::{CniConfig, Value};
