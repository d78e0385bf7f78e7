//! CreateSubnet, DescribeSubnets.

use super::describe::Query;
use crate::action::{Effect, Family};
use crate::error::ApiError;
use crate::wire::filter::Filterable;
use crate::wire::ids;
use crate::wire::params::Params;
use crate::wire::tags::{self, Specifications};
use crate::wire::xml::Xml;
use crate::world::{ACCOUNT, Subnet, Tags, World};
use std::borrow::Cow;
use vpccni_core::ids::{SubnetId, VpcId, Zone};
use vpccni_core::net::Ipv4Net;

pub(super) const ACTIONS: Family = &[("CreateSubnet", create), ("DescribeSubnets", describe)];

impl Filterable for Subnet {
    const NAMES: &'static [&'static str] = &[
        "availability-zone",
        "available-ip-address-count",
        "cidr-block",
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
            "owner-id" => ACCOUNT.into(),
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
        let id = world.create_subnet(&vpc, cidr, zone, tags.of("subnet"))?;
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
        let cut = query.select(&world.subnets, |id| world.subnet(id))?;
        let mut xml = Xml::default();
        xml.set("subnetSet", cut.items, |xml, subnet| write(xml, subnet, world))
            .maybe("nextToken", cut.next);
        Ok(xml)
    }))
}

fn write(xml: &mut Xml, subnet: &Subnet, world: &World) {
    let zone_id = world.zones.iter().find(|z| z.name == subnet.zone).map(|z| &z.id);
    xml.text("subnetId", &subnet.id)
        .text(
            "subnetArn",
            format!("arn:aws:ec2:{}:{ACCOUNT}:subnet/{}", world.region, subnet.id),
        )
        .text("state", "available")
        .text("ownerId", ACCOUNT)
        .text("vpcId", &subnet.vpc)
        .text("cidrBlock", subnet.cidr)
        .text("availableIpAddressCount", subnet.pool.available())
        .text("availabilityZone", &subnet.zone)
        .maybe("availabilityZoneId", zone_id)
        .text("defaultForAz", false)
        .text("mapPublicIpOnLaunch", false)
        .text("assignIpv6AddressOnCreation", false)
        .text("ipv6Native", false);
    tags::write(xml, &subnet.tags);
}
