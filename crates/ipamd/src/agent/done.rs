//! Operations end, and the store takes in what they brought.

use super::Agent;
use crate::clock;
use crate::host::HostError;
use crate::interface::Interface;
use crate::node::Pace;
use crate::notice::Notice;
use crate::ops::{Assigned, Creation, NotCreated, Places};
use jiff::SignedDuration;
use std::collections::BTreeMap;
use tokio::time::Instant;
use vpccni_core::assign::IpNet;
use vpccni_core::datapath::Link;
use vpccni_core::ids::{EniId, SecurityGroupId, SubnetId};
use vpccni_core::pool::Creating;
use vpccni_core::ports::CloudError;
use vpccni_core::ports::node::{Capacity, ImdsEni, NodeEni, VpcCidrs, capacity};

/// How an operation ended.
#[derive(Debug)]
pub(super) enum Done {
    Assigned {
        eni: EniId,
        result: Assigned,
    },
    Released {
        eni: EniId,
        kept: Vec<IpNet>,
    },
    Created {
        slot: Creating,
        creation: Creation,
    },
    Deleted {
        eni: EniId,
        result: Result<(), CloudError>,
    },
    Places(Result<Places, String>),
    Shown(Result<Vec<ImdsEni>, CloudError>),
    Described {
        shown: Vec<ImdsEni>,
        described: Result<BTreeMap<EniId, NodeEni>, CloudError>,
    },
    SetUp {
        interface: Box<Interface>,
        result: Result<(), HostError>,
    },
    Groups(Result<Vec<SecurityGroupId>, CloudError>),
    GroupsNotSet(CloudError),
    Networks(Result<VpcCidrs, CloudError>),
    Host(Result<(), HostError>),
    Forgotten(Result<usize, HostError>),
    Links(Result<Vec<Link>, HostError>),
    Reported(bool),
    Nothing,
}

impl Agent {
    pub(super) fn take(&mut self, done: Done) {
        match done {
            Done::Assigned { eni, result } => self.assigned(&eni, result),
            Done::Released { eni, kept } => self.given_back(&eni, kept),
            Done::Created { slot, creation } => self.created(slot, creation),
            Done::Deleted { eni, result } => self.deleted(&eni, result),
            Done::Places(result) => self.found_places(result),
            Done::Shown(result) => self.shown(result),
            Done::Described { shown, described } => self.described(&shown, described),
            Done::SetUp { interface, result } => self.was_set_up(*interface, result),
            Done::Groups(result) => self.groups_seen(result),
            Done::GroupsNotSet(error) => {
                self.timers.groups_stale = true;
                self.note(Some(error), "RefreshSGIDs");
            }
            Done::Networks(result) => self.networks_seen(result),
            Done::Host(result) => {
                if let Err(error) = result {
                    tracing::error!(%error, "the network of the host cannot be set up");
                    self.tools.cloud.metrics().error("setupHostNetwork");
                    self.last_error = Some(error.to_string());
                }
            }
            Done::Forgotten(Ok(count)) => tracing::debug!(count, "forgot connections of pods that ended"),
            Done::Forgotten(Err(error)) => {
                tracing::warn!(%error, "connections of pods that ended are remembered");
            }
            Done::Links(result) => self.sweep(result),
            Done::Reported(written) => {
                self.timers.reporting = false;
                if !written {
                    self.reported = None;
                }
            }
            Done::Nothing => {}
        }
        self.publish();
        self.look_soon();
    }

    /// An error of AWS is counted and kept for the report.
    pub(super) fn note(&mut self, error: Option<CloudError>, function: &'static str) {
        if let Some(error) = error {
            self.tools.cloud.metrics().utils_error(function, &error);
            self.last_error = Some(error.to_string());
        }
    }

    fn assigned(&mut self, eni: &EniId, result: Assigned) {
        self.pending.remove(eni);
        let Assigned {
            added,
            carries,
            error,
        } = result;
        let got_some = !added.is_empty();
        let now = clock::now();
        for block in added.into_iter().chain(carries.unwrap_or_default()) {
            self.add_block(eni, block, now);
        }
        match error {
            None => self.succeeded(),
            Some(error) => {
                let subnet = self.interfaces.get(eni).map(|interface| interface.subnet.clone());
                self.failed(&error, subnet.filter(|_| !got_some), "increaseDatastorePool");
            }
        }
    }

    fn succeeded(&mut self) {
        self.failures = 0;
        self.last_error = None;
    }

    /// Growth failed: want of room shuts the place that has none, anything else is left alone for a while.
    fn failed(&mut self, error: &CloudError, subnet: Option<SubnetId>, function: &'static str) {
        let metrics = self.tools.cloud.metrics();
        metrics.error(function);
        metrics.utils_error(function, error);
        self.last_error = Some(error.to_string());
        match capacity(error) {
            Some(Capacity::Subnet) => self.shut(subnet),
            // What the interface really has was read.
            Some(Capacity::Interface) => {}
            Some(what @ (Capacity::Instance | Capacity::Account)) => {
                let what = if what == Capacity::Instance {
                    "the instance"
                } else {
                    "the account"
                };
                let what = what.to_owned();
                self.tools.cloud.notices().tell(Notice::NoRoom { what });
                let pause = Pace::jittered(self.tools.pace.no_room);
                self.timers.no_creation = Instant::now() + pause;
            }
            None => self.back_off(),
        }
    }

    fn shut(&mut self, subnet: Option<SubnetId>) {
        let Some(subnet) = subnet else { return };
        let what = subnet.to_string();
        self.tools.cloud.notices().tell(Notice::NoRoom { what });
        let pause = SignedDuration::try_from(Pace::jittered(self.tools.pace.no_room));
        let pause = pause.unwrap_or(SignedDuration::from_secs(120));
        let now = clock::now();
        self.full.insert(subnet, now.saturating_add(pause).unwrap_or(now));
    }

    fn given_back(&mut self, eni: &EniId, kept: Vec<IpNet>) {
        self.pending.remove(eni);
        let now = clock::now();
        if !kept.is_empty() {
            self.back_off();
        }
        for block in kept {
            self.released.remove(&block);
            self.add_block(eni, block, now);
        }
    }

    fn created(&mut self, slot: Creating, creation: Creation) {
        if let Some(at) = self.creating.iter().position(|other| *other == slot) {
            self.creating.remove(at);
        }
        let Creation { result, full } = creation;
        for subnet in full {
            self.shut(Some(subnet));
        }
        match result {
            Ok(interface) => {
                self.succeeded();
                self.add_interface(interface, clock::now());
            }
            Err(NotCreated::Cloud(error)) => self.failed(&error, None, "AllocENI"),
            Err(error @ (NotCreated::NotSeen(_) | NotCreated::Host(_))) => {
                tracing::error!(%error, "a new interface cannot be used yet");
                self.tools.cloud.metrics().error("setupENI");
                self.last_error = Some(error.to_string());
                self.back_off();
                // It is attached: the comparison finds it and tries again.
                self.compare();
            }
        }
    }

    fn deleted(&mut self, eni: &EniId, result: Result<(), CloudError>) {
        self.pending.remove(eni);
        if let Err(error) = result {
            tracing::error!(%error, %eni, "an interface could not be freed");
            self.note(Some(error), "FreeENI");
            self.back_off();
            self.compare();
        }
    }

    fn found_places(&mut self, result: Result<Places, String>) {
        self.timers.finding = false;
        match result {
            Ok(places) => {
                self.places = Some((places, Instant::now()));
                self.exclude();
            }
            Err(error) => {
                tracing::error!(%error, "there is no place for a new interface");
                self.tools.cloud.metrics().error("increaseDatastorePool");
                self.last_error = Some(error);
                self.back_off();
            }
        }
    }

    fn groups_seen(&mut self, result: Result<Vec<SecurityGroupId>, CloudError>) {
        let mut seen = match result {
            Ok(seen) => seen,
            Err(error) => return self.note(Some(error), "RefreshSGIDs"),
        };
        seen.sort_unstable();
        self.groups.sort_unstable();
        let stale = std::mem::take(&mut self.timers.groups_stale);
        if seen.is_empty() || (seen == self.groups && !stale) || !self.tools.node.may_call_ec2() {
            return;
        }
        self.groups.clone_from(&seen);
        let others: Vec<EniId> = self
            .interfaces
            .values()
            .filter(|interface| !interface.role.primary && !interface.role.trunk)
            .map(|interface| interface.id.clone())
            .collect();
        for eni in others {
            let (tools, groups) = (self.tools.clone(), seen.clone());
            // Groups do not touch addresses: an operation on them may be under way.
            self.operate(async move {
                let asked = tools.cloud.ec2.set_security_groups(&eni, &groups);
                let result = tools
                    .cloud
                    .call("ec2:ModifyNetworkInterfaceAttribute", asked)
                    .await;
                result.map_or_else(Done::GroupsNotSet, |()| Done::Nothing)
            });
        }
    }

    fn networks_seen(&mut self, result: Result<VpcCidrs, CloudError>) {
        let mut networks = match result {
            Ok(networks) => networks,
            Err(error) => return self.note(Some(error), "GetVPCIPv4CIDRs"),
        };
        if networks == VpcCidrs::default() {
            // No VPC is without networks: what was known holds.
            return;
        }
        networks.ipv4.sort_unstable();
        networks.ipv6.sort_unstable();
        self.facts.send_if_modified(|facts| {
            let changed = facts.networks != networks;
            facts.networks.clone_from(&networks);
            changed
        });
        // Also where nothing has changed: whatever somebody removed from the host is put back.
        let tools = self.tools.clone();
        self.operate(async move { Done::Host(tools.host.primary(&tools.node, &networks).await) });
    }

    fn was_set_up(&mut self, interface: Interface, result: Result<(), HostError>) {
        self.pending.remove(&interface.id);
        match result {
            Ok(()) => self.add_interface(interface, clock::now()),
            Err(error) => {
                tracing::error!(%error, eni = %interface.id, "an interface cannot be set up");
                self.tools.cloud.metrics().error("setupENI");
                self.last_error = Some(error.to_string());
            }
        }
    }
}
