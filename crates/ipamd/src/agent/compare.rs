//! The store against the metadata service and EC2, and keys against the links of the host.

use super::Agent;
use super::done::Done;
use crate::clock;
use crate::host::HostError;
use crate::interface::Interface;
use crate::node::unmanaged;
use crate::{observe, ops};
use std::collections::{BTreeMap, BTreeSet};
use vpccni_core::assign::{Key, Lease, Request};
use vpccni_core::config;
use vpccni_core::datapath::{Link, host_veth_name};
use vpccni_core::ids::EniId;
use vpccni_core::pool::{EniSeen, Observed, Pending, Step, reconcile};
use vpccni_core::ports::node::{ImdsEni, NodeEni};
use vpccni_core::ports::{CloudError, EniKind};

/// The network of entries that were rebuilt from the kernel: their container is the name of their link.
pub const REBUILT: &str = "_rebuilt-from-the-kernel";

/// Digits of the hash at the end of a link's name.
const HASH: usize = 11;

/// What core compares.
pub fn seen(interface: &Interface) -> EniSeen {
    let role = interface.role;
    EniSeen {
        id: interface.id.clone(),
        card: interface.card,
        device: interface.device,
        kind: interface.tags.as_ref().map(|_| {
            if role.trunk {
                EniKind::Trunk
            } else if role.efa {
                EniKind::Efa
            } else {
                EniKind::Interface
            }
        }),
        subnet: Some(interface.subnet.clone()),
        cidrs: interface.blocks.iter().copied().collect(),
    }
}

impl Agent {
    fn managed(&self, shown: &[ImdsEni], described: Option<&BTreeMap<EniId, NodeEni>>) -> Vec<Interface> {
        let managed = |interface: &Interface| {
            !self.unmanaged.contains(&interface.id) && self.cards.contains_key(&interface.card)
        };
        let mut all = observe::joined(self.tools.node.mode, shown, described);
        all.retain(managed);
        all
    }

    fn difference(
        &self,
        interfaces: &[Interface],
        ec2: &BTreeMap<EniId, Option<EniSeen>>,
    ) -> vpccni_core::pool::Reconciliation {
        let imds: Vec<EniSeen> = interfaces.iter().map(seen).collect();
        let observed = Observed {
            imds: &imds,
            ec2,
            imds_only: !self.tools.node.may_call_ec2(),
            released: &self.released,
            pending: &self.pending,
        };
        reconcile(&self.store, &observed, clock::now())
    }

    pub(super) fn shown(&mut self, result: Result<Vec<ImdsEni>, CloudError>) {
        let shown = match result {
            Ok(shown) => shown,
            Err(error) => {
                self.timers.comparing = false;
                return self.note(Some(error), "nodeIPPoolReconcile");
            }
        };
        let interfaces = self.managed(&shown, None);
        let found = self.difference(&interfaces, &BTreeMap::new());
        if found.ask.is_empty() {
            self.timers.comparing = false;
            return self.follow(found.steps, &interfaces);
        }
        let tools = self.tools.clone();
        self.operate(async move {
            let described = observe::described(&tools.cloud, &tools.node.identity.instance).await;
            Done::Described { shown, described }
        });
    }

    pub(super) fn described(
        &mut self,
        shown: &[ImdsEni],
        result: Result<BTreeMap<EniId, NodeEni>, CloudError>,
    ) {
        self.timers.comparing = false;
        let described = match result {
            Ok(described) => described,
            // Without EC2's word nothing is removed.
            Err(error) => return self.note(Some(error), "nodeIPPoolReconcile"),
        };
        self.learn_unmanaged(shown, &described);
        let by_metadata = self.managed(shown, None);
        let interfaces = self.managed(shown, Some(&described));
        let asked = self.difference(&by_metadata, &BTreeMap::new()).ask;
        let truth: BTreeMap<EniId, Option<EniSeen>> = asked
            .into_iter()
            .map(|id| {
                let known = interfaces.iter().find(|interface| interface.id == id);
                // What the metadata service does not show and EC2 has cannot be judged: it is on its way in.
                let known = known.map(seen).or_else(|| self.as_stored(&id, &described));
                (id, known)
            })
            .collect();
        let found = self.difference(&by_metadata, &truth);
        self.follow(found.steps, &interfaces);
    }

    /// An interface of the store that EC2 has and the metadata service does not show.
    fn as_stored(&self, id: &EniId, described: &BTreeMap<EniId, NodeEni>) -> Option<EniSeen> {
        let eni = described.get(id)?;
        let interface = self.interfaces.get(id)?;
        let blocks = crate::interface::described_blocks(self.tools.node.mode, eni);
        Some(seen(&Interface {
            blocks,
            ..interface.clone()
        }))
    }

    fn learn_unmanaged(&mut self, shown: &[ImdsEni], described: &BTreeMap<EniId, NodeEni>) {
        let node = &self.tools.node;
        let untagged = node.settings.effective.is_on(config::Key::ManageUntaggedEni);
        for eni in shown {
            let Some(known) = described.get(&eni.id) else {
                continue;
            };
            let is_primary = eni.id == node.primary;
            // What the store has stays: its pods are there.
            if self.interfaces.contains_key(&eni.id) || self.unmanaged.contains(&eni.id) {
                continue;
            }
            if let Some(why) = unmanaged(known, &node.identity.instance, untagged, is_primary) {
                tracing::info!(eni = %eni.id, why, "an interface is left alone");
                self.unmanaged.insert(eni.id.clone());
                if let Some(card) = self.cards.get_mut(&eni.network_card) {
                    card.unmanaged += 1;
                    card.devices.insert(eni.device_index);
                }
            }
        }
    }

    fn follow(&mut self, steps: Vec<Step>, interfaces: &[Interface]) {
        let now = clock::now();
        for step in steps {
            tracing::info!(?step, "store and cloud differ");
            match step {
                Step::AddEni(eni) => {
                    let found = interfaces.iter().find(|interface| interface.id == eni.id);
                    if let Some(interface) = found {
                        self.set_up(interface.clone());
                    }
                }
                Step::AddCidr { eni, cidr } => {
                    self.tools
                        .cloud
                        .metrics()
                        .reconciled("eniDataStorePoolReconcileAdd");
                    self.add_block(&eni, cidr, now);
                }
                Step::RemoveCidr { eni, cidr } => self.lose_block(&eni, cidr),
                Step::RemoveEni { eni } => self.lose_interface(&eni),
            }
        }
        self.released
            .retain(|_, at| now.duration_since(*at).abs() < vpccni_core::pool::FRESH);
    }

    fn set_up(&mut self, interface: Interface) {
        self.tools.cloud.metrics().reconciled("eniReconcileAdd");
        self.pending.insert(interface.id.clone(), Pending::Other);
        let tools = self.tools.clone();
        self.operate(async move {
            ops::tag(&tools, &interface).await;
            let result = ops::set_up(&tools, &interface).await;
            Done::SetUp {
                interface: Box::new(interface),
                result,
            }
        });
    }

    /// Keys whose link was gone at two sweeps are given back. A key that is young may have its link still to come.
    pub(super) fn sweep(&mut self, result: Result<Vec<Link>, HostError>) {
        let links = match result {
            Ok(links) => links,
            Err(error) => {
                tracing::warn!(%error, "the links of the host cannot be read");
                return;
            }
        };
        let names: BTreeSet<&str> = links.iter().map(|link| link.name.as_str()).collect();
        let now = clock::now();
        let age = self.tools.pace.sweep_age;
        let gone: BTreeSet<Key> = self
            .store
            .cards()
            .flat_map(|card| self.store.leases(card))
            .filter(|lease| now.duration_since(lease.since).unsigned_abs() >= age)
            .filter(|lease| has_link(lease, &names) == Some(false))
            .map(|lease| lease.key.clone())
            .collect();
        let again: Vec<Key> = gone.intersection(&self.missed).cloned().collect();
        self.missed = gone;
        for key in again {
            self.release_key(Request::Del { key });
        }
    }
}

/// Whether the link of a pod is there; none where nobody knows its name.
pub fn has_link(lease: &Lease<'_>, names: &BTreeSet<&str>) -> Option<bool> {
    if lease.key.network == REBUILT {
        return Some(names.contains(lease.key.container.as_str()));
    }
    let pod = lease.pod?;
    // The prefix may have been another one when the pod was made.
    let hash = host_veth_name("", &pod.namespace, &pod.name, 0);
    Some(
        names
            .iter()
            .any(|name| name.len() >= HASH && name.ends_with(&hash)),
    )
}
