//! VPCs and their CIDR blocks.

use super::{Tags, World, tags};
use crate::error::{ApiError, Code};
use std::collections::BTreeMap;
use vpccni_core::ids::VpcId;
use vpccni_core::net::Ipv4Net;

/// A CIDR block of a VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CidrAssociation {
    /// The id of the association.
    pub id: String,
    /// The block.
    pub cidr: Ipv4Net,
}

/// A VPC.
#[derive(Debug, Clone)]
pub struct Vpc {
    /// Its id.
    pub id: VpcId,
    /// Its blocks, the primary first.
    pub cidrs: Vec<CidrAssociation>,
    /// Its main route table.
    pub main_table: String,
    /// Its tags.
    pub tags: Tags,
}

impl World {
    /// Makes a VPC and its default security group.
    pub fn create_vpc(&mut self, cidr: Ipv4Net, tags: Tags) -> Result<VpcId, ApiError> {
        check_block(cidr)?;
        tags::check(&tags)?;
        let id = self.new_id("vpc", VpcId::parse)?;
        let first = CidrAssociation {
            id: self.random.id("vpc-cidr-assoc"),
            cidr,
        };
        let main_table = self.random.id("rtb");
        self.vpcs.insert(
            id.clone(),
            Vpc {
                id: id.clone(),
                cidrs: vec![first],
                main_table,
                tags,
            },
        );
        self.create_group(&id, "default", "default VPC security group", BTreeMap::new())?;
        Ok(id)
    }

    /// Adds a block to a VPC.
    pub fn associate_cidr(&mut self, vpc: &VpcId, cidr: Ipv4Net) -> Result<CidrAssociation, ApiError> {
        check_block(cidr)?;
        if self.vpc(vpc)?.cidrs.iter().any(|a| overlap(a.cidr, cidr)) {
            return Err(ApiError::new(
                Code::CidrConflict,
                format!("The CIDR '{cidr}' conflicts with another of the VPC"),
            ));
        }
        let association = CidrAssociation {
            id: self.random.id("vpc-cidr-assoc"),
            cidr,
        };
        if let Some(vpc) = self.vpcs.get_mut(vpc) {
            vpc.cidrs.push(association.clone());
        }
        Ok(association)
    }

    pub(crate) fn vpc(&self, id: &VpcId) -> Result<&Vpc, ApiError> {
        self.vpcs.get(id).ok_or_else(|| {
            ApiError::new(
                Code::InvalidVpcNotFound,
                format!("The vpc ID '{id}' does not exist"),
            )
        })
    }

    /// A new id of a kind. The format always parses; should it not, it is our fault and not the caller's.
    pub(crate) fn new_id<T, E>(
        &mut self,
        prefix: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<T, ApiError> {
        parse(&self.random.id(prefix))
            .map_err(|_| ApiError::new(Code::InternalError, "An internal error has occurred"))
    }
}

fn check_block(cidr: Ipv4Net) -> Result<(), ApiError> {
    if (16..=28).contains(&cidr.prefix_len()) && cidr.addr() == cidr.network() {
        return Ok(());
    }
    Err(ApiError::new(
        Code::InvalidVpcRange,
        format!("The CIDR '{cidr}' is invalid."),
    ))
}

pub(super) fn overlap(a: Ipv4Net, b: Ipv4Net) -> bool {
    a.contains(&b) || b.contains(&a)
}
