//! What the watching task and its jobs share: who the nodes are, which addresses are given, how far each pod is.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Client;

use super::addresses::Addresses;
use super::conduct::{Conduct, Rule, usual};

/// How long things take. Short, but not nothing: a rollout must have a middle that can be seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delays {
    pub(super) start: Duration,
    pub(super) end: Duration,
    /// Between two restarts of a container that crashes.
    pub(super) restart: Duration,
    /// Before a failed call, or a look for a free address, is tried again.
    pub(super) again: Duration,
}

impl Default for Delays {
    fn default() -> Self {
        let millis = Duration::from_millis;
        Self {
            start: millis(150),
            end: millis(100),
            restart: millis(2000),
            again: millis(500),
        }
    }
}

/// What the task and the jobs share.
pub(super) struct Shared {
    pub(super) client: Client,
    pub(super) delays: Delays,
    pub(super) nodes: Mutex<BTreeMap<String, Ipv4Addr>>,
    pub(super) addresses: Mutex<Addresses>,
    pub(super) rules: Mutex<Vec<Rule>>,
    /// What is being done with a pod, by its uid.
    pub(super) stages: Mutex<BTreeMap<String, Stage>>,
}

/// How far a pod is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Starting,
    Ending,
}

impl Shared {
    pub(super) fn conduct_of(&self, pod: &Pod) -> Conduct {
        locked(&self.rules)
            .iter()
            .rev()
            .find_map(|rule| rule(pod))
            .unwrap_or_else(|| usual(pod))
    }

    /// Where the node of a pod is, if it is one of ours.
    pub(super) fn host_of(&self, pod: &Pod) -> Option<(String, Ipv4Addr)> {
        let name = pod.spec.as_ref()?.node_name.as_ref()?;
        locked(&self.nodes)
            .get(name)
            .map(|address| (name.clone(), *address))
    }
}

/// The lock; a panic in a test must not hide behind a poisoned one.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
