//! What happened to instances and interfaces, numbered, so that a test bed can follow: plug interfaces into network
//! namespaces, boot and end simulated kubelets. A reader that fell too far behind sees it by the numbers.

use super::World;
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use std::collections::VecDeque;

/// So many are kept; a reader polls far more often than so much happens.
const KEPT: usize = 65_536;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the ids are what they are called")]
pub enum Happened {
    /// An instance has another state.
    InstanceState { instance: String, state: &'static str },
    /// An instance starts again without leaving its state.
    InstanceRebooted { instance: String },
    /// An interface is attached.
    InterfaceAttached {
        interface: String,
        instance: String,
        network_card: u32,
        device_index: u32,
        mac: String,
    },
    /// An interface is attached no more.
    InterfaceDetached { interface: String, instance: String },
    /// A lifecycle hook holds an instance of an Auto Scaling group.
    LifecycleAction {
        group: String,
        hook: String,
        instance: String,
        transition: &'static str,
        token: String,
    },
    /// The addresses or prefixes of an interface changed.
    InterfaceAddresses { interface: String },
    /// An instance of a node group becomes a node that takes so many pods.
    NodeJoins {
        cluster: String,
        nodegroup: String,
        instance: String,
        max_pods: u32,
    },
    /// A node takes no more pods, or again.
    NodeCordoned {
        cluster: String,
        nodegroup: String,
        instance: String,
        cordoned: bool,
    },
    /// The pods of a node shall go.
    NodeDrainRequested {
        cluster: String,
        nodegroup: String,
        instance: String,
    },
    /// An update of a node group is in another phase.
    NodegroupPhase {
        cluster: String,
        nodegroup: String,
        phase: &'static str,
    },
    /// An add-on is being deleted; preserved, its objects stay in Kubernetes.
    AddonDeleted {
        cluster: String,
        addon: String,
        preserved: bool,
    },
}

/// What happened, when, and its number: 1 is the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Its number.
    pub number: u64,
    /// When.
    #[serde(serialize_with = "as_text")]
    pub time: Timestamp,
    /// What.
    #[serde(flatten)]
    pub what: Happened,
}

fn as_text<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

/// The events, the last of them.
#[derive(Debug, Default)]
pub(crate) struct Events {
    last: u64,
    kept: VecDeque<Event>,
}

impl World {
    pub(crate) fn emit(&mut self, what: Happened) {
        self.events.last += 1;
        let event = Event {
            number: self.events.last,
            time: self.now,
            what,
        };
        if self.events.kept.len() == KEPT {
            self.events.kept.pop_front();
        }
        self.events.kept.push_back(event);
    }

    /// What happened after the event of this number; what was forgotten is missing at the beginning.
    pub fn events_after(&self, number: u64) -> impl Iterator<Item = &Event> {
        let first = self.events.kept.front().map_or(1, |event| event.number);
        let skip = usize::try_from((number + 1).saturating_sub(first)).unwrap_or(usize::MAX);
        self.events.kept.iter().skip(skip)
    }

    /// How many events after this number were forgotten: more than nothing where a reader fell too far behind.
    pub fn missed_after(&self, number: u64) -> u64 {
        let first = self
            .events
            .kept
            .front()
            .map_or(self.events.last + 1, |event| event.number);
        first.saturating_sub(number.saturating_add(1))
    }

    /// The number of the newest event.
    pub fn last_event(&self) -> u64 {
        self.events.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::bare;

    #[test]
    fn a_reader_that_fell_behind_is_told_how_far() {
        let mut world = bare();
        for _ in 0..KEPT + 7 {
            world.emit(Happened::InterfaceAddresses {
                interface: "eni-1".to_owned(),
            });
        }
        assert_eq!(world.missed_after(0), 7);
        assert_eq!(world.missed_after(7), 0);
        assert_eq!(world.events_after(0).next().map(|e| e.number), Some(8));
        assert_eq!(world.events_after(KEPT as u64 + 6).count(), 1);
        assert_eq!(world.events_after(KEPT as u64 + 7).count(), 0);
    }
}
