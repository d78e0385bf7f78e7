//! CreateSecurityGroup, DescribeSecurityGroups.

use super::describe::Query;
use super::rules::write_permissions;
use crate::action::{Effect, Family};
use crate::error::ApiError;
use crate::wire::filter::Filterable;
use crate::wire::ids;
use crate::wire::params::Params;
use crate::wire::tags::{self, Specifications};
use crate::wire::xml::Xml;
use crate::world::{SecurityGroup, Tags, World};
use std::borrow::Cow;
use vpccni_core::ids::{SecurityGroupId, VpcId};

pub(super) const ACTIONS: Family = &[
    ("CreateSecurityGroup", create),
    ("DescribeSecurityGroups", describe),
];

impl Filterable for SecurityGroup {
    const NAMES: &'static [&'static str] = &["description", "group-id", "group-name", "owner-id", "vpc-id"];

    fn values(&self, name: &str) -> Vec<Cow<'_, str>> {
        vec![match name {
            "description" => self.description.as_str().into(),
            "group-id" => self.id.as_str().into(),
            "group-name" => self.name.as_str().into(),
            "owner-id" => self.owner.as_str().into(),
            "vpc-id" => self.vpc.as_str().into(),
            _ => return Vec::new(),
        }]
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

fn create(params: &mut Params) -> Result<Effect, ApiError> {
    let name = params.required("GroupName")?;
    let description = params.required("GroupDescription")?;
    // There is no EC2-Classic and no default VPC here, so the VPC must be named.
    let vpc: VpcId = ids::required(params, "VpcId")?;
    let tags = Specifications::parse(params, &["security-group"])?.of("security-group");
    Ok(Box::new(move |world| {
        let id = world.create_group(&vpc, &name, &description, tags)?;
        let mut xml = Xml::default();
        let group = world.group(&id)?;
        xml.text("return", true)
            .text("groupId", &id)
            .text("securityGroupArn", arn(world, group));
        tags::write(&mut xml, &group.tags);
        Ok(xml)
    }))
}

fn describe(params: &mut Params) -> Result<Effect, ApiError> {
    let query: Query<SecurityGroupId> = Query::parse::<SecurityGroup>(params, "GroupId")?;
    Ok(Box::new(move |world| {
        let cut = if query.ids.is_empty() {
            let own = world.groups.iter();
            query.cut(own.filter(|(_, group)| group.owner == world.caller.account))
        } else {
            query.select(&world.groups, |id| world.group(id))?
        };
        let mut xml = Xml::default();
        xml.set("securityGroupInfo", cut.items, |xml, group| {
            xml.text("ownerId", &group.owner)
                .text("groupId", &group.id)
                .text("groupName", &group.name)
                .text("groupDescription", &group.description)
                .text("vpcId", &group.vpc)
                .text("securityGroupArn", arn(world, group));
            write_permissions(xml, "ipPermissions", group.in_direction(false));
            write_permissions(xml, "ipPermissionsEgress", group.in_direction(true));
            tags::write(xml, &group.tags);
        })
        .maybe("nextToken", cut.next);
        Ok(xml)
    }))
}

fn arn(world: &World, group: &SecurityGroup) -> String {
    format!(
        "arn:aws:ec2:{}:{}:security-group/{}",
        world.region, group.owner, group.id
    )
}
