//! DescribeInstances, TerminateInstances.

use super::describe::Query;
use super::interfaces::write_shared;
use crate::action::{Effect, Family};
use crate::error::ApiError;
use crate::wire::filter::Filterable;
use crate::wire::ids;
use crate::wire::params::Params;
use crate::wire::tags;
use crate::wire::xml::Xml;
use crate::world::{Instance, InstanceState, MetadataOptions, Tags, World};
use std::borrow::Cow;
use vpccni_core::ids::InstanceId;

pub(super) const ACTIONS: Family = &[("DescribeInstances", describe), ("TerminateInstances", terminate)];

impl Filterable for Instance {
    const NAMES: &'static [&'static str] = &[
        "availability-zone",
        "client-token",
        "image-id",
        "instance-id",
        "instance-state-code",
        "instance-state-name",
        "instance-type",
        "network-interface.network-interface-id",
        "owner-id",
        "private-dns-name",
        "private-ip-address",
        "reservation-id",
        "subnet-id",
        "vpc-id",
    ];

    fn values(&self, name: &str) -> Vec<Cow<'_, str>> {
        let (code, state) = self.state.parts();
        vec![match name {
            "availability-zone" => self.zone.as_str().into(),
            "client-token" => self.client_token.as_deref().unwrap_or_default().into(),
            "image-id" => self.image.as_str().into(),
            "instance-id" => self.id.as_str().into(),
            "instance-state-code" => code.to_string().into(),
            "instance-state-name" => state.into(),
            "instance-type" => self.instance_type.as_str().into(),
            "network-interface.network-interface-id" => {
                return self.interfaces.values().map(|id| id.as_str().into()).collect();
            }
            "owner-id" => self.owner.as_str().into(),
            "reservation-id" => self.launch.as_str().into(),
            // A terminated instance is in no network any more.
            _ if self.state == InstanceState::Terminated => return Vec::new(),
            "private-dns-name" => self.private_dns.as_str().into(),
            "private-ip-address" => self.private_ip.to_string().into(),
            "subnet-id" => self.subnet.as_str().into(),
            "vpc-id" => self.vpc.as_str().into(),
            _ => return Vec::new(),
        }]
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

fn describe(params: &mut Params) -> Result<Effect, ApiError> {
    // Nothing here is managed by another service, so there is nothing that this would hide or show.
    let _managed: Option<bool> = params.parsed("IncludeManagedResources")?;
    let query: Query<InstanceId> = Query::parse::<Instance>(params, "InstanceId")?;
    Ok(Box::new(move |world| {
        let cut = if query.ids.is_empty() {
            let own = world.instances.iter();
            query.cut(own.filter(|(_, instance)| instance.owner == world.caller.account))
        } else {
            query.select(&world.instances, |id| world.instance(id))?
        };
        // One reservation an instance: the page is cut by instance, and a launch may lie on two pages.
        let mut xml = Xml::default();
        xml.set("reservationSet", cut.items, |xml, instance| {
            xml.text("reservationId", &instance.launch)
                .text("ownerId", &instance.owner)
                .element("groupSet", |_| {})
                .set("instancesSet", [instance], |xml, instance| {
                    write(xml, instance, world, instance.state);
                });
        })
        .maybe("nextToken", cut.next);
        Ok(xml)
    }))
}

/// The instances that a call is about: one at least.
pub(super) fn instances(params: &mut Params) -> Result<Vec<InstanceId>, ApiError> {
    let ids: Vec<InstanceId> = ids::list(params, "InstanceId")?;
    if ids.is_empty() {
        Err(ApiError::missing("InstanceId"))
    } else {
        Ok(ids)
    }
}

fn terminate(params: &mut Params) -> Result<Effect, ApiError> {
    let ids = instances(params)?;
    // There is no operating system that could refuse to end, so there is nothing to force or to skip.
    let _force: Option<bool> = params.parsed("Force")?;
    let _skip: Option<bool> = params.parsed("SkipOsShutdown")?;
    Ok(Box::new(move |world| {
        let before = world.terminate(&ids)?;
        let mut xml = Xml::default();
        xml.set("instancesSet", before, |xml, (id, previous)| {
            let current = match previous {
                InstanceState::Terminated => InstanceState::Terminated,
                _ => InstanceState::ShuttingDown,
            };
            xml.text("instanceId", id);
            write_state(xml, "currentState", current);
            write_state(xml, "previousState", previous);
        });
        Ok(xml)
    }))
}

pub(super) fn write_state(xml: &mut Xml, name: &str, state: InstanceState) {
    let (code, text) = state.parts();
    xml.element(name, |xml| {
        xml.text("code", code).text("name", text);
    });
}

pub(super) fn write(xml: &mut Xml, instance: &Instance, world: &World, state: InstanceState) {
    xml.text("instanceId", &instance.id)
        .text("imageId", &instance.image)
        .text("instanceType", &instance.instance_type)
        .text("amiLaunchIndex", instance.launch_index)
        .text("launchTime", instance.launch_time);
    write_state(xml, "instanceState", state);
    let zone_id = world
        .zones
        .iter()
        .find(|z| z.name == instance.zone)
        .map(|z| &z.id);
    xml.element("placement", |xml| {
        xml.text("availabilityZone", &instance.zone)
            .maybe("availabilityZoneId", zone_id)
            .text("tenancy", "default");
    })
    .maybe("clientToken", instance.client_token.as_ref())
    .text("virtualizationType", "hvm");
    write_machine(xml, instance);
    if let Some(kind) = world.types.get(instance.instance_type.as_str()) {
        xml.maybe("architecture", kind.arch.last());
    }
    if state != InstanceState::Terminated {
        xml.text("subnetId", &instance.subnet)
            .text("vpcId", &instance.vpc)
            .text("privateIpAddress", instance.private_ip)
            .text("privateDnsName", &instance.private_dns);
        write_interfaces(xml, instance, world);
    }
    tags::write(xml, &instance.tags);
}

/// What its launch was told and what follows from that.
fn write_machine(xml: &mut Xml, instance: &Instance) {
    let settings = &instance.settings;
    xml.element("monitoring", |xml| {
        let on = settings.is_on("Monitoring.Enabled");
        xml.text("state", if on { "enabled" } else { "disabled" });
    })
    .maybe("keyName", settings.get("KeyName"))
    .text("ebsOptimized", settings.is_on("EbsOptimized"))
    .text("rootDeviceType", "ebs")
    .maybe(
        "instanceLifecycle",
        instance.spot_request.as_ref().map(|_| "spot"),
    )
    .maybe("spotInstanceRequestId", instance.spot_request.as_ref());
    if let Some(arn) = instance.profile_arn() {
        xml.element("iamInstanceProfile", |xml| {
            xml.text("arn", arn);
        });
    }
    write_metadata(xml, "metadataOptions", "applied", instance.metadata);
    xml.set("blockDeviceMapping", &instance.volumes, |xml, volume| {
        xml.text("deviceName", &volume.device).element("ebs", |xml| {
            xml.text("volumeId", &volume.id)
                .text("status", "attached")
                .text("attachTime", instance.launch_time)
                .text("deleteOnTermination", volume.delete_on_termination);
        });
    });
}

/// The options of the metadata service; they are in force as soon as they are set, whatever the answer says of them.
pub(super) fn write_metadata(xml: &mut Xml, name: &str, state: &str, options: MetadataOptions) {
    let on_off = |on: bool| if on { "enabled" } else { "disabled" };
    xml.element(name, |xml| {
        xml.text("state", state)
            .text(
                "httpTokens",
                if options.tokens_required {
                    "required"
                } else {
                    "optional"
                },
            )
            .text("httpPutResponseHopLimit", options.hop_limit)
            .text("httpEndpoint", on_off(options.enabled))
            .text("httpProtocolIpv6", on_off(options.ipv6))
            .text("instanceMetadataTags", on_off(options.tags));
    });
}

fn write_interfaces(xml: &mut Xml, instance: &Instance, world: &World) {
    let interfaces = instance
        .interfaces
        .values()
        .filter_map(|id| world.interfaces.get(id));
    xml.set("networkInterfaceSet", interfaces, |xml, interface| {
        write_shared(xml, interface, world);
        xml.text("status", "in-use");
        if let Some(attachment) = &interface.attachment {
            xml.element("attachment", |xml| {
                xml.text("attachmentId", &attachment.id)
                    .text("deviceIndex", attachment.device_index)
                    .text("networkCardIndex", attachment.network_card)
                    .text("status", attachment.status.as_str())
                    .text("attachTime", attachment.time)
                    .text("deleteOnTermination", attachment.delete_on_termination);
            });
        }
    });
    let groups = instance
        .interfaces
        .values()
        .next()
        .and_then(|id| world.interfaces.get(id));
    xml.set(
        "groupSet",
        groups.into_iter().flat_map(|i| &i.groups),
        |xml, id| {
            xml.text("groupId", id)
                .maybe("groupName", world.groups.get(id).map(|g| &g.name));
        },
    );
}
