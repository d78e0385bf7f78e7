//! Checks of areas about single settings: parsing, validation at start, tags, names.

use crate::Checked;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use vpccni_core::config::{
    Effective, Key, Process, RawConfig, RawValue, StartupError, plugin_mtu, read, startup_errors,
};
use vpccni_core::ids::InstanceId;
use vpccni_core::limits::InstanceLimits;
use vpccni_core::version::CniVersion;
use vpccni_core::{discovery, eni_tags as tags, eniconfig};

/// The environment of aws-node in an input: texts as they are, booleans as text, null as absent.
fn environment(input: &Value) -> Result<RawConfig, String> {
    let mut aws_node = Vec::new();
    for (name, value) in input.as_object().ok_or("the input is no object")? {
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            Value::Bool(on) => on.to_string(),
            other => return Err(format!("{name}={other} is no text")),
        };
        if name == "env" {
            for assignment in text.split(',') {
                let (name, text) = assignment.split_once('=').ok_or("an assignment without =")?;
                aws_node.push((name.to_owned(), RawValue::Text(text.to_owned())));
            }
        } else if !name.starts_with(char::is_lowercase) {
            aws_node.push((name.clone(), RawValue::Text(text)));
        }
    }
    let raw = RawConfig {
        aws_node,
        ..RawConfig::default()
    };
    match read(&raw).unknown.first() {
        Some(unknown) => Err(format!("{} is not a variable", unknown.name)),
        None => Ok(raw),
    }
}

fn effective(input: &Value) -> Result<Effective, String> {
    Ok(Effective::of(
        &read(&environment(input)?).config,
        CniVersion::REFERENCE,
    ))
}

pub(crate) fn validation(input: &Value) -> Checked {
    let raw = environment(input)?;
    let errors = |limits: Option<&InstanceLimits>| startup_errors(&raw, CniVersion::REFERENCE, limits);
    if let Some(prefixes) = input["nitro_or_bare_metal"].as_bool() {
        let limits = InstanceLimits {
            max_enis: 3,
            ipv4_per_eni: 10,
            prefix_delegation: prefixes,
            nitro: prefixes,
            bare_metal: false,
            trunk: None,
            branches: None,
            vcpus: None,
        };
        let exits = errors(Some(&limits))
            .iter()
            .any(|error| error.exits() == Some(Process::Ipamd));
        return Ok(json!({ "valid": !exits }));
    }
    let errors = errors(None);
    if input.get("AWS_VPC_ENI_MTU").is_some() {
        let valid = |wanted| {
            let is_wrong =
                |error: &StartupError| matches!(error, StartupError::Mtu { key, .. } if *key == wanted);
            !errors.iter().any(is_wrong)
        };
        return Ok(json!({ "eni_mtu_valid": valid(Key::EniMtu), "pod_mtu_valid": valid(Key::PodMtu) }));
    }
    let exits = errors
        .iter()
        .any(|error| error.exits() == Some(Process::Entrypoint));
    Ok(json!({ "container_exit_code": exits.then_some(1) }))
}

pub(crate) fn env(input: &Value) -> Checked {
    if let Some(target) = input["warm_prefix_target"].as_i64() {
        let on = input["prefix_delegation"].as_bool().ok_or("no mode")?;
        let effective = effective(&json!({
            "WARM_PREFIX_TARGET": target.to_string(), "ENABLE_PREFIX_DELEGATION": on,
        }))?;
        return Ok(json!({ "defined": effective.warm_prefix_target_counts() }));
    }
    if input.get("DISABLE_LEAKED_ENI_CLEANUP").is_some() {
        return Ok(json!({ "cleanup_disabled": effective(input)?.leaked_eni_cleanup_disabled() }));
    }
    let (name, texts) = input
        .as_object()
        .and_then(|map| map.iter().next())
        .ok_or("no variable")?;
    let target = |text: &Value| -> Result<i64, String> {
        let effective = effective(&json!({ name.as_str(): text }))?;
        match name.as_str() {
            "MINIMUM_IP_TARGET" => Ok(effective.minimum_ip()),
            "WARM_ENI_TARGET" => Ok(effective.warm_eni()),
            "WARM_PREFIX_TARGET" => Ok(effective.warm_prefix()),
            other => Err(format!("no check of {other}")),
        }
    };
    Ok(match texts.as_array() {
        Some(texts) => json!({ "value": texts.iter().map(target).collect::<Result<Vec<_>, _>>()? }),
        None => json!({ "value": target(texts)? }),
    })
}

pub(crate) fn mtu(input: &Value) -> Checked {
    let values = input["values"].as_array().ok_or("no values")?;
    let mtus: Option<Vec<i64>> = values
        .iter()
        .map(|value| value.as_str().map(plugin_mtu))
        .collect();
    Ok(json!({ "mtu": mtus.ok_or("a value is no text")? }))
}

pub(crate) fn cidrs(input: &Value) -> Checked {
    let effective = effective(input)?;
    let cidrs: Vec<String> = effective
        .cidrs(Key::ExternalServiceCidrs)
        .iter()
        .map(ToString::to_string)
        .collect();
    // Upstream's list is nil where nothing is in it.
    Ok(json!({ "cidrs": (!cidrs.is_empty()).then_some(cidrs) }))
}

pub(crate) fn eni_tags(input: &Value) -> Checked {
    let instance =
        InstanceId::parse(input["instance"].as_str().ok_or("no instance")?).map_err(|e| e.to_string())?;
    Ok(json!({ "tags": tags::of(&effective(input)?, &instance) }))
}

fn string_map(value: &Value) -> Result<BTreeMap<String, String>, String> {
    let Some(map) = value.as_object() else {
        return Ok(BTreeMap::new());
    };
    map.iter()
        .map(|(key, value)| {
            Ok((
                key.clone(),
                value.as_str().ok_or("a value is no text")?.to_owned(),
            ))
        })
        .collect()
}

pub(crate) fn eni_config(input: &Value) -> Checked {
    let variables = json!({ "ENI_CONFIG_LABEL_DEF": input["ENI_CONFIG_LABEL_DEF"] });
    let effective = effective(&variables)?;
    let (labels, annotations) = (string_map(&input["labels"])?, string_map(&input["annotations"])?);
    let name = eniconfig::resolve(
        &labels,
        &annotations,
        effective.eni_config_label(),
        effective.eni_config_annotation(),
    );
    let there = input["eniconfigs"].as_array().ok_or("no ENIConfigs")?;
    let selected = if there.iter().any(|known| known == name) {
        name
    } else {
        "error"
    };
    Ok(json!({ "selected": selected }))
}

pub(crate) fn subnet(input: &Value) -> Checked {
    let cluster = input["cluster_name"].as_str().filter(|name| !name.is_empty());
    let is_primary = input["primary"].as_bool().ok_or("not said whether primary")?;
    let usable = discovery::is_usable(&string_map(&input["tags"])?, is_primary, cluster);
    Ok(json!({ "usable": usable }))
}
