//! Network interfaces: made, changed and deleted. Their addresses are in `addresses`, their places in `attachments`.

use super::pool::{Grant, PoolError, Want};
use super::{Tags, Token, World, tags};
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
    /// Its groups.
    pub groups: Vec<SecurityGroupId>,
    /// Its tags.
    pub tags: Tags,
    /// Whether source and destination are checked.
    pub source_dest_check: bool,
    /// Where it is attached.
    pub attachment: Option<Attachment>,
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

    /// `available` or `in-use`.
    pub fn status(&self) -> &'static str {
        if self.attachment.is_some() {
            "in-use"
        } else {
            "available"
        }
    }
}

/// What CreateNetworkInterface asks for.
#[derive(Debug, Clone)]
pub struct NewInterface {
    /// The subnet.
    pub subnet: SubnetId,
    /// The kind.
    pub kind: InterfaceKind,
    /// A description.
    pub description: String,
    /// Groups; none means the default one.
    pub groups: Vec<SecurityGroupId>,
    /// The primary address, if it is to be a certain one.
    pub primary: Option<Ipv4Addr>,
    /// Addresses beside the primary, and prefixes.
    pub want: Want,
    /// Tags.
    pub tags: Tags,
    /// A client token, and the request it stands for.
    pub token: Option<(String, String)>,
}

impl World {
    /// Makes an interface, or finds the one that the same token made.
    pub fn create_interface(&mut self, new: NewInterface) -> Result<EniId, ApiError> {
        if let Some((token, fingerprint)) = &new.token
            && let Some(known) = self.interface_tokens.get(token)
        {
            return if known.fingerprint == *fingerprint {
                Ok(known.made.clone())
            } else {
                Err(token_mismatch(token))
            };
        }
        let slots = new.want.addresses.len() + new.want.prefixes.len();
        self.check_slots(None, slots + (new.want.count + new.want.prefix_count) as usize)?;
        self.place_interface(new)
    }

    /// Makes an interface; the limit of slots was checked by who knows its type.
    pub(super) fn place_interface(&mut self, new: NewInterface) -> Result<EniId, ApiError> {
        tags::check(&new.tags)?;
        let subnet = self.subnet(&new.subnet)?;
        let (vpc, zone) = (subnet.vpc.clone(), subnet.zone.clone());
        let groups = self.groups_for(&vpc, &new.groups)?;
        let id = self.new_id("eni", EniId::parse)?;
        let (primary, grant) = self.take_for_new(&new)?;
        let mac = self.new_mac();
        if let Some((token, fingerprint)) = new.token.clone() {
            self.interface_tokens.insert(
                token,
                Token {
                    fingerprint,
                    made: id.clone(),
                },
            );
        }
        let interface = Interface {
            id: id.clone(),
            kind: new.kind,
            subnet: new.subnet.clone(),
            vpc,
            zone,
            description: new.description,
            mac,
            primary,
            secondary: grant.addresses,
            prefixes: grant.prefixes,
            groups,
            tags: new.tags,
            source_dest_check: true,
            attachment: None,
            client_token: new.token.map(|(token, _)| token),
        };
        self.note_interface(&id);
        self.by_subnet.entry(new.subnet).or_default().insert(id.clone());
        self.tag_index.add(&id, &interface.tags);
        self.interfaces.insert(id.clone(), interface);
        Ok(id)
    }

    /// The primary address and the rest in one piece: explicit addresses first, so that no chosen one takes them.
    fn take_for_new(&mut self, new: &NewInterface) -> Result<(Ipv4Addr, Grant), ApiError> {
        let mut want = new.want.clone();
        match new.primary {
            Some(primary) => want.addresses.insert(0, primary),
            None => want.count += 1,
        }
        let mut grant = self.take(&new.subnet, &want)?;
        let at = if new.primary.is_some() {
            0
        } else {
            new.want.addresses.len()
        };
        if at >= grant.addresses.len() {
            return Err(ApiError::new(
                Code::InternalError,
                "An internal error has occurred",
            ));
        }
        let primary = grant.addresses.remove(at);
        Ok((primary, grant))
    }

    /// Takes from a subnet's pool, with AWS's words for what it refuses.
    pub(super) fn take(&mut self, subnet: &SubnetId, want: &Want) -> Result<Grant, ApiError> {
        self.subnet(subnet)?;
        let Some(found) = self.subnets.get_mut(subnet) else {
            return Ok(Grant::default());
        };
        found
            .pool
            .take(want, &mut self.random)
            .map_err(|error| match error {
                PoolError::NoFreeAddress => ApiError::new(
                    Code::InsufficientFreeAddressesInSubnet,
                    "The specified subnet does not have enough free addresses to satisfy the request.",
                ),
                PoolError::NoFreeBlock => ApiError::new(
                    Code::InsufficientCidrBlocks,
                    "The specified subnet does not have enough free cidr blocks to satisfy the request.",
                ),
                PoolError::Outside(address) => ApiError::value(format!(
                    "Address {address} does not fall within the subnet's address range"
                )),
                PoolError::Taken(address) => ApiError::value(format!("Address {address} is in use.")),
            })
    }

    fn new_mac(&mut self) -> String {
        loop {
            let mac = self.random.mac();
            if self.macs.insert(mac.clone()) {
                return mac;
            }
        }
    }

    /// Deletes an interface that is attached to nothing.
    pub fn delete_interface(&mut self, id: &EniId) -> Result<(), ApiError> {
        if self.interface(id)?.attachment.is_some() {
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
        }
        if let Some(ids) = self.by_subnet.get_mut(&interface.subnet) {
            ids.remove(id);
        }
        self.tag_index.remove(id, &interface.tags);
        self.macs.remove(&interface.mac);
    }

    /// Gives it other groups.
    pub fn set_interface_groups(&mut self, id: &EniId, groups: &[SecurityGroupId]) -> Result<(), ApiError> {
        let vpc = self.interface(id)?.vpc.clone();
        let groups = self.groups_for(&vpc, groups)?;
        self.interface_mut(id)?.groups = groups;
        Ok(())
    }

    pub(crate) fn interface(&self, id: &EniId) -> Result<&Interface, ApiError> {
        self.interfaces.get(id).ok_or_else(|| not_found(id))
    }

    pub(crate) fn interface_mut(&mut self, id: &EniId) -> Result<&mut Interface, ApiError> {
        self.note_interface(id);
        self.interfaces.get_mut(id).ok_or_else(|| not_found(id))
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
