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

    /// What happened after the event of this number.
    pub fn events_after(&self, number: u64) -> impl Iterator<Item = &Event> {
        let first = self.events.kept.front().map_or(1, |event| event.number);
        let skip = usize::try_from((number + 1).saturating_sub(first)).unwrap_or(usize::MAX);
        self.events.kept.iter().skip(skip)
    }
}
