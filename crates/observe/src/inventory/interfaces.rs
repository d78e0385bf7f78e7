//! From every interface of a VPC to what rules ask: numbers per instance, and what is used in each subnet.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use vpccni_core::ids::{EniId, InstanceId, SubnetId};
use vpccni_core::net::Ipv4Prefix;
use vpccni_core::ports::{Attachment, Eni, EniKind, Subnet};
use vpccni_core::safety::EniFacts;

/// An interface with this tag set to `true` is left alone by ipamd.
const NO_MANAGE: &str = "node.k8s.amazonaws.com/no_manage";

/// The VPC resource controller names a branch's trunk here; a branch itself is attached to nothing.
const TRUNK_OF_BRANCH: &str = "vpcresources.k8s.aws/trunk-eni-id";

/// What is taken in one subnet, whoever took it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) addresses: Vec<Ipv4Addr>,
    pub(super) prefixes: Vec<Ipv4Prefix>,
}

/// All interfaces of a VPC, reduced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Interfaces {
    pub(super) by_instance: BTreeMap<InstanceId, EniFacts>,
    pub(super) taken: BTreeMap<SubnetId, Taken>,
    /// Subnets the cluster's own interfaces are in, with one interface each to name where a subnet cannot be seen.
    pub(super) in_use: BTreeMap<SubnetId, EniId>,
}

impl Interfaces {
    pub(super) fn reduce(enis: &[Eni], ours: &BTreeSet<InstanceId>) -> Self {
        let mut reduced = Self::default();
        let trunks: BTreeMap<&str, &InstanceId> = enis
            .iter()
            .filter(|eni| eni.kind == EniKind::Trunk)
            .filter_map(|eni| Some((eni.id.as_str(), &eni.attachment.as_ref()?.instance)))
            .collect();
        for eni in enis {
            reduced.take(eni);
            match &eni.attachment {
                _ if eni.kind == EniKind::Branch => reduced.branch(eni, &trunks, ours),
                Some(attachment) if ours.contains(&attachment.instance) => reduced.attached(eni, attachment),
                _ => {}
            }
        }
        for facts in reduced.by_instance.values_mut() {
            facts.pod_subnets.sort();
            facts.pod_subnets.dedup();
        }
        reduced
    }

    /// Interfaces of the cluster in subnets that were not described.
    pub(super) fn outside(&self, subnets: &[Subnet]) -> Vec<EniId> {
        let known: BTreeSet<_> = subnets.iter().map(|subnet| &subnet.id).collect();
        let unseen = self.in_use.iter().filter(|(subnet, _)| !known.contains(subnet));
        unseen.map(|(_, eni)| eni.clone()).collect()
    }

    fn take(&mut self, eni: &Eni) {
        let taken = self.taken.entry(eni.subnet.clone()).or_default();
        taken.addresses.extend(eni.primary_ip);
        taken.addresses.extend(&eni.secondary_ips);
        taken.prefixes.extend(&eni.prefixes);
    }

    fn branch(&mut self, eni: &Eni, trunks: &BTreeMap<&str, &InstanceId>, ours: &BTreeSet<InstanceId>) {
        let by_tag = eni
            .tags
            .get(TRUNK_OF_BRANCH)
            .and_then(|trunk| trunks.get(trunk.as_str()).copied());
        let attached = eni.attachment.as_ref().map(|attachment| &attachment.instance);
        if let Some(instance) = by_tag.or(attached).filter(|instance| ours.contains(*instance)) {
            self.by_instance.entry(instance.clone()).or_default().branches += 1;
            self.in_use
                .entry(eni.subnet.clone())
                .or_insert_with(|| eni.id.clone());
        }
    }

    fn attached(&mut self, eni: &Eni, attachment: &Attachment) {
        let facts = self.by_instance.entry(attachment.instance.clone()).or_default();
        self.in_use
            .entry(eni.subnet.clone())
            .or_insert_with(|| eni.id.clone());
        let primary = attachment.device_index == 0 && attachment.network_card == 0;
        let managed = primary
            || (eni.kind != EniKind::EfaOnly && eni.tags.get(NO_MANAGE).is_none_or(|value| value != "true"));
        // The limits of a type are those of the default card, so interfaces on other cards take none of its slots.
        if attachment.network_card == 0 {
            facts.attached += 1;
            facts.unmanaged += u32::from(!managed);
        }
        facts.trunk |= eni.kind == EniKind::Trunk;
        if primary {
            facts.primary_subnet = Some(eni.subnet.clone());
        }
        if !managed {
            return;
        }
        let secondary = u32::try_from(eni.secondary_ips.len()).unwrap_or(u32::MAX);
        facts.secondary_ips += secondary;
        facts.prefixes += u32::try_from(eni.prefixes.len()).unwrap_or(u32::MAX);
        if !primary {
            facts.secondary_ips_not_primary += secondary;
            facts.pod_subnets.push(eni.subnet.clone());
        }
    }
}
