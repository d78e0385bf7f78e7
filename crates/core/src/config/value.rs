//! The value of one setting, typed, and the whole of what is set.

use super::Key;
use crate::net::Ipv4Net;
use std::collections::BTreeMap;

/// A typed value of a setting.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// A switch.
    Bool(bool),
    /// A number.
    Int(i64),
    /// A word of an enumeration or free text; empty is a value of its own.
    Text(String),
    /// Networks, sorted.
    Cidrs(Vec<Ipv4Net>),
    /// Tags.
    Tags(BTreeMap<String, String>),
}

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
