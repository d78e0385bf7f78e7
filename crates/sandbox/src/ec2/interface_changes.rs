//! ModifyNetworkInterfaceAttribute and DescribeNetworkInterfaceAttribute: one attribute at a time.

use super::done;
use super::interfaces::{write_attachment, write_groups};
use super::settings::{self, CONNECTIONS};
use crate::action::{Effect, Family};
use crate::error::ApiError;
use crate::wire::ids;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::{Settings, World};
use vpccni_core::ids::{EniId, SecurityGroupId};

pub(super) const ACTIONS: Family = &[
    ("DescribeNetworkInterfaceAttribute", describe),
    ("ModifyNetworkInterfaceAttribute", modify),
];

/// The one attribute of a ModifyNetworkInterfaceAttribute.
enum Change {
    Description(String),
    SourceDestCheck(bool),
    Groups(Vec<SecurityGroupId>),
    DeleteOnTermination(String, bool),
    PrimaryIpv6(bool),
    Connections(Settings),
}

fn modify(params: &mut Params) -> Result<Effect, ApiError> {
    let id: EniId = ids::required(params, "NetworkInterfaceId")?;
    let mut changes = Vec::new();
    if let Some(text) = params.structure("Description", |p| Ok(p.text("Value").unwrap_or_default()))? {
        changes.push(Change::Description(text));
    }
    if let Some(check) = params.structure("SourceDestCheck", |p| p.required_parsed("Value"))? {
        changes.push(Change::SourceDestCheck(check));
    }
    let groups: Vec<SecurityGroupId> = ids::list(params, "SecurityGroupId")?;
    if !groups.is_empty() {
        changes.push(Change::Groups(groups));
    }
    let attachment = params.structure("Attachment", |p| {
        Ok((
            p.required("AttachmentId")?,
            p.required_parsed("DeleteOnTermination")?,
        ))
    })?;
    if let Some((attachment, delete)) = attachment {
        changes.push(Change::DeleteOnTermination(attachment, delete));
    }
    if let Some(enable) = params.parsed("EnablePrimaryIpv6")? {
        changes.push(Change::PrimaryIpv6(enable));
    }
    let connections = params.structure("ConnectionTrackingSpecification", |p| {
        settings::read(p, CONNECTIONS)
    })?;
    changes.extend(connections.map(Change::Connections));
    if changes.len() > 1 {
        return Err(ApiError::combination(
            "Only one attribute can be modified at a time",
        ));
    }
    let change = changes.pop().ok_or_else(|| ApiError::missing("Attribute"))?;
    Ok(Box::new(move |world| {
        apply(world, &id, change)?;
        Ok(done())
    }))
}

fn apply(world: &mut World, id: &EniId, change: Change) -> Result<(), ApiError> {
    match change {
        Change::Description(text) => world.interface_mut(id)?.description = text,
        Change::SourceDestCheck(check) => world.interface_mut(id)?.source_dest_check = check,
        Change::Groups(groups) => world.set_interface_groups(id, &groups)?,
        Change::DeleteOnTermination(attachment, delete) => {
            world.set_delete_on_termination(id, &attachment, delete)?;
        }
        Change::PrimaryIpv6(enable) => world.enable_primary_ipv6(id, enable)?,
        Change::Connections(settings) => world.interface_mut(id)?.tracking = settings,
    }
    Ok(())
}

const ATTRIBUTES: [&str; 5] = [
    "associatePublicIpAddress",
    "attachment",
    "description",
    "groupSet",
    "sourceDestCheck",
];

fn describe(params: &mut Params) -> Result<Effect, ApiError> {
    let id: EniId = ids::required(params, "NetworkInterfaceId")?;
    let attribute = params.required("Attribute")?;
    if !ATTRIBUTES.contains(&attribute.as_str()) {
        return Err(ApiError::value(format!(
            "Value ({attribute}) for parameter Attribute is invalid."
        )));
    }
    Ok(Box::new(move |world| {
        let interface = world.interface(&id)?;
        let mut xml = Xml::default();
        xml.text("networkInterfaceId", &id);
        match attribute.as_str() {
            "attachment" => write_attachment(&mut xml, interface),
            "description" => {
                xml.element("description", |xml| {
                    xml.text("value", &interface.description);
                });
            }
            "groupSet" => write_groups(&mut xml, interface, world),
            "sourceDestCheck" => {
                xml.element("sourceDestCheck", |xml| {
                    xml.text("value", interface.source_dest_check);
                });
            }
            // There are no public addresses here.
            _ => {
                xml.text("associatePublicIpAddress", false);
            }
        }
        Ok(xml)
    }))
}
