//! What must hold after every request. It counts from the interfaces alone and compares with the pools: the books are
//! checked against the goods.

use super::{Instance, InstanceState, Interface, Subnet, World};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

impl World {
    /// Every violation, in words; none is the right answer.
    pub fn violations(&self) -> Vec<String> {
        let mut found = Vec::new();
        for subnet in self.subnets.values() {
            self.check_subnet(subnet, &mut found);
        }
        for interface in self.interfaces.values() {
            self.check_interface(interface, &mut found);
        }
        self.check_instances(&mut found);
        self.check_groups(&mut found);
        found.extend(self.scaling_violations());
        found
    }

    fn check_subnet(&self, subnet: &Subnet, found: &mut Vec<String>) {
        let mut owners: BTreeMap<Ipv4Addr, &Interface> = BTreeMap::new();
        let (first, last) = (
            u32::from(subnet.cidr.network()),
            u32::from(subnet.cidr.broadcast()),
        );
        for interface in self.interfaces.values().filter(|i| i.subnet == subnet.id) {
            let holdings = interface.holdings();
            let of_prefixes = holdings.prefixes.iter().flat_map(|prefix| prefix.addresses());
            for address in holdings.addresses.iter().copied().chain(of_prefixes) {
                let number = u32::from(address);
                if number < first + 4 || number >= last {
                    found.push(format!(
                        "{} holds {address}, which {} cannot give",
                        interface.id, subnet.id
                    ));
                }
                if let Some(other) = owners.insert(address, interface) {
                    found.push(format!(
                        "{address} belongs to {} and to {}",
                        other.id, interface.id
                    ));
                }
                if !subnet.pool.is_used(address) {
                    found.push(format!(
                        "{} holds {address}, which the pool calls free",
                        interface.id
                    ));
                }
            }
        }
        if subnet.pool.used() as usize != owners.len() {
            found.push(format!(
                "{}: {} used, {} owned",
                subnet.id,
                subnet.pool.used(),
                owners.len()
            ));
        }
        let kept = subnet
            .reservations
            .iter()
            .flat_map(|r| (u32::from(r.cidr.network())..=u32::from(r.cidr.broadcast())).map(Ipv4Addr::from));
        let kept = kept
            .filter(|a| u32::from(*a) >= first + 4 && u32::from(*a) < last && !owners.contains_key(a))
            .count();
        let expected = (last - first + 1) as usize - 5 - owners.len() - kept;
        if subnet.pool.available() as usize != expected {
            found.push(format!(
                "{}: available {} but {expected} are free",
                subnet.id,
                subnet.pool.available()
            ));
        }
    }

    fn check_interface(&self, interface: &Interface, found: &mut Vec<String>) {
        let id = &interface.id;
        if !self
            .by_subnet
            .get(&interface.subnet)
            .is_some_and(|ids| ids.contains(id))
        {
            found.push(format!("{id} is not in the index of its subnet"));
        }
        let Some(attachment) = &interface.attachment else {
            return;
        };
        let Some(instance) = self.instances.get(&attachment.instance) else {
            found.push(format!(
                "{id} is attached to {}, which is not there",
                attachment.instance
            ));
            return;
        };
        if instance.state == InstanceState::Terminated {
            found.push(format!("{id} is in use by the terminated {}", instance.id));
        }
        if instance.zone != interface.zone {
            found.push(format!("{id} is in another zone than {}", instance.id));
        }
        let place = (attachment.network_card, attachment.device_index);
        if instance.interfaces.get(&place) != Some(id) || self.attachments.get(&attachment.id) != Some(id) {
            found.push(format!(
                "the attachment of {id} is not seen alike from both sides"
            ));
        }
        if let Some(kind) = self.types.get(instance.instance_type.as_str()) {
            if interface.slots() >= kind.ipv4_per_eni as usize {
                found.push(format!(
                    "{id} has more addresses than {} allows",
                    instance.instance_type
                ));
            }
            if instance.on_card(place.0) > kind.card_limit(place.0).unwrap_or(0) {
                found.push(format!(
                    "{} has more interfaces than its type allows",
                    instance.id
                ));
            }
        }
    }

    /// A group that has nothing left to do has what is desired.
    fn check_groups(&self, found: &mut Vec<String>) {
        for group in self.scaling.groups.values().filter(|group| group.is_settled()) {
            let active = group.active().count();
            if active != group.desired as usize {
                found.push(format!(
                    "{} has come to rest with {active} members where {} are desired",
                    group.name, group.desired
                ));
            }
        }
    }

    fn check_instances(&self, found: &mut Vec<String>) {
        for instance in self.instances.values() {
            for eni in instance.interfaces.values() {
                let back = self.interfaces.get(eni).and_then(|i| i.attachment.as_ref());
                if back.is_none_or(|a| a.instance != instance.id) {
                    found.push(format!(
                        "{} lists {eni}, which is not attached to it",
                        instance.id
                    ));
                }
            }
            self.check_metadata(instance, found);
        }
    }

    /// Where metadata services learn at once, they show the interfaces that EC2 describes.
    fn check_metadata(&self, instance: &Instance, found: &mut Vec<String>) {
        if self.metadata_lags() {
            return;
        }
        let shown = self.metadata_interfaces(&instance.id);
        let alike = shown.len() == instance.interfaces.len()
            && shown.iter().zip(&instance.interfaces).all(|(seen, (place, id))| {
                let live = self.interfaces.get(id);
                (seen.attachment.network_card, seen.attachment.device_index) == *place
                    && live.is_some_and(|live| {
                        seen.interface.id == *id
                            && seen.interface.secondary == live.secondary
                            && seen.interface.prefixes == live.prefixes
                    })
            });
        if !alike {
            found.push(format!(
                "the metadata service of {} shows other interfaces than it has",
                instance.id
            ));
        }
    }
}
