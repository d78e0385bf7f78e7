//! What the code does where a setting is absent, by version.

use super::{ChangeClass, Key, Value, text};
use crate::version::CniVersion;

/// The first version that no longer reads the backend switch; it finds the iptables backend by itself.
const NFTABLES_UNTIL: CniVersion = CniVersion::new(1, 13, 2);

/// Whether the version reads the setting.
pub(super) fn is_read(key: Key, version: CniVersion) -> bool {
    version.has(key.field().since) && !(key == Key::EnableNftables && version.has(NFTABLES_UNTIL))
}

/// The code's default, typed.
pub(super) fn of(key: Key) -> Option<Value> {
    let field = key.field();
    match field.default {
        _ if field.class == ChangeClass::None => None,
        Some(default) => text::typed(field.kind, default),
        None => None,
    }
}

/// What the code did before it read the setting; the default, except where reading it changed the behaviour.
pub(super) fn before(key: Key) -> Option<Value> {
    match key {
        // IPv4 was all there was.
        Key::EnableIpv4 => Some(Value::Bool(true)),
        // Interfaces went to the primary interface's subnet.
        Key::EnableSubnetDiscovery => Some(Value::Bool(false)),
        _ => of(key),
    }
}

/// What the code makes of a value that is set: none where it acts as if nothing were set.
pub(super) fn as_acted_on(key: Key, value: Option<&Value>) -> Option<Value> {
    let value = value.filter(|value| text::fits(key.field().kind, value))?;
    let empty = matches!(value, Value::Text(text) if text.is_empty());
    (!(empty && empty_is_default(key))).then(|| value.clone())
}

/// Readers that take an empty text for an absent one; for all others it is a value.
fn empty_is_default(key: Key) -> bool {
    matches!(
        key,
        Key::EniConfigLabelDef
            | Key::EniConfigAnnotationDef
            | Key::LogFile
            | Key::BackingStore
            | Key::ClusterName
            | Key::Ec2Endpoint
    )
}
