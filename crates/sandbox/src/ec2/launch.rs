//! RunInstances.

use super::instances::write;
use super::interfaces::read_addresses;
use crate::action::{Effect, Family};
use crate::error::ApiError;
use crate::wire::ids;
use crate::wire::params::Params;
use crate::wire::tags::Specifications;
use crate::wire::xml::Xml;
use crate::world::{ACCOUNT, InstanceState, InterfaceKind, NewInstances, NewNetwork};
use vpccni_core::ids::{InstanceType, SecurityGroupId, SubnetId, Zone};

pub(super) const ACTIONS: Family = &[("RunInstances", run)];

/// What AWS launches when no type is named.
const DEFAULT_TYPE: &str = "m1.small";

fn run(params: &mut Params) -> Result<Effect, ApiError> {
    let fingerprint = params.fingerprint();
    let image = params.required("ImageId")?;
    let type_name = params
        .text("InstanceType")
        .unwrap_or_else(|| DEFAULT_TYPE.to_owned());
    let instance_type = InstanceType::parse(&type_name)
        .map_err(|_| ApiError::value(format!("Invalid value '{type_name}' for InstanceType.")))?;
    let networks = read_networks(params)?;
    let zone = params
        .structure("Placement", |p| p.parsed::<Zone>("AvailabilityZone"))?
        .flatten();
    let tags = Specifications::parse(params, &["instance", "network-interface"])?;
    let new = NewInstances {
        image,
        instance_type,
        min: params.required_parsed("MinCount")?,
        max: params.required_parsed("MaxCount")?,
        networks,
        instance_tags: tags.of("instance"),
        interface_tags: tags.of("network-interface"),
        token: params.text("ClientToken").map(|token| (token, fingerprint)),
    };
    Ok(Box::new(move |world| {
        if let (Some(zone), Some(network)) = (&zone, new.networks.first())
            && world.subnet(&network.subnet)?.zone != *zone
        {
            return Err(ApiError::value(format!(
                "The availability zone {zone} is not that of the subnet {}",
                network.subnet
            )));
        }
        let ids = world.run_instances(&new)?;
        let mut xml = Xml::default();
        let instances: Vec<_> = ids.iter().filter_map(|id| world.instances.get(id)).collect();
        xml.maybe("reservationId", instances.first().map(|i| &i.launch))
            .text("ownerId", ACCOUNT)
            .element("groupSet", |_| {})
            .set("instancesSet", instances, |xml, instance| {
                write(xml, instance, world, InstanceState::Pending);
            });
        Ok(xml)
    }))
}

/// The interfaces of a launch: spelled out, or the primary one of the subnet and groups at the top.
fn read_networks(params: &mut Params) -> Result<Vec<NewNetwork>, ApiError> {
    let mut networks = params.structures("NetworkInterface", read_network)?;
    let subnet: Option<SubnetId> = ids::optional(params, "SubnetId")?;
    let groups: Vec<SecurityGroupId> = ids::list(params, "SecurityGroupId")?;
    if networks.is_empty() {
        let (primary, want) = read_addresses(params)?;
        networks.push(NewNetwork {
            device_index: 0,
            network_card: 0,
            // There is no default VPC here.
            subnet: subnet.ok_or_else(|| ApiError::missing("SubnetId"))?,
            groups,
            description: String::new(),
            kind: InterfaceKind::Interface,
            primary,
            want,
            delete_on_termination: true,
        });
    } else if subnet.is_some() || !groups.is_empty() {
        return Err(ApiError::combination(
            "Network interfaces and an instance-level subnet ID or security groups may not be specified on the same \
             request",
        ));
    }
    Ok(networks)
}

fn read_network(item: &mut Params) -> Result<NewNetwork, ApiError> {
    let (primary, want) = read_addresses(item)?;
    Ok(NewNetwork {
        device_index: item.required_parsed("DeviceIndex")?,
        network_card: item.parsed("NetworkCardIndex")?.unwrap_or(0),
        subnet: ids::required(item, "SubnetId")?,
        groups: ids::list(item, "SecurityGroupId")?,
        description: item.text("Description").unwrap_or_default(),
        kind: item
            .text("InterfaceType")
            .map_or(Ok(InterfaceKind::Interface), |kind| InterfaceKind::parse(&kind))?,
        primary,
        want,
        delete_on_termination: item.parsed("DeleteOnTermination")?.unwrap_or(true),
    })
}
