//! CreateVpc, DescribeVpcs, DeleteVpc, AssociateVpcCidrBlock, DisassociateVpcCidrBlock.

use super::describe::Query;
use super::done;
use super::ipv6;
use crate::action::{Effect, Family};
use crate::error::ApiError;
use crate::wire::filter::Filterable;
use crate::wire::ids;
use crate::wire::params::Params;
use crate::wire::tags::{self, Specifications};
use crate::wire::xml::Xml;
use crate::world::{ACCOUNT, Block, CidrAssociation, Tags, Vpc};
use std::borrow::Cow;
use vpccni_core::ids::VpcId;
use vpccni_core::net::Ipv4Net;

pub(super) const ACTIONS: Family = &[
    ("AssociateVpcCidrBlock", associate),
    ("CreateVpc", create),
    ("DeleteVpc", delete),
    ("DescribeVpcs", describe),
    ("DisassociateVpcCidrBlock", disassociate),
];

impl Filterable for Vpc {
    const NAMES: &'static [&'static str] = &[
        "cidr",
        "cidr-block-association.cidr-block",
        "ipv6-cidr-block-association.ipv6-cidr-block",
        "is-default",
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
            "ipv6-cidr-block-association.ipv6-cidr-block" => {
                self.ipv6.iter().map(|a| a.cidr.to_string().into()).collect()
            }
            "is-default" => vec!["false".into()],
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
    let ipv6: bool = params.parsed("AmazonProvidedIpv6CidrBlock")?.unwrap_or(false);
    Ok(Box::new(move |world| {
        let id = world.create_vpc(cidr, tags.of("vpc"))?;
        if ipv6 {
            world.associate_ipv6(&id)?;
        }
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
    let cidr: Option<Ipv4Net> = params.parsed("CidrBlock")?;
    let ipv6: bool = params.parsed("AmazonProvidedIpv6CidrBlock")?.unwrap_or(false);
    let block = match (cidr, ipv6) {
        (Some(cidr), false) => Some(cidr),
        (None, true) => None,
        (None, false) => return Err(ApiError::missing("CidrBlock")),
        (Some(_), true) => {
            return Err(ApiError::combination(
                "Only one of CidrBlock and AmazonProvidedIpv6CidrBlock may be given",
            ));
        }
    };
    Ok(Box::new(move |world| {
        let block = match block {
            Some(cidr) => Block::V4(world.associate_cidr(&id, cidr)?),
            None => Block::V6(world.associate_ipv6(&id)?),
        };
        Ok(answer(&id, &block, "associating"))
    }))
}

fn disassociate(params: &mut Params) -> Result<Effect, ApiError> {
    let id = params.required("AssociationId")?;
    Ok(Box::new(move |world| {
        let (vpc, block) = world.disassociate_cidr(&id)?;
        Ok(answer(&vpc, &block, "disassociating"))
    }))
}

fn delete(params: &mut Params) -> Result<Effect, ApiError> {
    let id: VpcId = ids::required(params, "VpcId")?;
    Ok(Box::new(move |world| {
        world.delete_vpc(&id)?;
        Ok(done())
    }))
}

fn answer(vpc: &VpcId, block: &Block, state: &str) -> Xml {
    let mut xml = Xml::default();
    match block {
        Block::V4(own) => xml.element("cidrBlockAssociation", |xml| write_association(xml, own, state)),
        Block::V6(own) => xml.element("ipv6CidrBlockAssociation", |xml| {
            ipv6::write_association(xml, own, state);
        }),
    }
    .text("vpcId", vpc);
    xml
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
        .set("cidrBlockAssociationSet", &vpc.cidrs, |xml, own| {
            write_association(xml, own, "associated");
        })
        .set("ipv6CidrBlockAssociationSet", &vpc.ipv6, |xml, own| {
            ipv6::write_association(xml, own, "associated");
        })
        .text("instanceTenancy", "default")
        .text("isDefault", false);
    tags::write(xml, &vpc.tags);
}

fn write_association(xml: &mut Xml, association: &CidrAssociation, state: &str) {
    xml.text("associationId", &association.id)
        .text("cidrBlock", association.cidr)
        .element("cidrBlockState", |xml| {
            xml.text("state", state);
        });
}
