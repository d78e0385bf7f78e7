//! IPv6: blocks of VPCs and subnets, addresses and prefixes of interfaces.

use super::pool6::{Grant6, Pool6, Refusal, Want6};
use super::{SubnetId, TypeInfo, VpcId, World};
use crate::error::{ApiError, Code};
use ipnet::Ipv6Net;
use std::net::Ipv6Addr;
use vpccni_core::ids::EniId;

/// Amazon gives a VPC a /56, and a subnet of it has a /64.
const VPC_LENGTH: u8 = 56;
const SUBNET_LENGTH: u8 = 64;

/// AWS's default quota of IPv6 blocks of a VPC.
const MAX_BLOCKS: usize = 5;

/// The cap on an interface that is attached to nothing; what AWS applies there is not documented.
const UNATTACHED_ADDRESSES: usize = 50;

/// An IPv6 block of a VPC or of a subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ipv6Association {
    /// The id of the association.
    pub id: String,
    /// The block.
    pub cidr: Ipv6Net,
}

impl World {
    /// Gives a VPC a block of Amazon's.
    pub fn associate_ipv6(&mut self, vpc: &VpcId) -> Result<Ipv6Association, ApiError> {
        if self.vpc(vpc)?.ipv6.len() >= MAX_BLOCKS {
            return Err(ApiError::new(
                Code::CidrLimitExceeded,
                "The maximum number of IPv6 CIDR blocks has been reached",
            ));
        }
        // 2600:1f14::/35 is what us-west-2 has; the 21 bits up to the /56 are drawn.
        let drawn = u128::from(self.random.next() & 0x1f_ffff);
        let base = u128::from(Ipv6Addr::new(0x2600, 0x1f14, 0, 0, 0, 0, 0, 0));
        let network = Ipv6Addr::from(base | (drawn << (128 - VPC_LENGTH)));
        let association = Ipv6Association {
            id: self.random.id("vpc-cidr-assoc"),
            cidr: Ipv6Net::new(network, VPC_LENGTH).map_err(|_| ApiError::internal())?,
        };
        if let Some(vpc) = self.vpcs.get_mut(vpc) {
            vpc.ipv6.push(association.clone());
        }
        Ok(association)
    }

    /// Gives a subnet a /64 of a block of its VPC.
    pub fn associate_subnet_ipv6(
        &mut self,
        id: &SubnetId,
        cidr: Ipv6Net,
    ) -> Result<Ipv6Association, ApiError> {
        let subnet = self.subnet(id)?;
        if subnet.ipv6.is_some() {
            return Err(ApiError::new(
                Code::CidrConflict,
                format!("The subnet {id} has an IPv6 CIDR block already"),
            ));
        }
        self.check_subnet_ipv6(&subnet.vpc, cidr)?;
        let association = Ipv6Association {
            id: self.random.id("subnet-cidr-assoc"),
            cidr,
        };
        if let Some(subnet) = self.subnets.get_mut(id) {
            subnet.ipv6 = Some(association.clone());
            subnet.pool6 = Some(Pool6::new(cidr));
        }
        Ok(association)
    }

    /// A /64 inside the VPC that no other subnet has.
    pub(crate) fn check_subnet_ipv6(&self, vpc: &VpcId, cidr: Ipv6Net) -> Result<(), ApiError> {
        let inside = self.vpc(vpc)?.ipv6.iter().any(|block| block.cidr.contains(&cidr));
        if !inside || cidr.prefix_len() != SUBNET_LENGTH || cidr.addr() != cidr.network() {
            return Err(ApiError::new(
                Code::InvalidSubnetRange,
                format!("The CIDR '{cidr}' is invalid."),
            ));
        }
        let taken = self
            .subnets
            .values()
            .filter_map(|subnet| subnet.ipv6.as_ref())
            .any(|own| own.cidr == cidr);
        if taken {
            return Err(ApiError::new(
                Code::InvalidSubnetConflict,
                format!("The CIDR '{cidr}' conflicts with another subnet"),
            ));
        }
        Ok(())
    }

    /// Takes the block of a subnet away, where no interface uses it.
    pub fn disassociate_subnet_ipv6(&mut self, id: &str) -> Result<(SubnetId, Ipv6Association), ApiError> {
        let found = self
            .subnets
            .values_mut()
            .find(|subnet| subnet.ipv6.as_ref().is_some_and(|own| own.id == id));
        let subnet = found.ok_or_else(|| {
            ApiError::new(
                Code::InvalidSubnetCidrAssociationNotFound,
                format!("The association ID '{id}' does not exist"),
            )
        })?;
        if subnet.pool6.as_ref().is_some_and(|pool| pool.used() != (0, 0)) {
            return Err(ApiError::new(
                Code::DependencyViolation,
                format!("The IPv6 CIDR block of subnet {} is in use", subnet.id),
            ));
        }
        let association = subnet.ipv6.take().ok_or_else(ApiError::internal)?;
        subnet.pool6 = None;
        subnet.attributes.assign_ipv6 = false;
        Ok((subnet.id.clone(), association))
    }

    /// Takes from the IPv6 pool of a subnet, with words for what it refuses.
    pub(super) fn take_ipv6(&mut self, id: &SubnetId, want: &Want6) -> Result<Grant6, ApiError> {
        if want.is_empty() {
            return Ok(Grant6::default());
        }
        self.subnet(id)?;
        let pool = self.subnets.get_mut(id).and_then(|subnet| subnet.pool6.as_mut());
        let pool = pool
            .ok_or_else(|| ApiError::value(format!("The subnet '{id}' does not have an IPv6 CIDR block")))?;
        pool.take(want, &mut self.random)
            .map_err(|refusal| match refusal {
                Refusal::Full => ApiError::new(
                    Code::InsufficientCidrBlocks,
                    "The specified subnet does not have enough free cidr blocks to satisfy the request.",
                ),
                Refusal::Outside(address) => ApiError::value(format!(
                    "Address {address} does not fall within the subnet's address range"
                )),
                Refusal::Taken(address) => ApiError::value(format!("Address {address} is in use.")),
            })
    }

    /// Assigns IPv6 addresses and prefixes; gives the new ones only.
    pub fn assign_ipv6(&mut self, id: &EniId, want: &Want6) -> Result<Grant6, ApiError> {
        let interface = self.interface(id)?;
        let subnet = interface.subnet.clone();
        let held = interface.ipv6.addresses.len() + interface.ipv6.prefixes.len();
        let instance = interface.attachment.as_ref().map(|a| a.instance.clone());
        match instance {
            Some(instance) => {
                let prefixes = !want.prefixes.is_empty() || want.prefix_count > 0;
                Self::check_fits_ipv6(self.type_of(&instance)?, held + want.slots(), prefixes)?;
            }
            None if held + want.slots() > UNATTACHED_ADDRESSES => return Err(ipv6_limit()),
            None => {}
        }
        let grant = self.take_ipv6(&subnet, want)?;
        let interface = self.interface_mut(id)?;
        interface.ipv6.addresses.extend(&grant.addresses);
        interface.ipv6.prefixes.extend(&grant.prefixes);
        self.emit_addresses(id);
        Ok(grant)
    }

    /// Takes IPv6 addresses and prefixes away, all of them or none.
    pub fn unassign_ipv6(&mut self, id: &EniId, what: &Grant6) -> Result<(), ApiError> {
        let interface = self.interface(id)?;
        if interface.primary_ipv6
            && interface
                .ipv6
                .addresses
                .first()
                .is_some_and(|a| what.addresses.contains(a))
        {
            return Err(ApiError::new(
                Code::OperationNotPermitted,
                format!("The primary IPv6 address of network interface {id} cannot be unassigned"),
            ));
        }
        let lacks =
            |text: String| ApiError::value(format!("{text} is not assigned to network interface {id}"));
        if let Some(address) = what
            .addresses
            .iter()
            .find(|a| !interface.ipv6.addresses.contains(a))
        {
            return Err(lacks(address.to_string()));
        }
        if let Some(prefix) = what
            .prefixes
            .iter()
            .find(|p| !interface.ipv6.prefixes.contains(p))
        {
            return Err(lacks(prefix.to_string()));
        }
        let interface = self.interface_mut(id)?;
        interface.ipv6.addresses.retain(|a| !what.addresses.contains(a));
        interface.ipv6.prefixes.retain(|p| !what.prefixes.contains(p));
        let subnet = interface.subnet.clone();
        if let Some(pool) = self.subnets.get_mut(&subnet).and_then(|s| s.pool6.as_mut()) {
            pool.release(what);
        }
        self.emit_addresses(id);
        Ok(())
    }

    /// Makes the first IPv6 address of an interface its primary one; it stays so.
    pub fn enable_primary_ipv6(&mut self, id: &EniId, enable: bool) -> Result<(), ApiError> {
        let interface = self.interface_mut(id)?;
        if interface.ipv6.addresses.is_empty() && enable {
            return Err(ApiError::value(format!(
                "Network interface {id} has no IPv6 address that could be the primary one"
            )));
        }
        if interface.primary_ipv6 && !enable {
            return Err(ApiError::new(
                Code::OperationNotPermitted,
                "A primary IPv6 address cannot be disabled once it is enabled",
            ));
        }
        interface.primary_ipv6 = enable;
        Ok(())
    }

    /// IPv6 addresses and prefixes against a type. The code is taken over from IPv4; AWS documents none of its own.
    pub(super) fn check_fits_ipv6(kind: &TypeInfo, slots: usize, prefixes: bool) -> Result<(), ApiError> {
        if slots > kind.ipv6_per_eni.unwrap_or(0) as usize {
            return Err(ipv6_limit());
        }
        if prefixes && !kind.takes_prefixes() {
            return Err(super::addresses::no_prefixes());
        }
        Ok(())
    }
}

fn ipv6_limit() -> ApiError {
    ApiError::new(
        Code::PrivateIpAddressLimitExceeded,
        "Number of private addresses will exceed limit.",
    )
}
