//! What the metadata service of an instance knows of its interfaces: what EC2 has acknowledged, some time later.

use super::{Attachment, AttachmentStatus, Interface, World};
use std::time::Duration;
use vpccni_core::ids::{EniId, InstanceId};

/// An interface as the metadata service shows it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// With the addresses and prefixes that are visible by now.
    pub(crate) interface: Interface,
    /// Where it is, or was until a moment ago.
    pub(crate) attachment: Attachment,
    /// Whether its addresses are visible yet: a fresh interface is listed before they are.
    pub(crate) addresses_known: bool,
}

impl World {
    /// Whether metadata services learn of anything late.
    pub(super) fn metadata_lags(&self) -> bool {
        let timings = &self.timings;
        [
            timings.imds_attach,
            timings.imds_detach,
            timings.imds_assign,
            timings.imds_unassign,
        ]
        .iter()
        .any(|lag| !lag.is_zero())
    }

    /// The interfaces of an instance that its metadata service shows, in the order of their places.
    pub(crate) fn metadata_interfaces(&self, instance: &InstanceId) -> Vec<Seen> {
        let Some(found) = self.instances.get(instance) else {
            return Vec::new();
        };
        let attached = found.interfaces.values();
        let gone = self
            .changed_interfaces()
            .filter(|id| !found.interfaces.values().any(|attached| attached == *id));
        let mut seen: Vec<Seen> = attached
            .chain(gone)
            .filter_map(|id| self.metadata_interface(id, instance))
            .collect();
        seen.sort_by_key(|seen| (seen.attachment.network_card, seen.attachment.device_index));
        seen
    }

    fn metadata_interface(&self, id: &EniId, instance: &InstanceId) -> Option<Seen> {
        let timings = &self.timings;
        let here = |interface: &&Interface| at(interface, instance).is_some();
        let live = self.interfaces.get(id).filter(here);
        let interface = match live {
            Some(interface) => interface,
            None => self.interface_before(id, timings.imds_detach).filter(here)?,
        };
        let attachment = at(interface, instance)?.clone();
        let known = Duration::try_from(self.now.duration_since(attachment.time)).unwrap_or_default();
        // The interface that an instance starts with is there from its first moment.
        let primary = attachment.device_index == 0;
        if !primary && known < timings.imds_attach {
            return None;
        }
        let addresses_known = primary || known >= timings.imds_attach + timings.imds_assign;
        let mut interface = interface.clone();
        if live.is_some() {
            self.let_addresses_lag(&mut interface);
        }
        Some(Seen {
            interface,
            attachment,
            addresses_known,
        })
    }

    /// What was assigned of late is not visible yet, and what was taken away of late still is.
    fn let_addresses_lag(&self, interface: &mut Interface) {
        let timings = &self.timings;
        if !timings.imds_assign.is_zero()
            && let Some(before) = self.interface_before(&interface.id, timings.imds_assign)
        {
            interface.secondary.retain(|a| before.secondary.contains(a));
            interface.prefixes.retain(|p| before.prefixes.contains(p));
        }
        if !timings.imds_unassign.is_zero()
            && let Some(live) = self.interfaces.get(&interface.id)
            && let Some(before) = self.interface_before(&interface.id, timings.imds_unassign)
        {
            let gone = before.secondary.iter().filter(|a| !live.secondary.contains(a));
            interface.secondary.extend(gone);
            let gone = before.prefixes.iter().filter(|p| !live.prefixes.contains(p));
            interface.prefixes.extend(gone);
        }
    }
}

fn at<'a>(interface: &'a Interface, instance: &InstanceId) -> Option<&'a Attachment> {
    let attachment = interface.attachment.as_ref()?;
    let there = attachment.status != AttachmentStatus::Attaching;
    (attachment.instance == *instance && there).then_some(attachment)
}
