//! Pods: they end, are scheduled, and are evicted as far as their budgets allow.

use super::cluster::{Cluster, Pod};
use jiff::SignedDuration;
use vpccni_core::ids::NodeName;

impl Cluster {
    pub(crate) fn end_pods(&mut self) {
        let now = self.now;
        let mut ended = Vec::new();
        for node in self.nodes.values_mut() {
            node.pods.retain(|pod| {
                let over = pod.ends.is_some_and(|at| at <= now);
                if over {
                    ended.push(pod.app);
                }
                !over
            });
        }
        self.pending.extend(ended);
    }

    pub(crate) fn schedule(&mut self) {
        let mut waiting = Vec::new();
        for app in std::mem::take(&mut self.pending) {
            let room: Vec<NodeName> = self
                .nodes
                .iter()
                .filter(|(_, node)| {
                    self.is_ready(node)
                        && !node.cordoned
                        && !node.taken
                        && node.gone_at.is_none()
                        && node.pods.len() < 20
                })
                .map(|(name, _)| name.clone())
                .collect();
            let Some(name) = room.iter().min_by_key(|name| self.nodes[*name].pods.len()) else {
                waiting.push(app);
                continue;
            };
            self.serial += 1;
            let pod = Pod {
                app,
                uid: self.serial,
                ends: None,
            };
            self.nodes.get_mut(name).unwrap().pods.push(pod);
        }
        self.pending = waiting;
    }

    /// What the budget of an app allows now.
    pub(crate) fn allowed(&self, app: usize) -> u32 {
        let (wanted, blocked) = self.apps[app];
        let up = self
            .nodes
            .values()
            .filter(|node| self.is_ready(node))
            .flat_map(|node| &node.pods)
            .filter(|pod| pod.app == app && pod.ends.is_none())
            .count();
        u32::from(!blocked && up + 1 > wanted)
    }

    /// An eviction through the API: the budget is looked at now, whatever the caller saw.
    pub(crate) fn evict(&mut self, name: &NodeName, uid: u64) {
        let Some(app) = self.nodes.get(name).and_then(|node| {
            let pod = node.pods.iter().find(|pod| pod.uid == uid && pod.ends.is_none());
            pod.map(|pod| pod.app)
        }) else {
            return;
        };
        if self.allowed(app) == 0 {
            return;
        }
        let ends = self.now + SignedDuration::from_secs(15);
        let node = self.nodes.get_mut(name).unwrap();
        node.pods
            .iter_mut()
            .filter(|pod| pod.uid == uid)
            .for_each(|pod| pod.ends = Some(ends));
        self.evicted += 1;
    }
}
