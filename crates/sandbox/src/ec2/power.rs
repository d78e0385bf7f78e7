//! StartInstances, StopInstances, RebootInstances, ModifyInstanceAttribute, ModifyInstanceMetadataOptions.

use super::done;
use super::instances::{instances, write_metadata, write_state};
use super::launch_data::instance_type;
use super::settings::{self, Form, LAUNCH, Setting};
use crate::action::{Effect, Family};
use crate::error::ApiError;
use crate::wire::ids;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::{Changes, Settings};
use vpccni_core::ids::{InstanceId, InstanceType, SecurityGroupId};

pub(super) const ACTIONS: Family = &[
    ("ModifyInstanceAttribute", modify),
    ("ModifyInstanceMetadataOptions", metadata),
    ("RebootInstances", reboot),
    ("StartInstances", start),
    ("StopInstances", stop),
];

fn write_changes(changes: Changes) -> Xml {
    let mut xml = Xml::default();
    xml.set("instancesSet", changes, |xml, (id, before, after)| {
        xml.text("instanceId", id);
        write_state(xml, "currentState", after);
        write_state(xml, "previousState", before);
    });
    xml
}

fn start(params: &mut Params) -> Result<Effect, ApiError> {
    let ids = instances(params)?;
    Ok(Box::new(move |world| Ok(write_changes(world.start(&ids)?))))
}

fn stop(params: &mut Params) -> Result<Effect, ApiError> {
    let ids = instances(params)?;
    // There is no operating system that could refuse to end, so there is nothing to force.
    let _force: Option<bool> = params.parsed("Force")?;
    let hibernate: bool = params.parsed("Hibernate")?.unwrap_or(false);
    if hibernate {
        return Err(ApiError::unsupported("The sandbox does not model hibernation"));
    }
    Ok(Box::new(move |world| Ok(write_changes(world.stop(&ids)?))))
}

fn reboot(params: &mut Params) -> Result<Effect, ApiError> {
    let ids = instances(params)?;
    Ok(Box::new(move |world| {
        world.reboot(&ids)?;
        Ok(done())
    }))
}

/// Reads `name` for each setting of the metadata service, under the names that a launch has for them.
fn metadata(params: &mut Params) -> Result<Effect, ApiError> {
    let id: InstanceId = ids::required(params, "InstanceId")?;
    let mut given = Settings::default();
    for (name, _, form) in LAUNCH {
        let Some(short) = name.strip_prefix("MetadataOptions.") else {
            continue;
        };
        if let Some(value) = params.text(short) {
            settings::check(short, &value, *form)?;
            given.0.insert((*name).to_owned(), value);
        }
    }
    Ok(Box::new(move |world| {
        let options = world.set_metadata(&id, &given)?;
        let mut xml = Xml::default();
        xml.text("instanceId", &id);
        write_metadata(&mut xml, "instanceMetadataOptions", "pending", options);
        Ok(xml)
    }))
}

/// The one attribute of a ModifyInstanceAttribute.
enum Change {
    Type(InstanceType),
    Groups(Vec<SecurityGroupId>),
    SourceDestCheck(bool),
    Setting(&'static str, String),
}

/// Attributes that are settings of a launch.
const KEPT: &[&str] = &[
    "DisableApiStop",
    "DisableApiTermination",
    "EbsOptimized",
    "InstanceInitiatedShutdownBehavior",
    "UserData",
];

fn modify(params: &mut Params) -> Result<Effect, ApiError> {
    let id: InstanceId = ids::required(params, "InstanceId")?;
    let mut changes = Vec::new();
    let groups: Vec<SecurityGroupId> = ids::list(params, "GroupId")?;
    if !groups.is_empty() {
        changes.push(Change::Groups(groups));
    }
    if let Some(name) = value_of(params, "InstanceType")? {
        changes.push(Change::Type(instance_type(&name)?));
    }
    if let Some(value) = value_of(params, "SourceDestCheck")? {
        settings::check("SourceDestCheck", &value, Form::Flag)?;
        changes.push(Change::SourceDestCheck(value == "true"));
    }
    for (name, _, form) in LAUNCH
        .iter()
        .filter(|setting: &&Setting| KEPT.contains(&setting.0))
    {
        if let Some(value) = value_of(params, name)? {
            settings::check(name, &value, *form)?;
            changes.push(Change::Setting(name, value));
        }
    }
    if changes.len() > 1 {
        return Err(ApiError::combination(
            "Only one attribute can be modified at a time",
        ));
    }
    let change = changes.pop().ok_or_else(|| ApiError::missing("Attribute"))?;
    Ok(Box::new(move |world| {
        match change {
            Change::Type(name) => world.set_type(&id, &name)?,
            Change::Groups(groups) => world.set_instance_groups(&id, &groups)?,
            Change::SourceDestCheck(check) => world.set_instance_check(&id, check)?,
            Change::Setting(name, value) => world.set_setting(&id, name, &value)?,
        }
        Ok(done())
    }))
}

/// `Name.Value`, or the older spelling with `Attribute` and `Value`.
fn value_of(params: &mut Params, name: &str) -> Result<Option<String>, ApiError> {
    let named = params
        .peek("Attribute")
        .is_some_and(|attribute| attribute.eq_ignore_ascii_case(name));
    if named {
        let _attribute = params.text("Attribute");
        return params.required("Value").map(Some);
    }
    if let Some(value) = params.text(name) {
        return Ok(Some(value));
    }
    params.structure(name, |value| value.required("Value"))
}
