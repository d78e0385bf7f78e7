//! Network interfaces: what is known of them, changed and deleted. They are made in `interface_create`; their addresses
//! are in `addresses`, their places in `attachments`.

use super::pool::Grant;
use super::pool6::Grant6;
use super::{Settings, Tags, World};
use crate::error::{ApiError, Code};
use jiff::Timestamp;
use std::net::Ipv4Addr;
use vpccni_core::ids::{EniId, InstanceId, SecurityGroupId, SubnetId, VpcId, Zone};
use vpccni_core::net::Ipv4Prefix;

/// The kinds that CreateNetworkInterface makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are AWS's own")]
pub enum InterfaceKind {
    Interface,
    Efa,
    EfaOnly,
    Trunk,
    Branch,
}

impl InterfaceKind {
    /// As AWS writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Interface => "interface",
            Self::Efa => "efa",
            Self::EfaOnly => "efa-only",
            Self::Trunk => "trunk",
            Self::Branch => "branch",
        }
    }

    pub(crate) fn parse(value: &str) -> Result<Self, ApiError> {
        [
            Self::Interface,
            Self::Efa,
            Self::EfaOnly,
            Self::Trunk,
            Self::Branch,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == value)
        .ok_or_else(|| ApiError::value(format!("Value ({value}) for parameter InterfaceType is invalid.")))
    }
}

/// How far an attachment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are AWS's own")]
pub enum AttachmentStatus {
    Attaching,
    Attached,
    Detaching,
}

impl AttachmentStatus {
    /// As AWS writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Attaching => "attaching",
            Self::Attached => "attached",
            Self::Detaching => "detaching",
        }
    }
}

/// Where an interface is attached.
#[derive(Debug, Clone)]
pub struct Attachment {
    /// Its id.
    pub id: String,
    /// The instance.
    pub instance: InstanceId,
    /// The device index: 0 is the primary interface.
    pub device_index: u32,
    /// The network card.
    pub network_card: u32,
    /// Whether it goes with the instance.
    pub delete_on_termination: bool,
    /// Since when.
    pub time: Timestamp,
    /// How far it is.
    pub status: AttachmentStatus,
}

/// A network interface.
#[derive(Debug, Clone)]
pub struct Interface {
    /// Its id.
    pub id: EniId,
    /// Its kind.
    pub kind: InterfaceKind,
    /// Its subnet.
    pub subnet: SubnetId,
    /// Its VPC.
    pub vpc: VpcId,
    /// Its zone.
    pub zone: Zone,
    /// Its description.
    pub description: String,
    /// Its MAC address.
    pub mac: String,
    /// Its primary address.
    pub primary: Ipv4Addr,
    /// Its secondary addresses.
    pub secondary: Vec<Ipv4Addr>,
    /// Its prefixes.
    pub prefixes: Vec<Ipv4Prefix>,
    /// Its IPv6 addresses and prefixes.
    pub ipv6: Grant6,
    /// Whether its first IPv6 address is its primary one.
    pub primary_ipv6: bool,
    /// Its groups.
    pub groups: Vec<SecurityGroupId>,
    /// Its tags.
    pub tags: Tags,
    /// Whether source and destination are checked.
    pub source_dest_check: bool,
    /// Where it is attached.
    pub attachment: Option<Attachment>,
    /// The association with a trunk, of a branch.
    pub trunk: Option<String>,
    /// Whether it is still being made.
    pub pending: bool,
    /// The account that made it.
    pub owner: String,
    /// Timeouts of connections, by AWS's names: kept and shown.
    pub tracking: Settings,
    /// The token it was made with.
    pub client_token: Option<String>,
}

impl Interface {
    /// Everything it holds of the subnet's pool.
    pub(super) fn holdings(&self) -> Grant {
        let mut addresses = vec![self.primary];
        addresses.extend(&self.secondary);
        Grant {
            addresses,
            prefixes: self.prefixes.clone(),
        }
    }

    /// Slots in use beside the primary address: a prefix takes one, as a secondary address does.
    pub fn slots(&self) -> usize {
        self.secondary.len() + self.prefixes.len()
    }

    /// Its status as AWS writes it.
    pub fn status(&self) -> &'static str {
        if self.attachment.is_some() {
            "in-use"
        } else if self.trunk.is_some() {
            "associated"
        } else if self.pending {
            "pending"
        } else {
            "available"
        }
    }
}

impl World {
    pub(super) fn finish_create(&mut self, id: &EniId) {
        self.note_interface(id);
        if let Some(interface) = self.interfaces.get_mut(id) {
            interface.pending = false;
        }
    }

    /// Deletes an interface that is attached to nothing.
    pub fn delete_interface(&mut self, id: &EniId) -> Result<(), ApiError> {
        let interface = self.interface(id)?;
        if interface.attachment.is_some() || interface.trunk.is_some() {
            return Err(ApiError::new(
                Code::InvalidInterfaceInUse,
                format!("Network interface '{id}' is currently in use."),
            ));
        }
        self.remove_interface(id);
        Ok(())
    }

    /// Forgets an interface and gives back what it held.
    pub(super) fn remove_interface(&mut self, id: &EniId) {
        self.note_interface(id);
        let Some(interface) = self.interfaces.remove(id) else {
            return;
        };
        if let Some(subnet) = self.subnets.get_mut(&interface.subnet) {
            subnet.pool.release(&interface.holdings());
            if let Some(pool) = &mut subnet.pool6 {
                pool.release(&interface.ipv6);
            }
        }
        if let Some(ids) = self.by_subnet.get_mut(&interface.subnet) {
            ids.remove(id);
        }
        self.macs.remove(&interface.mac);
        self.forget_tags(id, &interface.tags);
        self.forget_trunk(id);
    }

    /// Gives it other groups.
    pub fn set_interface_groups(&mut self, id: &EniId, groups: &[SecurityGroupId]) -> Result<(), ApiError> {
        let vpc = self.interface(id)?.vpc.clone();
        let groups = self.groups_for(&vpc, groups)?;
        self.interface_mut(id)?.groups = groups;
        Ok(())
    }

    /// An interface of the caller: those of others are hidden, although their addresses count.
    pub(crate) fn interface(&self, id: &EniId) -> Result<&Interface, ApiError> {
        let found = self.interfaces.get(id).filter(|i| i.owner == self.caller.account);
        found.ok_or_else(|| not_found(id))
    }

    pub(crate) fn interface_mut(&mut self, id: &EniId) -> Result<&mut Interface, ApiError> {
        self.note_interface(id);
        let caller = &self.caller.account;
        let found = self.interfaces.get_mut(id).filter(|i| i.owner == *caller);
        found.ok_or_else(|| not_found(id))
    }
}

fn not_found(id: &EniId) -> ApiError {
    ApiError::new(
        Code::InvalidInterfaceNotFound,
        format!("The networkInterface ID '{id}' does not exist"),
    )
}

pub(super) fn token_mismatch(token: &str) -> ApiError {
    ApiError::new(
        Code::IdempotentParameterMismatch,
        format!("The client token '{token}' was used with other parameters"),
    )
}
