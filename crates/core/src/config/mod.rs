//! The whole configuration of the VPC CNI, typed: one table of fields, one value per key.

mod field;
mod key;
mod value;

pub use field::{ChangeClass, Field, Kind, Place};
pub use key::{FIELDS, Key};
pub use value::Value;

use std::collections::BTreeMap;

/// What is set, and only that: an absent key is an absent variable, which is not the same as an empty or a default one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CniConfig {
    settings: BTreeMap<Key, Value>,
}

impl CniConfig {
    /// What is set for the key.
    pub fn get(&self, key: Key) -> Option<&Value> {
        self.settings.get(&key)
    }

    /// Sets the key.
    pub fn set(&mut self, key: Key, value: Value) {
        self.settings.insert(key, value);
    }

    /// Removes the key.
    pub fn unset(&mut self, key: Key) -> Option<Value> {
        self.settings.remove(&key)
    }

    /// What is set, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &Value)> {
        self.settings.iter().map(|(key, value)| (*key, value))
    }
}
