//! New nodes as replacements: which one is whose, which are nobody's yet, and how many nodes each group has.
//!
//! Made once a round: with a thousand nodes in work nobody may look through ten thousand nodes for each of them.

use super::round::Round;
use super::standing::{Standing, came_since};
use crate::ids::NodeName;
use crate::migration::state::{NodeStep, Record};
use crate::safety::NodeGroup;
use std::collections::BTreeMap;

/// The new nodes of a round.
#[derive(Debug)]
pub(super) struct Arrivals<'a> {
    noted: BTreeMap<&'a NodeName, &'a NodeName>,
    free: Vec<&'a NodeName>,
    there: BTreeMap<&'a NodeGroup, u32>,
    spare: Vec<&'a NodeName>,
}

impl<'a> Arrivals<'a> {
    pub(super) fn of(round: &Round<'a>) -> Self {
        let records = round.in_work().into_iter().map(|(_, _, record)| record);
        let earliest = records
            .filter(|record| record.grow_to.is_some())
            .map(|record| record.since)
            .min();
        let mut arrivals = Self {
            noted: BTreeMap::new(),
            free: Vec::new(),
            there: BTreeMap::new(),
            spare: Vec::new(),
        };
        for (name, view, standing) in round.nodes().filter(|(_, view, _)| !view.deleting) {
            let step = round.record_of(name).map(|record| record.step);
            // The object of a node stays for a minute after its instance has ended.
            if step == Some(NodeStep::Terminating) {
                continue;
            }
            if *standing == Standing::New
                && view.ready
                && step.is_none()
                && !round.is_beside_its_old_node(view)
            {
                arrivals.spare.push(name);
            }
            *arrivals.there.entry(&view.facts.group).or_default() += 1;
            let recent = earliest.is_some_and(|earliest| came_since(view.created, earliest));
            match &view.ours.replaces {
                Some(old) => {
                    arrivals.noted.entry(old).or_insert(name);
                }
                None if recent && matches!(standing, Standing::New | Standing::Young(_)) => {
                    arrivals.free.push(name);
                }
                None => {}
            }
        }
        arrivals
    }

    /// The node that was noted as the replacement of another.
    pub(super) fn replacement(&self, old: &NodeName) -> Option<&'a NodeName> {
        self.noted.get(old).copied()
    }

    /// Takes one that is nobody's yet and came after the record.
    pub(super) fn take(
        &mut self,
        round: &Round<'a>,
        group: &NodeGroup,
        record: &Record,
    ) -> Option<&'a NodeName> {
        let fits = |name: &&NodeName| {
            let view = round.world.nodes.get(*name);
            view.is_some_and(|view| view.facts.group == *group && came_since(view.created, record.since))
        };
        let place = self.free.iter().position(fits)?;
        let name = self.free.remove(place);
        self.spare.retain(|spare| *spare != name);
        Some(name)
    }

    /// Takes a new node of a group that is as planned and takes over from none that is there, however old it is.
    pub(super) fn take_spare(&mut self, round: &Round<'_>, group: &NodeGroup) -> Option<&'a NodeName> {
        let fits = |name: &&NodeName| {
            let view = round.world.nodes.get(*name);
            view.is_some_and(|view| view.facts.group == *group)
        };
        let place = self.spare.iter().position(fits)?;
        Some(self.spare.remove(place))
    }

    /// Whether so many nodes of the groups are there, without those that may be terminated.
    pub(super) fn has_all(&self, groups: [&NodeGroup; 2], size: u32) -> bool {
        let of = |group: &NodeGroup| self.there.get(group).copied().unwrap_or_default();
        let [own, into] = groups;
        let there = if own == into { of(own) } else { of(own) + of(into) };
        there >= size
    }
}
