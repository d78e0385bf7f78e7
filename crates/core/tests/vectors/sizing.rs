//! Checks of areas about numbers: limits, warm targets, slots after a switch of mode.

use crate::Checked;
use serde_json::{Value, json};
use vpccni_core::config::{CniConfig, Effective, Key, Value as Setting};
use vpccni_core::ids::InstanceType;
use vpccni_core::limits::InstanceLimits;
use vpccni_core::net::Ipv4Prefix;
use vpccni_core::toggle::{Attached, prefix_slots};
use vpccni_core::version::CniVersion;
use vpccni_core::warm::{PREFIX_STEP, PoolCounts, ceil_div, prefixes_wanted, target_state as targets};
use vpccni_core::{limits as table, max_pods};

fn int(input: &Value, field: &str) -> Result<i64, String> {
    input[field]
        .as_i64()
        .ok_or_else(|| format!("{field} is no number"))
}

/// The configuration in an input: its mode and its targets.
fn effective(input: &Value) -> Result<Effective, String> {
    let mut config = CniConfig::default();
    let prefixes = match input["mode"].as_str() {
        Some("prefix") => true,
        Some("secondary") => false,
        other => return Err(format!("unknown mode {other:?}")),
    };
    config.set(Key::EnablePrefixDelegation, Setting::Bool(prefixes));
    for (field, key) in [
        ("warm_ip_target", Key::WarmIpTarget),
        ("minimum_ip_target", Key::MinimumIpTarget),
        ("warm_prefix_target", Key::WarmPrefixTarget),
    ] {
        if let Some(target) = input[field].as_i64() {
            config.set(key, Setting::Int(target));
        }
    }
    Ok(Effective::of(&config, CniVersion::REFERENCE))
}

pub(crate) fn limits(input: &Value) -> Checked {
    let name = input["instance"].as_str().ok_or("no instance")?;
    let found = InstanceType::parse(name).ok().and_then(|name| table::find(&name));
    let limits = found.ok_or("not in the table")?;
    Ok(json!({
        "eni_limit": limits.max_enis,
        "ipv4_per_eni": limits.ipv4_per_eni,
        "max_pods_file": max_pods::nodeadm_standard(&limits),
        "formula": "eni*(ipv4-1)+2",
    }))
}

pub(crate) fn math(input: &Value) -> Checked {
    let Some(pairs) = input["pairs"].as_array() else {
        let prefix = Ipv4Prefix::containing([10, 0, 0, 0].into()).to_string();
        let length: Option<u32> = prefix.rsplit('/').next().and_then(|length| length.parse().ok());
        return Ok(json!({ "step": PREFIX_STEP, "ips_per_prefix": Ipv4Prefix::SIZE, "prefix_len": length }));
    };
    let divide = |pair: &Value| Some(ceil_div(pair[0].as_i64()?, pair[1].as_i64()?));
    let results: Option<Vec<i64>> = pairs.iter().map(divide).collect();
    Ok(json!({ "results": results.ok_or("a pair is no pair")? }))
}

/// What the first pass after the switch does: it takes slots of interfaces that are there, else it attaches one.
pub(crate) fn mode_toggle(input: &Value) -> Checked {
    let enis = input["enis"].as_array().ok_or("no interfaces")?;
    let held: Result<Vec<i64>, String> = enis.iter().map(|eni| int(eni, "in_use_secondary_ips")).collect();
    let count = |number: i64| u32::try_from(number).map_err(|error| error.to_string());
    let attached = Attached {
        interfaces: u32::try_from(enis.len()).map_err(|error| error.to_string())?,
        held: count(held?.into_iter().sum())?,
        ..Attached::default()
    };
    let limits = InstanceLimits {
        max_enis: input
            .get("max_eni")
            .map_or(Ok(attached.interfaces), |_| count(int(input, "max_eni")?))?,
        ipv4_per_eni: count(int(input, "ipv4_per_eni")?)?,
        prefix_delegation: true,
        nitro: true,
        bare_metal: false,
        trunk: None,
        branches: None,
        vcpus: None,
    };
    let effective = effective(input)?;
    let slots = prefix_slots(&limits, &attached, &effective).ok_or("the type has no prefixes")?;
    let wanted = count(prefixes_wanted(&effective, PoolCounts::default()))?;
    if slots.attached > 0 {
        let taken = wanted.min(slots.attached);
        return Ok(json!({
            "enis": attached.interfaces, "prefixes": taken, "remaining_prefix_slots": slots.attached - taken,
        }));
    }
    let taken = wanted.min(slots.new).min(limits.slots_per_eni());
    Ok(json!({
        "enis": attached.interfaces + u32::from(taken > 0),
        "new_eni_prefixes": taken,
        "pool_total": taken * Ipv4Prefix::SIZE,
    }))
}

pub(crate) fn target_state(input: &Value) -> Checked {
    let effective = effective(input)?;
    let card = match input.get("network_card") {
        Some(card) => card
            .as_u64()
            .and_then(|card| u32::try_from(card).ok())
            .ok_or("no card")?,
        None => 0,
    };
    let optional = |field| input.get(field).map_or(Ok(0), |_| int(input, field));
    let pool = PoolCounts {
        addresses: int(input, "total_ips")?,
        assigned: int(input, "assigned_ips")?,
        prefixes: optional("total_prefixes")?,
        free_prefixes: optional("free_prefixes")?,
    };
    let state = targets(&effective, card, pool);
    let shown = state.unwrap_or_default();
    if input.get("enis").is_some() {
        return after_decrease(&effective, pool);
    }
    let unit = if effective.prefix_delegation() {
        "prefixes"
    } else {
        "ips"
    };
    Ok(json!({ "enabled": state.is_some(), "short": shown.short, "over": shown.over, "unit": unit }))
}

/// Gives back what is over, once and again. Addresses on one interface go with one call, and the vector frees one.
fn after_decrease(effective: &Effective, pool: PoolCounts) -> Checked {
    let state = |pool| targets(effective, 0, pool).ok_or("no targets");
    let first = state(pool)?;
    let smaller = PoolCounts {
        addresses: pool.addresses - first.over,
        ..pool
    };
    let second = state(smaller)?;
    if first.over > 1 {
        return Err("more than one address goes: the calls depend on where they are".to_owned());
    }
    Ok(json!({
        "short": first.short,
        "over": first.over,
        "after_decrease": {
            "short": second.short, "over": second.over, "unassign_calls": first.over, "ips_freed": first.over,
        },
        "second_decrease": { "ips_freed": second.over },
    }))
}
