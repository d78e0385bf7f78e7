//! What each node is to the stage that is worked on: old, mixed, young, new, or failed.

use crate::ids::NodeName;
use crate::migration::plan::judge::{Fit, Yardstick};
use crate::migration::plan::{Judge, MigrationPlan, Stage};
use crate::migration::state::{Memory, State};
use crate::migration::world::{NodeView, World};
use crate::safety::NodeGroup;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// As it was before the stage.
    Old,
    /// Of both: first in the queue.
    Mixed,
    /// Made after the switch, and not yet as it should be.
    Young(String),
    /// As the stage makes nodes, and Ready.
    New,
    /// Made after the switch, and not as it should be in time.
    Failed(String),
    /// It failed before somebody resumed: replaced like an old one.
    Forgiven,
}

impl Standing {
    /// Whether the node has to be replaced.
    pub(super) fn must_go(&self) -> bool {
        matches!(self, Self::Old | Self::Mixed | Self::Forgiven)
    }
}

/// Since when new nodes run what the stage wants; none before the switch.
pub(super) fn switched_at(memory: &Memory, stage: &Stage) -> Option<Timestamp> {
    let last = memory.switched.last()?;
    (last.to == stage.to_id).then_some(last.at)
}

/// Whether a node came after a moment, or in the same second: Kubernetes writes no fractions of them.
pub(super) fn came_since(created: Timestamp, moment: Timestamp) -> bool {
    created.as_second() >= moment.as_second()
}

/// Every node that takes part.
pub(super) fn standings<'a>(
    state: &State,
    memory: &Memory,
    plan: &MigrationPlan,
    stage: &Stage,
    world: &'a World,
    now: Timestamp,
) -> BTreeMap<&'a NodeName, Standing> {
    let judge = Judging {
        yardstick: Yardstick::of(stage),
        by: stage.judge,
        since: switched_at(memory, stage),
        resumed: state.resumed,
        within: plan.settings.halt.new_node,
        now,
        replaced: BTreeSet::new(),
    };
    let successors = plan.successors();
    let judge = Judging {
        replaced: successors.values().cloned().collect(),
        ..judge
    };
    let standing = |(name, node): (&'a NodeName, &NodeView)| (name, judge.standing(node, &successors));
    let taking_part = world.nodes.iter().filter(|(_, node)| node.facts.takes_part());
    taking_part.map(standing).collect()
}

struct Judging<'a> {
    yardstick: Yardstick<'a>,
    by: Judge,
    since: Option<Timestamp>,
    resumed: Option<Timestamp>,
    within: SignedDuration,
    now: Timestamp,
    /// Groups that another one takes over from.
    replaced: BTreeSet<NodeGroup>,
}

impl Judging<'_> {
    fn standing(&self, node: &NodeView, successors: &BTreeMap<NodeGroup, NodeGroup>) -> Standing {
        if self.replaced.contains(&node.facts.group) {
            // The whole group goes, whatever it still makes.
            let mixed = self.yardstick.interfaces(&node.facts) == Fit::Mixed;
            return if mixed { Standing::Mixed } else { Standing::Old };
        }
        // A group that takes over is measured by what is planned for the group it replaces.
        let fit = match successors.get(&node.facts.group) {
            Some(group) => {
                let mut facts = node.facts.clone();
                facts.group = group.clone();
                self.yardstick.fit(&facts)
            }
            None => self.yardstick.fit(&node.facts),
        };
        // A node of the very second of the switch may have either configuration, and so may one whose agent was started
        // before the controller of the DaemonSet knew: its agent or its interfaces tell. As planned it has to get Ready
        // like any other before one goes for it; so has every replacement, whatever the two clocks say.
        let made_since = self.since.is_some_and(|since| came_since(node.created, since));
        let runs_new = node.newest_revision != Some(false);
        let as_planned = fit == Fit::AsPlanned && self.by == Judge::ByInterfaces;
        let is_replacement = self.since.is_some() && node.ours.replaces.is_some();
        if made_since && runs_new || as_planned && (made_since || is_replacement) {
            return self.made_new(node, fit);
        }
        match fit {
            Fit::AsPlanned if self.by == Judge::ByInterfaces => Standing::New,
            Fit::Mixed => Standing::Mixed,
            // Its agent was restarted after the switch: it gives addresses of the new kind from now on.
            _ if self.since.is_some() && node.newest_revision == Some(true) => Standing::Mixed,
            _ => Standing::Old,
        }
    }

    fn made_new(&self, node: &NodeView, fit: Fit) -> Standing {
        let unreadable = node.facts.enis.as_option().is_none();
        // Its kubelet says this from the first moment to the last: to wait for it would only make more of its kind.
        let hopeless = matches!(fit, Fit::Never(_)) && node.ready;
        let what = match fit {
            Fit::AsPlanned if node.ready && node.proof != Some(false) => return Standing::New,
            Fit::AsPlanned if node.ready => "pods get no address there".to_owned(),
            Fit::AsPlanned => "it is not Ready".to_owned(),
            Fit::Mixed => return Standing::Mixed,
            Fit::Differs(what) | Fit::Never(what) | Fit::Unknown(what) => what,
        };
        let deadline = node.created.saturating_add(self.within);
        let due = hopeless || deadline.is_ok_and(|due| self.now >= due);
        // What cannot be read has not failed: an outage of EC2 is not the node's fault.
        if !due || unreadable && node.ready {
            Standing::Young(what)
        } else if self.resumed.is_some_and(|resumed| node.created < resumed) {
            Standing::Forgiven
        } else {
            Standing::Failed(what)
        }
    }
}
