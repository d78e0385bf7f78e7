//! CreateVpc, DescribeVpcs, AssociateVpcCidrBlock.

use super::describe::Query;
use crate::action::{Effect, Family};
use crate::error::ApiError;
use crate::wire::filter::Filterable;
use crate::wire::ids;
use crate::wire::params::Params;
use crate::wire::tags::{self, Specifications};
use crate::wire::xml::Xml;
use crate::world::{ACCOUNT, CidrAssociation, Tags, Vpc};
use std::borrow::Cow;
use vpccni_core::ids::VpcId;
use vpccni_core::net::Ipv4Net;

pub(super) const ACTIONS: Family = &[
    ("AssociateVpcCidrBlock", associate),
    ("CreateVpc", create),
    ("DescribeVpcs", describe),
];

impl Filterable for Vpc {
    const NAMES: &'static [&'static str] = &[
        "cidr",
        "cidr-block-association.cidr-block",
        "owner-id",
        "state",
        "vpc-id",
    ];

    fn values(&self, name: &str) -> Vec<Cow<'_, str>> {
        match name {
            "cidr" => self
                .cidrs
                .iter()
                .take(1)
                .map(|a| a.cidr.to_string().into())
                .collect(),
            "cidr-block-association.cidr-block" => {
                self.cidrs.iter().map(|a| a.cidr.to_string().into()).collect()
            }
            "owner-id" => vec![ACCOUNT.into()],
            "state" => vec!["available".into()],
            "vpc-id" => vec![self.id.as_str().into()],
            _ => Vec::new(),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

fn create(params: &mut Params) -> Result<Effect, ApiError> {
    let cidr: Ipv4Net = params.required_parsed("CidrBlock")?;
    let tags = Specifications::parse(params, &["vpc"])?;
    default_tenancy(params)?;
    Ok(Box::new(move |world| {
        let id = world.create_vpc(cidr, tags.of("vpc"))?;
        let mut xml = Xml::default();
        let vpc = world.vpc(&id)?;
        xml.element("vpc", |xml| write(xml, vpc));
        Ok(xml)
    }))
}

fn default_tenancy(params: &mut Params) -> Result<(), ApiError> {
    match params.text("InstanceTenancy") {
        None => Ok(()),
        Some(tenancy) if tenancy == "default" => Ok(()),
        Some(tenancy) => Err(ApiError::value(format!(
            "Value ({tenancy}) for parameter InstanceTenancy is invalid."
        ))),
    }
}

fn associate(params: &mut Params) -> Result<Effect, ApiError> {
    let id: VpcId = ids::required(params, "VpcId")?;
    let cidr: Ipv4Net = params.required_parsed("CidrBlock")?;
    Ok(Box::new(move |world| {
        let association = world.associate_cidr(&id, cidr)?;
        let mut xml = Xml::default();
        xml.element("cidrBlockAssociation", |xml| write_association(xml, &association))
            .text("vpcId", &id);
        Ok(xml)
    }))
}

fn describe(params: &mut Params) -> Result<Effect, ApiError> {
    let query: Query<VpcId> = Query::parse::<Vpc>(params, "VpcId")?;
    Ok(Box::new(move |world| {
        let cut = query.select(&world.vpcs, |id| world.vpc(id))?;
        let mut xml = Xml::default();
        xml.set("vpcSet", cut.items, write).maybe("nextToken", cut.next);
        Ok(xml)
    }))
}

fn write(xml: &mut Xml, vpc: &Vpc) {
    xml.text("vpcId", &vpc.id)
        .text("ownerId", ACCOUNT)
        .text("state", "available")
        .maybe("cidrBlock", vpc.cidrs.first().map(|a| a.cidr))
        .set("cidrBlockAssociationSet", &vpc.cidrs, write_association)
        .text("instanceTenancy", "default")
        .text("isDefault", false);
    tags::write(xml, &vpc.tags);
}

fn write_association(xml: &mut Xml, association: &CidrAssociation) {
    xml.text("associationId", &association.id)
        .text("cidrBlock", association.cidr)
        .element("cidrBlockState", |xml| {
            xml.text("state", "associated");
        });
}
