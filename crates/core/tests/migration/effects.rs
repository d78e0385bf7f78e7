//! What an action does to the cluster, bound to what its leader saw: records and nodes by version, pods by uid, sizes and
//! switches as absolute values.

use super::checks;
use super::cluster::{Cluster, group};
use jiff::SignedDuration;
use std::collections::BTreeMap;
use vpccni_core::ids::NodeName;
use vpccni_core::migration::{Action, ActionKind, NodeStep};
use vpccni_core::safety::{NodeGroup, Provider};

/// The versions a leader saw.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub nodes: BTreeMap<NodeName, u64>,
    pub memory: u64,
}

impl Cluster {
    pub(crate) fn versions(&self) -> Seen {
        Seen {
            nodes: self
                .nodes
                .iter()
                .map(|(name, node)| (name.clone(), node.version))
                .collect(),
            memory: self.memory_version,
        }
    }

    fn same(&self, seen: &Seen, name: &NodeName) -> bool {
        self.nodes
            .get(name)
            .is_some_and(|node| seen.nodes.get(name) == Some(&node.version))
    }

    /// Carries one action out.
    pub(crate) fn apply(&mut self, action: &Action, seen: &Seen) {
        if let Some(node) = of_node(&action.kind)
            && !self.same(seen, node)
        {
            self.say(format!("conflict: {action}"));
            return;
        }
        self.say(action.to_string());
        checks::before_deed(self, &action.kind);
        match &action.kind {
            ActionKind::Shield => (self.shield, self.shield_ours) = (true, true),
            ActionKind::Unshield => (self.shield, self.shield_ours) = (false, false),
            // The shield is read again before the write.
            ActionKind::Switch { .. } if self.shield => {
                self.live_is_to = !self.memory.going_back;
            }
            ActionKind::Switch { .. } | ActionKind::StepDown => {}
            ActionKind::CreateSuccessor { .. }
            | ActionKind::DeleteGroup { .. }
            | ActionKind::ForgetUpdate { .. }
            | ActionKind::EditTemplate { .. }
            | ActionKind::Grow { .. }
            | ActionKind::Suspend { .. }
            | ActionKind::Freeze { .. }
            | ActionKind::LowerMinimum { .. }
            | ActionKind::UpdateGroup { .. }
            | ActionKind::DriftNodeClass { .. }
            | ActionKind::DriftPool { .. } => self.apply_to_group(&action.kind),
            _ => self.apply_to_node(&action.kind),
        }
    }

    fn apply_to_group(&mut self, kind: &ActionKind) {
        let change = |cluster: &mut Self, name: &NodeGroup, change: &dyn Fn(&mut super::cluster::Group)| {
            cluster.groups.get_mut(name).into_iter().for_each(change);
        };
        match kind {
            ActionKind::CreateSuccessor {
                group: old,
                name,
                max_pods,
            } => {
                let mut new = self.groups[old].clone();
                (new.desired, new.min, new.lowered, new.frozen, new.suspended) = (0, 0, false, false, false);
                new.max_pods = max_pods.unwrap_or(new.max_pods);
                self.groups
                    .entry(group(Provider::ManagedNodeGroup, name))
                    .or_insert(new);
            }
            ActionKind::DeleteGroup { group } => {
                assert_eq!(self.members(group), 0, "{group} is deleted with nodes");
                self.groups.remove(group);
            }
            ActionKind::EditTemplate { group, max_pods } => {
                change(self, group, &|group| group.max_pods = *max_pods);
            }
            ActionKind::Grow { group, to } => change(self, group, &|group| {
                assert!(*to <= group.max, "past the maximum");
                group.desired = group.desired.max(*to);
            }),
            ActionKind::Suspend { group, on } => change(self, group, &|group| group.suspended = *on),
            ActionKind::Freeze { group, on } => change(self, group, &|group| group.frozen = *on),
            ActionKind::LowerMinimum { group, on } => change(self, group, &|group| group.lowered = *on),
            ActionKind::DriftNodeClass { max_pods, .. } => {
                for (name, group) in &mut self.groups {
                    if name.provider == Provider::Karpenter {
                        group.max_pods = *max_pods;
                    }
                }
            }
            ActionKind::DriftPool { group, value } => {
                change(self, group, &|group| group.annotation = Some(value.clone()));
            }
            // What EKS does then is told by the tests that ask for it.
            ActionKind::UpdateGroup { .. } => {}
            other => panic!("{other}"),
        }
    }

    fn apply_to_node(&mut self, kind: &ActionKind) {
        let name = of_node(kind).unwrap();
        let now = self.now;
        let worked = self.is_ready(&self.nodes[name]);
        let node = self.nodes.get_mut(name).unwrap();
        match kind {
            ActionKind::Record { record, .. } => {
                // A growth for a node whose instance has ended already: its group fills the place as well.
                let first = node.record.is_none() && record.grow_to.is_some();
                self.lost += u32::from(first && node.gone_at.is_some());
                node.record = (record.step != NodeStep::Pending).then(|| record.clone());
            }
            ActionKind::Hold { .. } => node.hold = true,
            ActionKind::Release { .. } => node.hold = false,
            ActionKind::DeleteClaim { .. } => node.taken = true,
            ActionKind::Guard { replaces, .. } => node.replaces = Some(replaces.clone()),
            ActionKind::Unguard { .. } => node.replaces = None,
            ActionKind::Cordon { .. } => (node.cordoned, node.cordon_ours) = (true, true),
            ActionKind::Uncordon { .. } => (node.cordoned, node.cordon_ours) = (false, false),
            ActionKind::Evict { pods, .. } => {
                for pod in pods {
                    self.evict(name, pod.uid.parse().unwrap());
                }
                return;
            }
            ActionKind::Terminate { decrement, group, .. } => {
                if node.gone_at.is_none() {
                    node.gone_at = Some(now + SignedDuration::from_secs(90));
                    let group = self.groups.get_mut(group).unwrap();
                    if *decrement {
                        group.desired = group.desired.saturating_sub(1);
                    } else {
                        // One that did not work, or that somebody cordoned, was missing before.
                        group.missing += u32::from(worked && node.cordon_ours);
                    }
                }
            }
            other => panic!("{other}"),
        }
        self.nodes.get_mut(name).unwrap().version += 1;
    }
}

/// The node whose version binds an action.
pub(crate) fn of_node(kind: &ActionKind) -> Option<&NodeName> {
    match kind {
        ActionKind::Record { node, .. }
        | ActionKind::Hold { node }
        | ActionKind::Release { node }
        | ActionKind::DeleteClaim { node }
        | ActionKind::Guard { node, .. }
        | ActionKind::Unguard { node }
        | ActionKind::Cordon { node }
        | ActionKind::Uncordon { node }
        | ActionKind::Evict { node, .. }
        | ActionKind::Terminate { node, .. } => Some(node),
        _ => None,
    }
}
