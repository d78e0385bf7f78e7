//! Secondary addresses and prefixes of an interface, and the slots that its instance's type allows.

use super::pool::{Grant, Want};
use super::{Happened, Interface, TypeInfo, World};
use crate::error::{ApiError, Code};
use std::net::Ipv4Addr;
use vpccni_core::ids::{EniId, InstanceId};
use vpccni_core::net::Ipv4Prefix;

/// The cap on an interface that is attached to nothing; what AWS applies there is not documented.
pub(super) const UNATTACHED_ADDRESSES: u32 = 50;

/// What one call gave: never what was there before.
pub type Assigned = Grant;

impl World {
    /// Assigns addresses or prefixes. `reassign` takes explicit addresses from their owners in the same subnet.
    pub fn assign(&mut self, id: &EniId, want: &Want, reassign: bool) -> Result<Assigned, ApiError> {
        let interface = self.interface(id)?;
        let subnet = interface.subnet.clone();
        let more = want.addresses.len() + want.prefixes.len() + (want.count + want.prefix_count) as usize;
        let slots = interface.slots() + more;
        let instance = interface.attachment.as_ref().map(|a| a.instance.clone());
        self.check_slots(instance.as_ref(), slots)?;
        let prefixes = !want.prefixes.is_empty() || want.prefix_count > 0;
        if let Some(instance) = instance.filter(|_| prefixes) {
            self.check_prefixes(&instance)?;
        }
        let moved = if reassign {
            self.owners(id, &want.addresses)?
        } else {
            Vec::new()
        };
        let fresh = Want {
            addresses: want
                .addresses
                .iter()
                .copied()
                .filter(|address| !moved.iter().any(|(_, owned)| owned == address))
                .collect(),
            ..want.clone()
        };
        let mut grant = self.take(&subnet, &fresh)?;
        for (owner, address) in moved {
            self.interface_mut(&owner)?.secondary.retain(|a| *a != address);
            grant.addresses.push(address);
        }
        let interface = self.interface_mut(id)?;
        interface.secondary.extend(&grant.addresses);
        interface.prefixes.extend(&grant.prefixes);
        self.emit_addresses(id);
        Ok(grant)
    }

    /// Takes addresses and prefixes away: all of them or, if one is not there to take, none.
    pub fn unassign(&mut self, id: &EniId, what: &Grant) -> Result<(), ApiError> {
        let interface = self.interface(id)?;
        for address in &what.addresses {
            if *address == interface.primary {
                return Err(ApiError::value(format!(
                    "The primary address {address} of network interface {id} cannot be unassigned"
                )));
            }
            if !interface.secondary.contains(address) {
                return Err(not_held(id, address));
            }
        }
        for prefix in &what.prefixes {
            if !interface.prefixes.contains(prefix) {
                return Err(not_held(id, prefix));
            }
        }
        let interface = self.interface_mut(id)?;
        interface.secondary.retain(|a| !what.addresses.contains(a));
        interface.prefixes.retain(|p| !what.prefixes.contains(p));
        let subnet = interface.subnet.clone();
        if let Some(subnet) = self.subnets.get_mut(&subnet) {
            subnet.pool.release(what);
        }
        self.emit_addresses(id);
        Ok(())
    }

    /// Whoever follows the interface is told that it holds something else.
    pub(super) fn emit_addresses(&mut self, id: &EniId) {
        self.emit(Happened::InterfaceAddresses {
            interface: id.to_string(),
        });
    }

    /// Who in the subnet holds these addresses as secondary ones; a primary cannot be moved.
    fn owners(&self, id: &EniId, addresses: &[Ipv4Addr]) -> Result<Vec<(EniId, Ipv4Addr)>, ApiError> {
        let subnet = self.interface(id)?.subnet.clone();
        let mut found = Vec::new();
        for &address in addresses {
            for owner in self.interfaces_of(&subnet) {
                if owner.primary == address || (owner.id == *id && owner.secondary.contains(&address)) {
                    return Err(ApiError::value(format!("Address {address} is in use.")));
                }
                if owner.secondary.contains(&address) && !found.contains(&(owner.id.clone(), address)) {
                    found.push((owner.id.clone(), address));
                }
            }
        }
        Ok(found)
    }

    /// Whether an interface of so many slots fits: on the instance's type, or on nothing yet.
    pub(super) fn check_slots(&self, instance: Option<&InstanceId>, slots: usize) -> Result<(), ApiError> {
        let limit = match instance {
            Some(instance) => self.type_of(instance)?.ipv4_per_eni,
            None => UNATTACHED_ADDRESSES,
        };
        if slots >= limit as usize {
            return Err(limit_exceeded());
        }
        Ok(())
    }

    /// Slots and prefixes of an interface against a type.
    pub(super) fn check_fits(kind: &TypeInfo, slots: usize, prefixes: bool) -> Result<(), ApiError> {
        if slots >= kind.ipv4_per_eni as usize {
            return Err(limit_exceeded());
        }
        if prefixes && !kind.takes_prefixes() {
            return Err(no_prefixes());
        }
        Ok(())
    }

    fn check_prefixes(&self, instance: &InstanceId) -> Result<(), ApiError> {
        if self.type_of(instance)?.takes_prefixes() {
            Ok(())
        } else {
            Err(no_prefixes())
        }
    }

    pub(super) fn type_of(&self, instance: &InstanceId) -> Result<&TypeInfo, ApiError> {
        let name = self.instance(instance)?.instance_type.as_str();
        self.types
            .get(name)
            .ok_or_else(|| ApiError::new(Code::InternalError, "An internal error has occurred"))
    }
}

impl Interface {
    /// Whether it holds the address, alone or in a prefix.
    pub fn holds(&self, address: Ipv4Addr) -> bool {
        self.primary == address
            || self.secondary.contains(&address)
            || self.prefixes.contains(&Ipv4Prefix::containing(address))
    }
}

fn limit_exceeded() -> ApiError {
    ApiError::new(
        Code::PrivateIpAddressLimitExceeded,
        "Number of private addresses will exceed limit.",
    )
}

pub(super) fn no_prefixes() -> ApiError {
    ApiError::new(
        Code::UnsupportedOperation,
        "The instance type does not support IPv4 prefixes on its network interfaces",
    )
}

fn not_held(id: &EniId, what: impl std::fmt::Display) -> ApiError {
    ApiError::value(format!("{what} is not assigned to network interface {id}"))
}
