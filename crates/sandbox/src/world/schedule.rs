//! What will happen by itself, in the order of its time. The world never looks at a clock: who serves it says how late
//! it is, and everything due up to then happens, each thing at its own time.

use super::{InstanceState, World};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;
use vpccni_core::ids::{EniId, InstanceId, InstanceType, Zone};

/// More steps than any one moment has: a world that schedules its own next step without delay would never come to rest.
const MAX_STEPS: usize = 1_000_000;

/// Something that happens by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Due {
    /// The next step in the life of an instance, if it is still in this state.
    Instance(InstanceId, InstanceState),
    /// An interface was made.
    InterfaceReady(EniId),
    /// An interface is attached.
    Attached(String),
    /// An interface is detached.
    Detached(String),
    /// The next step in the life of a cluster.
    Cluster(String),
    /// The next step in the life of an add-on.
    Addon { cluster: String, addon: String },
    /// A step of a node group.
    Nodegroup { cluster: String, nodegroup: String },
    /// The end of an update of EKS.
    EksUpdate { cluster: String, update: String },
    /// A step of an Auto Scaling group.
    ScalingGroup(String),
    /// A zone has capacity again, of a type or of all.
    Capacity((Zone, Option<InstanceType>)),
}

/// What is due and when; the number keeps the order of what falls on one moment.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    queue: BTreeMap<(Timestamp, u64), Due>,
    next: u64,
}

impl World {
    /// Something happens after a delay; without one, before the answer of the request that caused it is read again.
    pub(crate) fn after(&mut self, delay: Duration, due: Due) {
        let at = self.now.checked_add(delay).unwrap_or(Timestamp::MAX);
        let number = self.schedule.next;
        self.schedule.next += 1;
        self.schedule.queue.insert((at, number), due);
    }

    /// What time it is in this world.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// When the next thing happens by itself.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.schedule.queue.keys().next().map(|(at, _)| *at)
    }

    /// Lets time pass until `now`: everything due by then happens. Time never goes back, whatever a clock says.
    pub fn settle(&mut self, now: Timestamp) {
        // What happens by itself is done for the account that owns the sandbox, whoever called last.
        let caller = std::mem::take(&mut self.caller);
        for _ in 0..MAX_STEPS {
            let Some(entry) = self.schedule.queue.first_entry() else {
                break;
            };
            let at = entry.key().0;
            if at > now {
                break;
            }
            let due = entry.remove();
            self.now = self.now.max(at);
            self.happen(due);
        }
        self.now = self.now.max(now);
        self.caller = caller;
    }

    /// Lets happen what takes no time.
    pub fn rest(&mut self) {
        self.settle(self.now);
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Capacity(shortage) => {
                self.capacity_out.remove(&shortage);
            }
            Due::Instance(id, from) => self.step_instance(&id, from),
            Due::InterfaceReady(id) => self.finish_create(&id),
            Due::Attached(attachment) => self.finish_attach(&attachment),
            Due::Detached(attachment) => self.finish_detach(&attachment),
            Due::Cluster(name) => self.step_cluster(&name),
            Due::Addon { cluster, addon } => self.step_addon(&cluster, &addon),
            Due::EksUpdate { cluster, update } => self.finish_update(&cluster, &update),
            Due::ScalingGroup(name) => {
                self.step_group(&name);
                self.tell_nodegroup(&name);
            }
            Due::Nodegroup { cluster, nodegroup } => self.step_nodegroup(&cluster, &nodegroup),
        }
    }
}
