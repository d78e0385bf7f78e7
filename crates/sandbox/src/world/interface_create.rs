//! Making network interfaces: what they hold is taken in one piece, or nothing is made.

use super::interfaces::{Interface, InterfaceKind, token_mismatch};
use super::pool::{Grant, PoolError, Want};
use super::pool6::{Grant6, Want6};
use super::{Due, Settings, Tags, Token, World, tags};
use crate::error::{ApiError, Code};
use std::net::Ipv4Addr;
use vpccni_core::ids::{EniId, SecurityGroupId, SubnetId};

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
    /// IPv6 addresses and prefixes.
    pub want6: Want6,
    /// Whether the first IPv6 address is to be the primary one.
    pub primary_ipv6: bool,
    /// Timeouts of connections, by AWS's names.
    pub tracking: Settings,
    /// Tags.
    pub tags: Tags,
    /// A client token, and the request it stands for.
    pub token: Option<(String, String)>,
}

impl NewInterface {
    /// An interface in a subnet, of which nothing else is said.
    pub fn in_subnet(subnet: SubnetId) -> Self {
        Self {
            subnet,
            kind: InterfaceKind::Interface,
            description: String::new(),
            groups: Vec::new(),
            primary: None,
            want: Want::default(),
            want6: Want6::default(),
            primary_ipv6: false,
            tracking: Settings::default(),
            tags: Tags::new(),
            token: None,
        }
    }
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
    pub(super) fn place_interface(&mut self, mut new: NewInterface) -> Result<EniId, ApiError> {
        tags::check(&new.tags)?;
        if self.interfaces.len() >= self.quotas.interfaces as usize {
            return Err(ApiError::new(
                Code::InterfaceLimitExceeded,
                "The maximum number of network interfaces has been reached.",
            ));
        }
        let subnet = self.subnet(&new.subnet)?;
        let (vpc, zone) = (subnet.vpc.clone(), subnet.zone.clone());
        let groups = self.groups_for(&vpc, &new.groups)?;
        let id = self.new_id("eni", EniId::parse)?;
        if new.want6.is_empty() && self.assigns_ipv6(&new.subnet) {
            new.want6.count = 1;
        }
        if new.primary_ipv6 && new.want6.addresses.is_empty() && new.want6.count == 0 {
            return Err(ApiError::combination(
                "A primary IPv6 address needs an IPv6 address",
            ));
        }
        let (primary, grant, ipv6) = self.take_for_new(&new)?;
        let mac = self.new_mac();
        if let Some((token, fingerprint)) = new.token.clone() {
            let made = id.clone();
            self.interface_tokens.insert(token, Token { fingerprint, made });
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
            ipv6,
            primary_ipv6: new.primary_ipv6,
            groups,
            tags: new.tags,
            source_dest_check: true,
            attachment: None,
            trunk: None,
            pending: !self.timings.interface_create.is_zero(),
            owner: self.caller.account.clone(),
            tracking: new.tracking,
            client_token: new.token.map(|(token, _)| token),
        };
        self.note_interface(&id);
        self.by_subnet.entry(new.subnet).or_default().insert(id.clone());
        self.index_tags(&id, &interface.tags);
        if interface.pending {
            self.after(self.timings.interface_create, Due::InterfaceReady(id.clone()));
        }
        self.interfaces.insert(id.clone(), interface);
        Ok(id)
    }

    /// The primary address and the rest of either family, or nothing.
    fn take_for_new(&mut self, new: &NewInterface) -> Result<(Ipv4Addr, Grant, Grant6), ApiError> {
        let (primary, rest) = self.take_ipv4_for_new(new)?;
        match self.take_ipv6(&new.subnet, &new.want6) {
            Ok(ipv6) => Ok((primary, rest, ipv6)),
            Err(error) => {
                self.give_back(&new.subnet, primary, &rest);
                Err(error)
            }
        }
    }

    /// The primary address and the rest in one piece: explicit addresses first, so that no chosen one takes them.
    fn take_ipv4_for_new(&mut self, new: &NewInterface) -> Result<(Ipv4Addr, Grant), ApiError> {
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

    fn assigns_ipv6(&self, subnet: &SubnetId) -> bool {
        let subnet = self.subnets.get(subnet);
        subnet.is_some_and(|subnet| subnet.attributes.assign_ipv6)
    }

    /// Gives back what a new interface took before something else was refused.
    fn give_back(&mut self, subnet: &SubnetId, primary: Ipv4Addr, rest: &Grant) {
        if let Some(subnet) = self.subnets.get_mut(subnet) {
            subnet.pool.release(rest);
            subnet.pool.release(&Grant {
                addresses: vec![primary],
                prefixes: Vec::new(),
            });
        }
    }

    /// Takes from a subnet's pool, with AWS's words for what it refuses.
    pub(super) fn take(&mut self, subnet: &SubnetId, want: &Want) -> Result<Grant, ApiError> {
        self.subnet(subnet)?;
        let Some(found) = self.subnets.get_mut(subnet) else {
            return Ok(Grant::default());
        };
        let vague = self.vague_block_errors;
        found
            .pool
            .take(want, &mut self.random)
            .map_err(|error| match error {
                PoolError::NoFreeAddress => ApiError::new(
                    Code::InsufficientFreeAddressesInSubnet,
                    "The specified subnet does not have enough free addresses to satisfy the request.",
                ),
                PoolError::NoFreeBlock if vague => {
                    ApiError::value("There aren't sufficient free Ipv4 addresses or prefixes")
                }
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
}
