//! One setting by place and name, known to the table or not, and what is seen and wanted of it.

use super::manager::ManagerClass;
use crate::config::{Key, Kind, Place};
use std::fmt;

/// A variable, flag or ConfigMap key by the name it has there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SettingName {
    /// Where it is written.
    pub place: Place,
    /// The variable, flag or key.
    pub name: String,
}

impl SettingName {
    /// The name of a setting of the table.
    pub fn of(key: Key) -> Self {
        Self {
            place: key.field().place,
            name: key.field().name.to_owned(),
        }
    }

    /// The setting of the table that has this name.
    pub fn key(&self) -> Option<Key> {
        Key::find(self.place, &self.name)
    }

    /// Whether it is one flag of the node agent's argument list, which is owned and written as a whole.
    pub fn is_agent_flag(&self) -> bool {
        self.place == Place::NodeAgent
            && self
                .key()
                .is_some_and(|key| !matches!(key.field().kind, Kind::FieldRef))
    }
}

impl fmt::Display for SettingName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.key(), self.place) {
            (Some(key), _) => key.fmt(f),
            (None, Place::AwsNode) => f.write_str(&self.name),
            (None, Place::Init) => write!(f, "init {}", self.name),
            (None, Place::NodeAgent) => write!(f, "nodeagent {}", self.name),
            (None, Place::ConfigMap) => write!(f, "amazon-vpc-cni/{}", self.name),
        }
    }
}

/// A value as it is written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Written {
    /// A text.
    Text(String),
    /// A reference that Kubernetes resolves (`valueFrom`), as canonical JSON.
    Reference(String),
}

impl Written {
    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Reference(_) => None,
        }
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) | Self::Reference(text) => f.write_str(text),
        }
    }
}

/// A field manager that owns a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// Its name, as in `metadata.managedFields`.
    pub manager: String,
    /// What it is.
    pub class: ManagerClass,
}

/// What is seen of a setting on the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its value.
    pub value: Written,
    /// Who owns it.
    pub owners: Vec<Owner>,
}

impl Seen {
    /// Whether this operator owns it, alone or with others.
    pub fn is_ours(&self) -> bool {
        self.owners.iter().any(|owner| owner.class == ManagerClass::Ours)
    }

    /// Who else owns it: the one that stands in the way most.
    pub fn other_owner(&self) -> Option<&Owner> {
        let rank = |owner: &&Owner| match owner.class {
            ManagerClass::Reconciler => 0,
            ManagerClass::Eks => 1,
            ManagerClass::Person | ManagerClass::Other => 2,
            ManagerClass::Released => 3,
            ManagerClass::Ours => 4,
        };
        self.owners
            .iter()
            .filter(|owner| owner.class != ManagerClass::Ours)
            .min_by_key(rank)
    }
}
