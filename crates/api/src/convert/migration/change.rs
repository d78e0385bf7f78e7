//! What a migration changes: two configurations, and the groups as they were at its beginning.

use super::group::{node_group, node_group_of};
use crate::migration::{ChangedGroup, Configuration, EniConfigRow, MigrationChange, ReplaceMethod};
use std::collections::BTreeMap;
use vpccni_core::config::{self, RawConfig, RawValue};
use vpccni_core::ids::{EniConfigName, SecurityGroupId, SubnetId, Zone};
use vpccni_core::migration::{Method, MigrationPlan};
use vpccni_core::safety::{CniSetup, EniConfigSpec, NodeGroup};
use vpccni_core::version::CniVersion;

/// `spec.change` cannot be read: somebody made the object by hand, or a newer version did.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("spec.change.{field}: {message}")]
pub struct InvalidChange {
    field: String,
    message: String,
}

fn invalid(field: &str, message: &(impl ToString + ?Sized)) -> InvalidChange {
    InvalidChange {
        field: field.to_owned(),
        message: message.to_string(),
    }
}

/// The change of a plan, as it is written once.
pub fn change(plan: &MigrationPlan, from: &CniSetup, to: &CniSetup) -> MigrationChange {
    MigrationChange {
        plan_version: i64::from(plan.version),
        from: configuration(from),
        to: configuration(to),
        groups: changed_groups(plan),
    }
}

/// A set-up as the API shows it.
pub fn configuration(setup: &CniSetup) -> Configuration {
    let CniSetup {
        config: values,
        version,
        node_agent,
        eni_configs,
        present: _,
        overwrites_unmanaged: _,
    } = setup;
    let RawConfig {
        aws_node,
        init,
        node_agent_env: _,
        node_agent_args,
        config_map,
    } = config::write::raw(values);
    let literal = |variables: Vec<(String, RawValue)>| -> BTreeMap<String, String> {
        let text = |(name, value)| match value {
            RawValue::Text(text) => Some((name, text)),
            RawValue::FromField => None,
        };
        variables.into_iter().filter_map(text).collect()
    };
    Configuration {
        version: Some(version.to_string()),
        node_agent_version: node_agent.map(|version| version.to_string()),
        aws_node: Some(literal(aws_node)),
        init: Some(literal(init)),
        node_agent_args: Some(node_agent_args),
        config_map: Some(config_map),
        eni_configs: Some(eni_configs.iter().map(eni_config_row).collect()),
    }
}

fn eni_config_row((name, spec): (&EniConfigName, &EniConfigSpec)) -> EniConfigRow {
    let EniConfigSpec {
        subnet,
        security_groups,
        zone,
    } = spec;
    EniConfigRow {
        name: Some(name.to_string()),
        subnet: Some(subnet.to_string()),
        security_groups: Some(security_groups.iter().map(ToString::to_string).collect()),
        zone: zone.as_ref().map(ToString::to_string),
    }
}

/// The set-up that was written down. `side` is `from` or `to`, for errors.
pub fn setup(side: &str, configuration: &Configuration) -> Result<CniSetup, InvalidChange> {
    let Configuration {
        version,
        node_agent_version,
        aws_node,
        init,
        node_agent_args,
        config_map,
        eni_configs,
    } = configuration;
    let literal = |variables: &Option<BTreeMap<String, String>>| {
        let variables = variables.iter().flatten();
        variables
            .map(|(name, text)| (name.clone(), RawValue::Text(text.clone())))
            .collect()
    };
    let raw = RawConfig {
        aws_node: literal(aws_node),
        init: literal(init),
        node_agent_env: Vec::new(),
        node_agent_args: node_agent_args.clone().unwrap_or_default(),
        config_map: config_map.clone().unwrap_or_default(),
    };
    let parse = |field: &str, text: &str| {
        CniVersion::parse(text).map_err(|error| invalid(&format!("{side}.{field}"), &error))
    };
    let rows = eni_configs.iter().flatten();
    Ok(CniSetup {
        config: config::read(&raw).config,
        node_agent: node_agent_version
            .as_deref()
            .map(|text| parse("nodeAgentVersion", text))
            .transpose()?,
        eni_configs: rows
            .map(|row| eni_config(side, row))
            .collect::<Result<_, InvalidChange>>()?,
        ..CniSetup::empty(parse("version", version.as_deref().unwrap_or_default())?)
    })
}

fn eni_config(side: &str, row: &EniConfigRow) -> Result<(EniConfigName, EniConfigSpec), InvalidChange> {
    let at = |field: &str| format!("{side}.eniConfigs[].{field}");
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let groups = row.security_groups.iter().flatten();
    let spec = EniConfigSpec {
        subnet: SubnetId::parse(&text(&row.subnet)).map_err(|error| invalid(&at("subnet"), &error))?,
        security_groups: groups
            .map(|id| SecurityGroupId::parse(id).map_err(|error| invalid(&at("securityGroups"), &error)))
            .collect::<Result<_, _>>()?,
        zone: row
            .zone
            .as_deref()
            .map(|zone| Zone::parse(zone).map_err(|error| invalid(&at("zone"), &error)))
            .transpose()?,
    };
    let name = EniConfigName::parse(&text(&row.name)).map_err(|error| invalid(&at("name"), &error))?;
    Ok((name, spec))
}

/// The groups of a plan in their order.
pub fn changed_groups(plan: &MigrationPlan) -> Vec<ChangedGroup> {
    let row = |group: &vpccni_core::migration::GroupPlan| {
        let (mut successor, mut node_class, mut why) = (None, None, None);
        let method = match &group.method {
            Method::AutoScaling => ReplaceMethod::AutoScaling,
            Method::BlueGreen { successor: name } => {
                successor = Some(name.clone());
                ReplaceMethod::BlueGreen
            }
            Method::UpdateVersion => ReplaceMethod::UpdateVersion,
            Method::KarpenterMaxPods { node_class: name } => {
                node_class = Some(name.clone());
                ReplaceMethod::KarpenterMaxPods
            }
            Method::KarpenterAnnotation => ReplaceMethod::KarpenterAnnotation,
            Method::Drain => ReplaceMethod::Drain,
            Method::Wait { why: reason } => {
                why = Some(crate::convert::bounded(reason, 1024));
                ReplaceMethod::Wait
            }
        };
        ChangedGroup {
            group: node_group(&group.group),
            method,
            successor,
            node_class,
            why,
        }
    };
    plan.groups.iter().map(row).collect()
}

/// The same, as a plan is made from.
pub fn originals(groups: &[ChangedGroup]) -> Result<Vec<(NodeGroup, Method)>, InvalidChange> {
    let row = |row: &ChangedGroup| {
        let name = |text: &Option<String>, field: &str| {
            text.clone()
                .ok_or_else(|| invalid(&format!("groups[].{field}"), "is missing"))
        };
        let method = match row.method {
            ReplaceMethod::AutoScaling => Method::AutoScaling,
            ReplaceMethod::BlueGreen => Method::BlueGreen {
                successor: name(&row.successor, "successor")?,
            },
            ReplaceMethod::UpdateVersion => Method::UpdateVersion,
            ReplaceMethod::KarpenterMaxPods => Method::KarpenterMaxPods {
                node_class: name(&row.node_class, "nodeClass")?,
            },
            ReplaceMethod::KarpenterAnnotation => Method::KarpenterAnnotation,
            ReplaceMethod::Drain => Method::Drain,
            ReplaceMethod::Wait => Method::Wait {
                why: row.why.clone().unwrap_or_default(),
            },
        };
        Ok((node_group_of(&row.group), method))
    };
    groups.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vpccni_core::config::{CniConfig, Key, Value, config_hash};

    #[test]
    fn a_set_up_comes_back_as_it_was() {
        let mut before = CniSetup::empty(CniVersion::REFERENCE);
        let mut values = CniConfig::default();
        values.set(Key::EnablePrefixDelegation, Value::Bool(true));
        values.set(Key::WarmPrefixTarget, Value::Int(1));
        values.set(Key::AgentEnableIpv6, Value::Bool(true));
        values.set(Key::WindowsIpam, Value::Bool(false));
        before.config = values;
        before.node_agent = Some(CniVersion::new(1, 4, 2));
        let spec = EniConfigSpec {
            subnet: SubnetId::parse("subnet-0a").unwrap(),
            security_groups: vec![SecurityGroupId::parse("sg-0a").unwrap()],
            zone: Some(Zone::parse("us-west-2a").unwrap()),
        };
        before
            .eni_configs
            .insert(EniConfigName::parse("us-west-2a").unwrap(), spec);
        let written = configuration(&before);
        let after = setup("from", &written).unwrap();
        assert_eq!(after, before);
        assert_eq!(config_hash(&after.config), config_hash(&before.config));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let mut wrong = configuration(&CniSetup::empty(CniVersion::REFERENCE));
        wrong.version = Some("new".to_owned());
        let error = setup("to", &wrong).unwrap_err().to_string();
        assert!(error.starts_with("spec.change.to.version: "), "{error}");
    }
}
