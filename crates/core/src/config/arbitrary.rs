//! Arbitrary configurations for property tests: every value is one upstream takes as it is.

use super::upstream::{is_reserved_tag, least_mtu, veth_prefix_is_free};
use super::{CniConfig, Key, Kind, Value};
use crate::net::Ipv4Net;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use std::net::Ipv4Addr;

/// A value of the key.
pub(crate) fn any_value(key: Key) -> BoxedStrategy<Value> {
    match key.field().kind {
        Kind::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        // The narrower range of IPv6 is valid in both families.
        Kind::Int { max, .. } if matches!(key, Key::EniMtu | Key::PodMtu) => {
            (least_mtu(true)..=max).prop_map(Value::Int).boxed()
        }
        Kind::Int { min, max } => (min..=max).prop_map(Value::Int).boxed(),
        Kind::Enum(words) => proptest::sample::select(words)
            .prop_map(|word| Value::Text(word.to_owned()))
            .boxed(),
        Kind::Text { max: 4 } => "[a-z]{0,4}"
            .prop_filter("reserved", |prefix| veth_prefix_is_free(prefix))
            .prop_map(Value::Text)
            .boxed(),
        Kind::Text { .. } => "[ -~]{0,20}"
            .prop_filter("reserved", |text| text != "stdout")
            .prop_map(Value::Text)
            .boxed(),
        Kind::Cidrs => vec((any::<u32>(), 0u8..=32), 0..4).prop_map(networks).boxed(),
        Kind::Tags => btree_map("\\PC{0,12}", "\\PC{0,12}", 0..4)
            .prop_filter("reserved", |tags| !tags.keys().any(|name| is_reserved_tag(name)))
            .prop_map(Value::Tags)
            .boxed(),
        Kind::FieldRef => unreachable!("no configuration holds a field reference"),
    }
}

fn networks(parts: Vec<(u32, u8)>) -> Value {
    let mut cidrs: Vec<Ipv4Net> = parts
        .into_iter()
        .map(|(address, length)| Ipv4Net::new(Ipv4Addr::from(address), length).unwrap().trunc())
        .collect();
    cidrs.sort_unstable();
    cidrs.dedup();
    Value::Cidrs(cidrs)
}

/// A configuration with any of its keys set.
pub(crate) fn any_config() -> BoxedStrategy<CniConfig> {
    let settings: Vec<_> = Key::all()
        .filter(|key| !matches!(key.field().kind, Kind::FieldRef))
        .map(|key| option::of(any_value(key)).prop_map(move |value| (key, value)))
        .collect();
    settings
        .prop_map(|settings| {
            let mut config = CniConfig::default();
            for (key, value) in settings {
                if let Some(value) = value {
                    config.set(key, value);
                }
            }
            config
        })
        .boxed()
}
