//! Checks of areas about single interfaces of a node, and about delays and errors.

use crate::Checked;
use serde_json::{Value, json};
use vpccni_core::config::{Effective, Key, PodEniMode, RawConfig, RawValue, read};
use vpccni_core::eni_tags::INSTANCE_TAG;
use vpccni_core::ids::{InstanceId, InstanceType};
use vpccni_core::node_enis::{
    ATTACH_LOOKS, Attach, CREATED_TAG, EniTags, Feature, LeakVerdict, NO_MANAGE_TAG, Stray, after_look,
    is_leaked, is_managed, merge_features, node_addresses, takes_trunk,
};
use vpccni_core::pool::{CAPACITY_COOLDOWN, capacity_blocked_until, is_capacity_error};
use vpccni_core::version::CniVersion;
use vpccni_core::{config, datapath, limits};

fn texts<'a>(input: &'a Value, field: &str) -> Result<Vec<Option<&'a str>>, String> {
    let list = input[field]
        .as_array()
        .ok_or_else(|| format!("{field} is no list"))?;
    Ok(list.iter().map(Value::as_str).collect())
}

fn enforcing(text: Option<&str>) -> PodEniMode {
    let raw = RawConfig {
        aws_node: text
            .map(|text| {
                let name = Key::PodSecurityGroupEnforcingMode.field().name.to_owned();
                (name, RawValue::Text(text.to_owned()))
            })
            .into_iter()
            .collect(),
        ..RawConfig::default()
    };
    Effective::of(&read(&raw).config, CniVersion::REFERENCE).pod_eni_mode()
}

/// Security groups for pods: names of host links, the enforcing mode, types that can have a trunk.
pub(crate) fn branches(input: &Value) -> Checked {
    if let Some(prefix) = input["prefix"].as_str() {
        let modes = texts(input, "modes")?;
        let prefixes: Vec<&str> = modes
            .into_iter()
            .map(|mode| datapath::host_veth_prefix(prefix, enforcing(mode)))
            .collect();
        return Ok(json!({ "prefixes": prefixes }));
    }
    if input.get("types").is_some() {
        let known = |name: &str| {
            InstanceType::parse(name)
                .ok()
                .and_then(|name| limits::find(&name))
        };
        let compatible: Vec<bool> = texts(input, "types")?
            .into_iter()
            .map(|name| takes_trunk(name.and_then(known).as_ref()))
            .collect();
        return Ok(json!({ "compatible": compatible }));
    }
    let word = |mode| match mode {
        config::PodEniMode::Strict => "strict",
        config::PodEniMode::Standard => "standard",
    };
    let modes: Vec<&str> = texts(input, "values")?
        .into_iter()
        .map(|text| word(enforcing(text)))
        .collect();
    Ok(json!({ "modes": modes }))
}

pub(crate) fn cni_node(input: &Value) -> Checked {
    let calls = input["calls"].as_array().ok_or("no calls")?;
    let mut there: Vec<Feature> = Vec::new();
    let mut counts = Vec::new();
    for call in calls {
        let wanted: Option<Vec<Feature>> = call
            .as_array()
            .ok_or("a call is no list")?
            .iter()
            .map(|pair| {
                Some(Feature {
                    name: pair[0].as_str()?.into(),
                    value: pair[1].as_str()?.to_owned(),
                })
            })
            .collect();
        let wanted = wanted.ok_or("a feature is no pair of texts")?;
        there = merge_features(&there, &wanted).unwrap_or(there);
        assert!(wanted.iter().all(|feature| there.contains(feature)));
        counts.push(there.len());
    }
    Ok(json!({ "feature_counts": counts }))
}

pub(crate) fn unmanaged(input: &Value) -> Checked {
    let own = InstanceId::parse("i-0123456789abcdef0").map_err(|error| error.to_string())?;
    let untagged = input["manage_untagged_eni"].as_bool().ok_or("not said")?;
    let mut unmanaged = Vec::new();
    for eni in texts(input, "enis")?.into_iter().flatten() {
        let mut tags = EniTags::new();
        for (name, value) in input["tags"][eni].as_object().into_iter().flatten() {
            let value = value.as_str().ok_or("a tag is no text")?;
            let value = if value == "SELF" { own.as_str() } else { value };
            let name = match name.as_str() {
                "no_manage" => NO_MANAGE_TAG,
                "instance_id" => INSTANCE_TAG,
                other => return Err(format!("unknown tag {other}")),
            };
            tags.insert(name.to_owned(), value.to_owned());
        }
        if !is_managed(&tags, input["primary"] == eni, &own, untagged) {
            unmanaged.push(eni);
        }
    }
    Ok(json!({ "unmanaged": unmanaged }))
}

pub(crate) fn leaked(input: &Value) -> Checked {
    let now = jiff::Timestamp::from_second(1_800_000_000).map_err(|error| error.to_string())?;
    let mut tags = EniTags::new();
    if input["has_instance_id_tag"] == json!(true) {
        tags.insert(INSTANCE_TAG.to_owned(), "i-0a1".to_owned());
    }
    if let Some(minutes) = input["created_min_ago"].as_i64() {
        let created = now - jiff::SignedDuration::from_mins(minutes);
        tags.insert(CREATED_TAG.to_owned(), created.to_string());
    }
    let cluster = input["cluster_name"].as_str();
    if let Some(tag) = input["cluster_tag"].as_str() {
        tags.insert(vpccni_core::eni_tags::CLUSTER_TAG.to_owned(), tag.to_owned());
    }
    let stray = Stray {
        description: input["description"].as_str().ok_or("no description")?,
        status: input["status"].as_str().ok_or("no status")?,
        tags: &tags,
    };
    Ok(json!({ "leaked": is_leaked(stray, cluster, now) == LeakVerdict::Leaked }))
}

pub(crate) fn wait(input: &Value) -> Checked {
    let number = |field: &str| -> Result<u32, String> {
        let number = input[field].as_u64().ok_or_else(|| format!("no {field}"))?;
        u32::try_from(number).map_err(|error| error.to_string())
    };
    if number("max_attempts")? != ATTACH_LOOKS {
        return Err(format!("we look {ATTACH_LOOKS} times"));
    }
    let (found, wanted) = (number("found_secondary_ips")?, number("wanted")?);
    let mut attempts = 1;
    loop {
        let ok = match after_look(found, wanted, attempts) {
            Attach::Wait => {
                attempts += 1;
                continue;
            }
            Attach::Whole | Attach::Partial => true,
            Attach::Failed => false,
        };
        return Ok(json!({ "ok": ok, "attempts": attempts }));
    }
}

pub(crate) fn backoff(input: &Value) -> Checked {
    if let Some(code) = input.get("ec2_error_code") {
        let full = code.as_str().is_some_and(|code| is_capacity_error(code, ""));
        return Ok(json!({ "insufficient_subnet_capacity": full }));
    }
    if input["cooldown_s"].as_i64() != Some(CAPACITY_COOLDOWN.as_secs()) {
        return Err(format!("the cooldown is {CAPACITY_COOLDOWN}"));
    }
    let now = jiff::Timestamp::from_second(1_800_000_000).map_err(|error| error.to_string())?;
    let since = input["seconds_since_last_insufficient_error"].as_i64();
    let skips = since.is_some_and(|seconds| {
        let failed = now - jiff::SignedDuration::from_secs(seconds);
        capacity_blocked_until(failed, 0) > now
    });
    Ok(json!({ "skip_allocation": skips }))
}

/// What the network-policy agent is told about the node.
pub(crate) fn addresses(input: &Value) -> Checked {
    let local = texts(input, "local")?;
    let (v4, v6) = (
        local.iter().flatten().find_map(|text| text.parse().ok()),
        local.iter().flatten().find_map(|text| text.parse().ok()),
    );
    let mut told: [Vec<String>; 2] = Default::default();
    for ipv6 in input["enable_ipv6"].as_array().ok_or("no families")? {
        let (of_v4, of_v6) = node_addresses(ipv6.as_bool().ok_or("no family")?, v4, v6);
        told[0].push(of_v4.map_or_else(String::new, |address| address.to_string()));
        told[1].push(of_v6.map_or_else(String::new, |address| address.to_string()));
    }
    let [v4, v6] = told;
    Ok(json!({ "node_ipv4": v4, "node_ipv6": v6 }))
}
