//! The whole configuration of the VPC CNI, typed: one table of fields, one value per key.

mod defaults;
mod effective;
mod field;
mod go;
mod json;
mod key;
mod text;
mod value;

pub use effective::{Effective, NetworkPolicyMode, PodEniMode};
pub use field::{ChangeClass, Kind, Place};
pub use key::{FIELDS, Field, Key};
pub use value::{CniConfig, Value};
