//! CreateSubnet, DescribeSubnets.

use super::describe::Query;
use super::ipv6::write_association;
use crate::action::{Effect, Family};
use crate::error::ApiError;
use crate::wire::filter::Filterable;
use crate::wire::ids;
use crate::wire::params::Params;
use crate::wire::tags::{self, Specifications};
use crate::wire::xml::Xml;
use crate::world::{Subnet, Tags, World};
use ipnet::Ipv6Net;
use std::borrow::Cow;
use vpccni_core::ids::{SubnetId, VpcId, Zone};
use vpccni_core::net::Ipv4Net;

pub(super) const ACTIONS: Family = &[("CreateSubnet", create), ("DescribeSubnets", describe)];

impl Filterable for Subnet {
    const NAMES: &'static [&'static str] = &[
        "availability-zone",
        "available-ip-address-count",
        "availability-zone-id",
        "cidr-block",
        "default-for-az",
        "ipv6-cidr-block-association.ipv6-cidr-block",
        "map-public-ip-on-launch",
        "owner-id",
        "state",
        "subnet-id",
        "vpc-id",
    ];

    fn values(&self, name: &str) -> Vec<Cow<'_, str>> {
        vec![match name {
            "availability-zone" => self.zone.as_str().into(),
            "available-ip-address-count" => self.pool.available().to_string().into(),
            "cidr-block" => self.cidr.to_string().into(),
            "default-for-az" => "false".into(),
            "ipv6-cidr-block-association.ipv6-cidr-block" => {
                return self
                    .ipv6
                    .iter()
                    .map(|block| block.cidr.to_string().into())
                    .collect();
            }
            "map-public-ip-on-launch" => self.attributes.public_address.to_string().into(),
            "availability-zone-id" => self.zone_id.as_str().into(),
            "owner-id" => self.owner.as_str().into(),
            "state" => "available".into(),
            "subnet-id" => self.id.as_str().into(),
            "vpc-id" => self.vpc.as_str().into(),
            _ => return Vec::new(),
        }]
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

fn create(params: &mut Params) -> Result<Effect, ApiError> {
    let vpc: VpcId = ids::required(params, "VpcId")?;
    let cidr: Ipv4Net = params.required_parsed("CidrBlock")?;
    let zone: Option<Zone> = params.parsed("AvailabilityZone")?;
    let zone_id = params.text("AvailabilityZoneId");
    let ipv6: Option<Ipv6Net> = params.parsed("Ipv6CidrBlock")?;
    if zone.is_some() && zone_id.is_some() {
        return Err(ApiError::combination(
            "Only one of AvailabilityZone and AvailabilityZoneId may be given",
        ));
    }
    let tags = Specifications::parse(params, &["subnet"])?;
    Ok(Box::new(move |world| {
        let zone = match zone_id {
            Some(zone_id) => Some(zone_by_id(world, &zone_id)?),
            None => zone,
        };
        if let Some(ipv6) = ipv6 {
            world.check_subnet_ipv6(&vpc, ipv6)?;
        }
        let id = world.create_subnet(&vpc, cidr, zone, tags.of("subnet"))?;
        if let Some(ipv6) = ipv6 {
            world.associate_subnet_ipv6(&id, ipv6)?;
        }
        let mut xml = Xml::default();
        let subnet = world.subnet(&id)?;
        xml.element("subnet", |xml| write(xml, subnet, world));
        Ok(xml)
    }))
}

fn zone_by_id(world: &World, id: &str) -> Result<Zone, ApiError> {
    world
        .zones
        .iter()
        .find(|zone| zone.id == id)
        .map(|zone| zone.name.clone())
        .ok_or_else(|| {
            ApiError::value(format!(
                "Value ({id}) for parameter availabilityZoneId is invalid."
            ))
        })
}

fn describe(params: &mut Params) -> Result<Effect, ApiError> {
    let query: Query<SubnetId> = Query::parse::<Subnet>(params, "SubnetId")?;
    Ok(Box::new(move |world| {
        let cut = if query.ids.is_empty() {
            let seen = world.subnets.iter();
            query.cut(seen.filter(|(_, subnet)| subnet.is_seen_by(&world.caller.account)))
        } else {
            query.select(&world.subnets, |id| world.subnet(id))?
        };
        let mut xml = Xml::default();
        xml.set("subnetSet", cut.items, |xml, subnet| write(xml, subnet, world))
            .maybe("nextToken", cut.next);
        Ok(xml)
    }))
}

fn write(xml: &mut Xml, subnet: &Subnet, world: &World) {
    xml.text("subnetId", &subnet.id)
        .text(
            "subnetArn",
            format!(
                "arn:aws:ec2:{}:{}:subnet/{}",
                world.region, subnet.owner, subnet.id
            ),
        )
        .text("state", "available")
        .text("ownerId", &subnet.owner)
        .text("vpcId", &subnet.vpc)
        .text("cidrBlock", subnet.cidr)
        .text("availableIpAddressCount", subnet.pool.available())
        .text("availabilityZone", &subnet.zone)
        .text("availabilityZoneId", &subnet.zone_id)
        .text("defaultForAz", false);
    let attributes = &subnet.attributes;
    xml.text("mapPublicIpOnLaunch", attributes.public_address)
        .text("assignIpv6AddressOnCreation", attributes.assign_ipv6)
        .text("ipv6Native", false)
        .text("enableDns64", attributes.dns64)
        .element("privateDnsNameOptionsOnLaunch", |xml| {
            let kind = if attributes.named_by_resource {
                "resource-name"
            } else {
                "ip-name"
            };
            xml.text("hostnameType", kind)
                .text("enableResourceNameDnsARecord", attributes.a_record)
                .text("enableResourceNameDnsAAAARecord", attributes.aaaa_record);
        })
        .set("ipv6CidrBlockAssociationSet", &subnet.ipv6, |xml, block| {
            write_association(xml, block, "associated");
        });
    tags::write(xml, &subnet.tags);
}
