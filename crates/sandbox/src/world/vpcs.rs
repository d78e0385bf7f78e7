//! VPCs and their CIDR blocks.

use super::{Ipv6Association, Tags, World, tags};
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
    /// Its IPv6 blocks.
    pub ipv6: Vec<Ipv6Association>,
    /// Its main route table.
    pub main_table: String,
    /// Its tags.
    pub tags: Tags,
}

/// A block that was taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// Of IPv4.
    V4(CidrAssociation),
    /// Of IPv6.
    V6(Ipv6Association),
}

/// Where a block was found.
#[derive(Debug, Clone, Copy)]
enum Found {
    V4(usize),
    V6(usize),
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
                ipv6: Vec::new(),
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

    /// Takes a block away, of either family, where no subnet is in it.
    pub fn disassociate_cidr(&mut self, id: &str) -> Result<(VpcId, Block), ApiError> {
        let with = |vpc: &Vpc| {
            let v4 = vpc.cidrs.iter().position(|a| a.id == id).map(Found::V4);
            v4.or_else(|| vpc.ipv6.iter().position(|a| a.id == id).map(Found::V6))
        };
        let found = self
            .vpcs
            .values()
            .find_map(|vpc| Some((vpc.id.clone(), with(vpc)?)));
        let (vpc, found) = found.ok_or_else(|| {
            ApiError::new(
                Code::InvalidVpcCidrAssociationNotFound,
                format!("The vpc CIDR block association ID '{id}' does not exist"),
            )
        })?;
        if let Found::V4(0) = found {
            return Err(ApiError::new(
                Code::OperationNotPermitted,
                format!(
                    "The vpc CIDR block with association ID {id} may not be disassociated. It is the primary IPv4 \
                     CIDR block of the VPC"
                ),
            ));
        }
        let entry = self.vpcs.get(&vpc).ok_or_else(ApiError::internal)?;
        let block = match found {
            Found::V4(at) => entry.cidrs.get(at).cloned().map(Block::V4),
            Found::V6(at) => entry.ipv6.get(at).cloned().map(Block::V6),
        };
        let block = block.ok_or_else(ApiError::internal)?;
        let used = self
            .subnets
            .values()
            .filter(|s| s.vpc == vpc)
            .any(|s| match &block {
                Block::V4(own) => own.cidr.contains(&s.cidr),
                Block::V6(own) => s.ipv6.as_ref().is_some_and(|v6| own.cidr.contains(&v6.cidr)),
            });
        if used {
            return Err(ApiError::new(
                Code::DependencyViolation,
                format!("The vpc CIDR block with association ID {id} is in use by a subnet"),
            ));
        }
        if let Some(entry) = self.vpcs.get_mut(&vpc) {
            entry.cidrs.retain(|a| a.id != id);
            entry.ipv6.retain(|a| a.id != id);
        }
        Ok((vpc, block))
    }

    /// Deletes a VPC in which there is nothing but its default group.
    pub fn delete_vpc(&mut self, id: &VpcId) -> Result<(), ApiError> {
        self.vpc(id)?;
        let subnets = self.subnets.values().any(|subnet| subnet.vpc == *id);
        let groups = self.groups.values().any(|g| g.vpc == *id && g.name != "default");
        if subnets || groups {
            return Err(ApiError::new(
                Code::DependencyViolation,
                format!("The vpc '{id}' has dependencies and cannot be deleted."),
            ));
        }
        self.groups.retain(|_, group| group.vpc != *id);
        self.vpcs.remove(id);
        Ok(())
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
