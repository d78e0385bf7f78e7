//! Subnets and the CIDR reservations in them.

use super::pool::Pool;
use super::pool6::Pool6;
use super::vpcs::overlap;
use super::{Ipv6Association, Tags, World, tags};
use crate::error::{ApiError, Code};
use std::collections::BTreeSet;
use vpccni_core::ids::{SubnetId, VpcId, Zone};
use vpccni_core::net::Ipv4Net;

/// What a reservation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReservationKind {
    /// Prefixes only.
    Prefix,
    /// Explicit requests only.
    Explicit,
}

/// A CIDR reservation.
#[derive(Debug, Clone)]
pub struct Reservation {
    /// Its id.
    pub id: String,
    /// Its subnet.
    pub subnet: SubnetId,
    /// Its range.
    pub cidr: Ipv4Net,
    /// What it is for.
    pub kind: ReservationKind,
    /// Its description.
    pub description: String,
    /// Its tags.
    pub tags: Tags,
}

/// What CreateSubnetCidrReservation asks for.
#[derive(Debug, Clone)]
pub struct NewReservation {
    /// The subnet.
    pub subnet: SubnetId,
    /// The range.
    pub cidr: Ipv4Net,
    /// What it is for.
    pub kind: ReservationKind,
    /// A description.
    pub description: String,
    /// Tags.
    pub tags: Tags,
}

/// What ModifySubnetAttribute changes. All but `assign_ipv6` is kept and shown: there are no public addresses and no
/// names here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the attributes")]
#[expect(clippy::struct_excessive_bools, reason = "AWS has a flag for each")]
pub struct SubnetAttributes {
    pub assign_ipv6: bool,
    pub public_address: bool,
    pub dns64: bool,
    pub named_by_resource: bool,
    pub a_record: bool,
    pub aaaa_record: bool,
}

/// A subnet.
#[derive(Debug, Clone)]
pub struct Subnet {
    /// Its id.
    pub id: SubnetId,
    /// Its VPC.
    pub vpc: VpcId,
    /// Its zone.
    pub zone: Zone,
    /// The id of its zone.
    pub zone_id: String,
    /// The account that owns it.
    pub owner: String,
    /// Other accounts that may use it.
    pub shared: BTreeSet<String>,
    /// Its network.
    pub cidr: Ipv4Net,
    /// Its tags.
    pub tags: Tags,
    /// Its addresses.
    pub pool: Pool,
    /// Its IPv6 block.
    pub ipv6: Option<Ipv6Association>,
    /// Its IPv6 addresses.
    pub pool6: Option<Pool6>,
    /// What can be changed of it.
    pub attributes: SubnetAttributes,
    /// Its reservations.
    pub reservations: Vec<Reservation>,
}

impl Subnet {
    /// Whether an account may use it.
    pub fn is_seen_by(&self, account: &str) -> bool {
        self.owner == account || self.shared.contains(account)
    }

    fn reserve_anew(&mut self) {
        let ranges = self
            .reservations
            .iter()
            .map(|r| (r.cidr, r.kind == ReservationKind::Prefix));
        self.pool.set_reservations(ranges);
    }
}

impl World {
    /// Makes a subnet inside a block of the VPC; without a zone, in the first.
    pub fn create_subnet(
        &mut self,
        vpc: &VpcId,
        cidr: Ipv4Net,
        zone: Option<Zone>,
        tags: Tags,
    ) -> Result<SubnetId, ApiError> {
        tags::check(&tags)?;
        let inside = self.vpc(vpc)?.cidrs.iter().any(|a| a.cidr.contains(&cidr));
        if !inside || !(16..=28).contains(&cidr.prefix_len()) || cidr.addr() != cidr.network() {
            return Err(ApiError::new(
                Code::InvalidSubnetRange,
                format!("The CIDR '{cidr}' is invalid."),
            ));
        }
        if self
            .subnets
            .values()
            .any(|s| s.vpc == *vpc && overlap(s.cidr, cidr))
        {
            return Err(ApiError::new(
                Code::InvalidSubnetConflict,
                format!("The CIDR '{cidr}' conflicts with another subnet"),
            ));
        }
        let zone = self.zone_or_first(zone)?;
        let zone_id = self.zones.iter().find(|z| z.name == zone);
        let zone_id = zone_id.map(|z| z.id.clone()).unwrap_or_default();
        let id = self.new_id("subnet", SubnetId::parse)?;
        let mut pool = Pool::new(cidr);
        pool.placement = self.placement;
        self.note_new_subnet(&id);
        let subnet = Subnet {
            id: id.clone(),
            vpc: vpc.clone(),
            zone,
            zone_id,
            owner: self.caller.account.clone(),
            shared: BTreeSet::new(),
            cidr,
            tags,
            pool,
            ipv6: None,
            pool6: None,
            attributes: SubnetAttributes::default(),
            reservations: Vec::new(),
        };
        self.subnets.insert(id.clone(), subnet);
        Ok(id)
    }

    fn zone_or_first(&self, zone: Option<Zone>) -> Result<Zone, ApiError> {
        let known = match &zone {
            Some(zone) => self.zones.iter().find(|z| z.name == *zone),
            None => self.zones.first(),
        };
        known.map(|z| z.name.clone()).ok_or_else(|| {
            let zone = zone.map_or_else(String::new, |z| z.to_string());
            ApiError::value(format!(
                "Value ({zone}) for parameter availabilityZone is invalid. Subnets can currently only be created in \
                 the following availability zones: {}.",
                self.zones.iter().map(|z| z.name.as_str()).collect::<Vec<_>>().join(", ")
            ))
        })
    }

    /// Changes the attributes of a subnet.
    pub fn modify_subnet(
        &mut self,
        id: &SubnetId,
        change: impl FnOnce(&mut SubnetAttributes),
    ) -> Result<(), ApiError> {
        let subnet = self.subnet(id)?;
        let mut attributes = subnet.attributes;
        change(&mut attributes);
        if attributes.assign_ipv6 && subnet.ipv6.is_none() {
            return Err(ApiError::value(format!(
                "The subnet '{id}' does not have an IPv6 CIDR block"
            )));
        }
        if let Some(subnet) = self.subnets.get_mut(id) {
            subnet.attributes = attributes;
        }
        Ok(())
    }

    /// Deletes a subnet in which there is no interface.
    pub fn delete_subnet(&mut self, id: &SubnetId) -> Result<(), ApiError> {
        self.subnet(id)?;
        if self.interfaces_of(id).next().is_some() {
            return Err(ApiError::new(
                Code::DependencyViolation,
                format!("The subnet '{id}' has dependencies and cannot be deleted."),
            ));
        }
        self.subnets.remove(id);
        self.by_subnet.remove(id);
        Ok(())
    }

    /// Lets another account use a subnet, as AWS RAM does: its interfaces there are hidden from the owner, and the
    /// owner's from it, but all of their addresses count.
    pub fn share_subnet(&mut self, id: &SubnetId, account: &str) -> Result<(), ApiError> {
        let found = self.subnets.get_mut(id).ok_or_else(|| not_found(id))?;
        found.shared.insert(account.to_owned());
        Ok(())
    }

    /// A subnet of the caller, or one that is shared with it.
    pub(crate) fn subnet(&self, id: &SubnetId) -> Result<&Subnet, ApiError> {
        let found = self
            .subnets
            .get(id)
            .filter(|subnet| subnet.is_seen_by(&self.caller.account));
        found.ok_or_else(|| not_found(id))
    }

    /// Reserves a range. It may cover addresses in use: they stay with their owners until they are released.
    pub fn create_reservation(&mut self, new: NewReservation) -> Result<Reservation, ApiError> {
        tags::check(&new.tags)?;
        let subnet = self.subnet(&new.subnet)?;
        if !subnet.cidr.contains(&new.cidr) || new.cidr.addr() != new.cidr.network() {
            return Err(ApiError::value(format!(
                "The CIDR '{}' is not within the CIDR range of the subnet '{}'",
                new.cidr, subnet.cidr
            )));
        }
        if subnet.reservations.iter().any(|r| overlap(r.cidr, new.cidr)) {
            return Err(ApiError::new(
                Code::CidrConflict,
                format!(
                    "The CIDR '{}' conflicts with another reservation of the subnet",
                    new.cidr
                ),
            ));
        }
        let NewReservation {
            subnet,
            cidr,
            kind,
            description,
            tags,
        } = new;
        let reservation = Reservation {
            id: self.random.id("scr"),
            subnet,
            cidr,
            kind,
            description,
            tags,
        };
        if let Some(subnet) = self.subnets.get_mut(&reservation.subnet) {
            subnet.reservations.push(reservation.clone());
            subnet.reserve_anew();
        }
        Ok(reservation)
    }

    /// Takes a reservation away; what was given from it stays given.
    pub fn delete_reservation(&mut self, id: &str) -> Result<Reservation, ApiError> {
        for subnet in self.subnets.values_mut() {
            if let Some(position) = subnet.reservations.iter().position(|r| r.id == id) {
                let reservation = subnet.reservations.remove(position);
                subnet.reserve_anew();
                return Ok(reservation);
            }
        }
        Err(ApiError::new(
            Code::InvalidReservationNotFound,
            format!("The subnet CIDR reservation ID '{id}' does not exist"),
        ))
    }
}

fn not_found(id: &SubnetId) -> ApiError {
    ApiError::new(
        Code::InvalidSubnetNotFound,
        format!("The subnet ID '{id}' does not exist"),
    )
}
