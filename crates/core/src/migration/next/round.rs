//! One round: what is known, what was decided so far, and how much of the budget is left.

use super::standing::{Standing, came_since, standings, switched_at};
use super::waiting::Waits;
use crate::ids::NodeName;
use crate::migration::action::{Action, ActionKind};
use crate::migration::plan::{Budget, GroupPlan, MigrationPlan, Stage};
use crate::migration::report::Blocked;
use crate::migration::state::{Memory, NodeStep, Record, State};
use crate::migration::world::{GroupView, NodeView, Update, World};
use crate::plural::{agreeing, counted};
use crate::safety::NodeGroup;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What may be done in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Leave {
    /// Something new may begin: preparing, selecting.
    pub begin: bool,
    /// What is in work may go on.
    pub go_on: bool,
    /// Everything is given back without delay.
    pub abort: bool,
}

/// The nodes of a group, and of the one that takes over, that a node more was asked for. Counted once a round: with a
/// thousand nodes in work nobody may look through ten thousand for each of them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asking {
    pub all: u32,
    /// Of those, the ones that may be terminated already.
    pub ends: u32,
    /// The ones that may be terminated before the next round.
    pub may_end: u32,
    /// The ones that must go and have no replacement yet.
    pub waiting: u32,
}

#[derive(Debug)]
pub(super) struct Round<'a> {
    pub state: &'a State,
    pub world: &'a World,
    pub now: Timestamp,
    pub plan: &'a MigrationPlan,
    pub stage: &'a Stage,
    pub leave: Leave,
    pub standings: BTreeMap<&'a NodeName, Standing>,
    pub memory: Memory,
    pub actions: Vec<Action>,
    pub waits: Waits,
    pub blocked: Vec<Blocked>,
    /// How many nodes may be out of service, and there in addition: of those that are not there in addition.
    pub budget: Budget,
    /// Nodes out of service, those decided on in this round included.
    pub unavailable: u32,
    /// Replacements, likewise.
    pub surge: u32,
    /// What the books of each group were made from.
    pub asking: BTreeMap<NodeGroup, Asking>,
    /// A group of the plan whose size, or that of the one that takes over, cannot be read.
    pub unread: Option<&'a GroupPlan>,
    /// Replacements of each group that were decided on in this round.
    pub raised: BTreeMap<NodeGroup, u32>,
    groups: BTreeMap<NodeGroup, usize>,
}

impl<'a> Round<'a> {
    pub(super) fn new(
        state: &'a State,
        world: &'a World,
        now: Timestamp,
        (plan, stage): (&'a MigrationPlan, &'a Stage),
        memory: Memory,
    ) -> Self {
        let mut groups: BTreeMap<NodeGroup, usize> = BTreeMap::new();
        for (place, group) in plan.groups.iter().enumerate() {
            groups.insert(group.group.clone(), place);
            groups.extend(group.takes_over().map(|into| (into, place)));
        }
        let mut round = Self {
            standings: standings(state, &memory, plan, stage, world, now),
            state,
            world,
            now,
            plan,
            stage,
            leave: Leave {
                begin: false,
                go_on: false,
                abort: false,
            },
            memory,
            actions: Vec::new(),
            waits: Waits::default(),
            blocked: Vec::new(),
            budget: plan.budget,
            unavailable: 0,
            surge: 0,
            asking: BTreeMap::new(),
            unread: None,
            raised: BTreeMap::new(),
            groups,
        };
        round.count();
        round
    }

    pub(super) fn act(&mut self, kind: ActionKind, why: impl Into<String>) {
        self.actions.push(Action::new(kind, why));
    }

    /// Writes a step. Nothing else follows from it in this round.
    pub(super) fn record(&mut self, node: &'a NodeName, step: NodeStep, why: impl Into<String>) {
        let why = why.into();
        let earlier = self.state.nodes.get(node);
        let record = Record {
            migration: self.state.name.clone(),
            step,
            since: self.now,
            reason: (step == NodeStep::Quarantined).then(|| why.clone()),
            instance: self
                .world
                .nodes
                .get(node)
                .and_then(|view| view.facts.instance.clone()),
            grow_to: earlier.and_then(|record| record.grow_to),
        };
        let node = node.clone();
        self.act(ActionKind::Record { node, record }, why);
    }

    /// The first record of a node, or another one with another size.
    pub(super) fn select(&mut self, node: &'a NodeName, grow_to: Option<u32>, why: impl Into<String>) {
        let record = Record {
            migration: self.state.name.clone(),
            step: NodeStep::Selected,
            since: self.now,
            reason: None,
            instance: self
                .world
                .nodes
                .get(node)
                .and_then(|view| view.facts.instance.clone()),
            grow_to,
        };
        let node = node.clone();
        self.act(ActionKind::Record { node, record }, why);
    }

    /// The plan of the node's group; also for nodes of a group that takes over.
    pub(super) fn group_plan(&self, group: &NodeGroup) -> Option<&'a GroupPlan> {
        self.plan.groups.get(*self.groups.get(group)?)
    }

    /// Whether a group is planned so, or takes over where that is planned.
    pub(super) fn is_of(&self, plan: &GroupPlan, group: &NodeGroup) -> bool {
        self.group_plan(group)
            .is_some_and(|other| other.group == plan.group)
    }

    pub(super) fn group(&self, group: &NodeGroup) -> Option<&'a GroupView> {
        self.world.groups.get(group)
    }

    pub(super) fn standing(&self, node: &NodeName) -> &Standing {
        self.standings.get(node).unwrap_or(&Standing::Old)
    }

    /// The record of a node, if it is ours and about this very instance.
    pub(super) fn record_of(&self, node: &NodeName) -> Option<&'a Record> {
        let record = self.state.nodes.get(node)?;
        let view = self.world.nodes.get(node)?;
        let same_instance = match (&record.instance, &view.facts.instance) {
            (Some(recorded), Some(seen)) => recorded == seen,
            _ => true,
        };
        (record.migration == self.state.name && same_instance && record.step != NodeStep::Pending)
            .then_some(record)
    }

    /// Nodes that take part, with what they are.
    pub(super) fn nodes(&self) -> impl Iterator<Item = (&'a NodeName, &'a NodeView, &Standing)> {
        self.world
            .nodes
            .iter()
            .filter_map(|(name, view)| Some((name, view, self.standings.get(name)?)))
    }

    /// Nodes with a record of ours, in the order of their names.
    pub(super) fn in_work(&self) -> Vec<(&'a NodeName, &'a NodeView, &'a Record)> {
        let in_work = |(name, view): (&'a NodeName, &'a NodeView)| Some((name, view, self.record_of(name)?));
        self.world.nodes.iter().filter_map(in_work).collect()
    }

    /// Whether a node replaces one that is still there. A node of that name may be another one by now: EC2 gives
    /// addresses again, and names are made of them.
    pub(super) fn is_beside_its_old_node(&self, view: &NodeView) -> bool {
        let old = view.ours.replaces.as_ref();
        let standing = old.and_then(|old| self.standings.get(old));
        standing.is_some_and(Standing::must_go)
    }

    /// Whether a node goes before all others: it is out of service anyway, or it was made after the switch and is not
    /// what it should be.
    pub(super) fn is_no_loss(&self, name: &NodeName, view: &NodeView) -> bool {
        self.is_counted(name, view) || self.has_failed(name, view)
    }

    /// Whether a node was made after the switch and must go all the same.
    pub(super) fn has_failed(&self, name: &NodeName, view: &NodeView) -> bool {
        let standing = self.standing(name);
        let since = switched_at(&self.memory, self.stage);
        let surely_after = since.is_some_and(|since| view.created.as_second() > since.as_second());
        *standing == Standing::Forgiven || standing.must_go() && surely_after
    }

    /// Whether a node is none that must go, and was made since the switch.
    pub(super) fn is_made_new(&self, view: &NodeView, standing: &Standing) -> bool {
        let since = switched_at(&self.memory, self.stage);
        !standing.must_go() && since.is_some_and(|since| came_since(view.created, since))
    }

    /// Nothing is left as long as the size of a group cannot be read: nobody knows how many nodes it lacks.
    pub(super) fn budget_left(&self) -> u32 {
        if self.unread.is_some() {
            return 0;
        }
        self.budget.unavailable.saturating_sub(self.unavailable)
    }

    pub(super) fn surge_left(&self) -> u32 {
        self.budget.surge.saturating_sub(self.surge)
    }

    /// What uses the budget up, in words.
    pub(super) fn out_of_service(&self) -> String {
        let is_out = |(name, view, _): &(&NodeName, &NodeView, &Standing)| self.is_counted(name, view);
        let mut out: Vec<String> = self
            .nodes()
            .filter(is_out)
            .map(|(name, _, _)| name.to_string())
            .collect();
        let nodes = out.len();
        out.truncate(3);
        let missing = usize::try_from(self.unavailable)
            .unwrap_or(usize::MAX)
            .saturating_sub(nodes);
        if missing > 0 {
            out.push(format!("{missing} that groups lack"));
        }
        let (some, budget) = (self.unavailable, self.budget.unavailable);
        format!(
            "{} {} out of service ({}), and the budget is {budget}",
            counted(some, "node"),
            agreeing(&some, "is", "are"),
            out.join(", ")
        )
    }

    /// Whether EKS takes nodes of a group by itself now: nobody can say which and how many.
    pub(super) fn eks_updates(&self) -> bool {
        self.world
            .groups
            .values()
            .any(|group| group.update == Update::Running)
    }

    /// Whether the node counts against the budget already.
    pub(super) fn is_counted(&self, name: &NodeName, view: &NodeView) -> bool {
        let young = matches!(self.standing(name), Standing::Young(_));
        let record = self.record_of(name);
        // Without a replacement of its own the node is as good as gone from the moment it is selected.
        let given_up = record.is_some_and(|record| record.step.takes_capacity() || record.grow_to.is_none());
        view.deleting || view.cordoned || given_up || !view.ready && !young
    }

    /// Replacements beside the nodes they replace are not what a percentage is of: the budget would grow with its use.
    fn share(&mut self) {
        let (mut own, mut noted) = (0_usize, BTreeSet::new());
        for (_, view, _) in self.nodes() {
            if self.is_beside_its_old_node(view) {
                noted.extend(&view.ours.replaces);
            } else {
                own += 1;
            }
        }
        // Not all of them are noted yet.
        let in_work = self.in_work().into_iter();
        let unnoted: Vec<Timestamp> = in_work
            .filter(|(name, _, record)| record.grow_to.is_some() && !noted.contains(name))
            .map(|(_, _, record)| record.since)
            .collect();
        let since = unnoted.iter().min();
        let arrived = self.nodes().filter(|(_, view, _)| {
            view.ours.replaces.is_none() && since.is_some_and(|since| view.created >= *since)
        });
        let own = own.saturating_sub(arrived.count().min(unnoted.len()));
        let own = u32::try_from(own).unwrap_or(u32::MAX);
        let (shares, planned) = (self.plan.settings.budget, self.plan.budget);
        self.budget = Budget {
            unavailable: shares.unavailable.of(own).min(planned.unavailable),
            surge: shares.surge.of(own).min(planned.surge),
        };
    }

    fn count(&mut self) {
        self.share();
        let counted = self
            .nodes()
            .filter(|(name, view, _)| self.is_counted(name, view))
            .count();
        let lacking: u32 = self.plan.groups.iter().map(|plan| self.lacking(plan)).sum();
        let surge = self
            .in_work()
            .iter()
            .filter(|(_, _, record)| record.grow_to.is_some())
            .count();
        self.unavailable = u32::try_from(counted).unwrap_or(u32::MAX).saturating_add(lacking);
        self.surge = u32::try_from(surge).unwrap_or(u32::MAX);
    }

    /// Nodes a group should have and has not: what was terminated without a replacement and is not made good yet.
    fn lacking(&self, plan: &GroupPlan) -> u32 {
        let Some(group) = plan.takes_over() else {
            return 0;
        };
        let Some(size) = self.group(&group).and_then(|view| view.size) else {
            return 0;
        };
        let of_group = || self.nodes().filter(|(_, view, _)| view.facts.group == group);
        let of_plan = |view: &NodeView| view.facts.group == group || view.facts.group == plan.group;
        // A node whose termination made the group smaller is no longer one it should have.
        let leaves = |view: &NodeView, record: Option<&Record>| {
            view.deleting && record.is_some_and(|record| record.grow_to.is_some())
        };
        let there = of_group()
            .filter(|(name, view, standing)| {
                !matches!(standing, Standing::Young(_)) && !leaves(view, self.record_of(name))
            })
            .count();
        let asked: Vec<&Record> = self
            .nodes()
            .filter(|(_, view, _)| of_plan(view) && !view.deleting)
            .filter_map(|(name, _, _)| self.record_of(name).filter(|record| record.grow_to.is_some()))
            .collect();
        let since = asked.iter().map(|record| record.since).min();
        // A replacement that is there is counted as a node already. Which of the new nodes are replacements is not
        // always noted yet, so any of them may be: then one more counts as missing for a while, never one less.
        let arrived = of_group().filter(|(_, view, standing)| {
            let asks = |old: &NodeName| {
                self.record_of(old).is_some() && self.world.nodes.get(old).is_some_and(|old| !old.deleting)
            };
            let bound = view.ours.replaces.as_ref().is_some_and(asks);
            let unbound = view.ours.replaces.is_none() && since.is_some_and(|since| view.created >= since);
            (bound || unbound) && !matches!(standing, Standing::Young(_))
        });
        let asked_for = asked.len().saturating_sub(arrived.count());
        let accounted = u32::try_from(there + asked_for).unwrap_or(u32::MAX);
        size.desired.saturating_sub(accounted)
    }
}
