//! What Auto Scaling, EKS, Karpenter and people who make nodes by hand do by themselves.

use super::cluster::{Cluster, Node, made_from};
use jiff::SignedDuration;
use vpccni_core::ids::NodeName;
use vpccni_core::safety::{NodeGroup, Provider};

const START: SignedDuration = SignedDuration::from_secs(60);

impl Cluster {
    pub(crate) fn providers(&mut self) {
        let groups: Vec<NodeGroup> = self.groups.keys().cloned().collect();
        for group in groups {
            match group.provider {
                Provider::AutoScalingGroup | Provider::ManagedNodeGroup => self.fill(&group),
                Provider::Karpenter => self.karpenter(&group),
                Provider::SelfManaged => self.owner(&group),
            }
        }
    }

    pub(crate) fn members(&self, group: &NodeGroup) -> u32 {
        let members = self
            .nodes
            .values()
            .filter(|node| node.group == *group && node.gone_at.is_none() && !node.dead);
        u32::try_from(members.count()).unwrap()
    }

    /// As many nodes as desired; dead ones are replaced, and none is taken away.
    fn fill(&mut self, group: &NodeGroup) {
        let dead: Vec<NodeName> = self.of(group, |node| node.dead && node.gone_at.is_none());
        for name in dead {
            self.ends(&name, 0);
        }
        while self.members(group) < self.groups[group].desired && !self.groups[group].no_capacity {
            let name = self.launch(group, START);
            self.say(format!("{name} joins"));
        }
        let ready = self.of(group, |node| {
            node.ready_at.is_some_and(|at| at <= self.now) && node.gone_at.is_none()
        });
        let desired = self.groups[group].desired;
        // What was asked for in addition is not missing.
        let asked = self.nodes.values().filter(|node| {
            let grows = node
                .record
                .as_ref()
                .is_some_and(|record| record.grow_to.is_some());
            node.group.provider == group.provider && node.gone_at.is_none() && grows
        });
        let there = ready.len() + asked.count();
        let lacking = desired.saturating_sub(u32::try_from(there).unwrap());
        let group = self.groups.get_mut(group).unwrap();
        group.missing = group.missing.min(lacking);
    }

    fn of(&self, group: &NodeGroup, test: impl Fn(&Node) -> bool) -> Vec<NodeName> {
        let of_group = self
            .nodes
            .iter()
            .filter(|(_, node)| node.group == *group && test(node));
        of_group.map(|(name, _)| name.clone()).collect()
    }

    /// Drifted nodes that nobody holds, one after the other: the new one first, then the old one is emptied.
    fn karpenter(&mut self, group: &NodeGroup) {
        let dead: Vec<NodeName> = self.of(group, |node| node.dead && node.gone_at.is_none());
        for name in dead {
            self.nodes.get_mut(&name).unwrap().gone_at = Some(self.now);
        }
        // It gives up on nodes that do not register in a quarter of an hour.
        let patience = SignedDuration::from_mins(15);
        let never = self.of(group, |node| {
            node.ready_at.is_none() && node.created + patience <= self.now
        });
        for name in never {
            self.nodes.get_mut(&name).unwrap().gone_at = Some(self.now);
        }
        while self.members(group) < self.groups[group].desired && !self.groups[group].no_capacity {
            self.launch(group, START);
        }
        let template = made_from(&self.groups[group]);
        let taken = self.of(group, |node| node.taken && node.gone_at.is_none());
        for name in &taken {
            let pods: Vec<u64> = self.nodes[name].pods.iter().map(|pod| pod.uid).collect();
            for uid in &pods {
                self.evict(name, *uid);
            }
            if pods.is_empty() {
                self.nodes.get_mut(name).unwrap().gone_at = Some(self.now + SignedDuration::from_secs(30));
            }
        }
        let drifted = self.of(group, |node| {
            node.made_from != template
                && !node.hold
                && !node.taken
                && node.gone_at.is_none()
                && self.is_ready(node)
        });
        let (Some(name), true) = (drifted.first(), taken.is_empty()) else {
            return;
        };
        let fresh = self.of(group, |node| node.made_from == template && node.gone_at.is_none());
        let all_ready = fresh.iter().all(|name| self.is_ready(&self.nodes[name]));
        let surplus = self.members(group) > self.groups[group].desired;
        if surplus && all_ready {
            self.nodes.get_mut(name).unwrap().taken = true;
            self.say(format!("Karpenter takes {name}"));
        } else if !surplus && !self.groups[group].no_capacity {
            let name = self.launch(group, START);
            self.say(format!("Karpenter makes {name}"));
        }
    }

    /// Somebody removes empty cordoned nodes and makes new ones.
    fn owner(&mut self, group: &NodeGroup) {
        let done = self.of(group, |node| {
            node.dead
                || node.ready_at.is_none()
                || node.cordon_ours
                    && node.pods.is_empty()
                    && node
                        .record
                        .as_ref()
                        .is_some_and(|record| record.step == vpccni_core::migration::NodeStep::Drained)
        });
        for name in done {
            self.nodes.get_mut(&name).unwrap().gone_at = Some(self.now);
        }
        while self.members(group) < self.groups[group].desired {
            self.launch(group, START);
        }
    }
}
