//! The value of one setting, typed.

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
