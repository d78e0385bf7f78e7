//! What the API server answered to a write.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// The object as it stands after a write.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    object: Value,
}

impl Written {
    pub(crate) fn new(object: Value) -> Self {
        Self { object }
    }

    /// Its version, for the next write bound to this one.
    pub fn resource_version(&self) -> Option<&str> {
        self.object.pointer("/metadata/resourceVersion")?.as_str()
    }

    /// Its uid.
    pub fn uid(&self) -> Option<&str> {
        self.object.pointer("/metadata/uid")?.as_str()
    }

    /// Its generation.
    pub fn generation(&self) -> Option<i64> {
        self.object.pointer("/metadata/generation")?.as_i64()
    }

    /// As a type, where it can be read as one.
    pub fn parse<K: DeserializeOwned>(&self) -> Result<K, serde_json::Error> {
        K::deserialize(&self.object)
    }

    /// As it came.
    pub fn into_value(self) -> Value {
        self.object
    }
}
