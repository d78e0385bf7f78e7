//! New nodes as replacements: which one is whose, which are nobody's yet, and how many nodes each group has.
//!
//! Made once a round: with a thousand nodes in work nobody may look through ten thousand nodes for each of them.

use super::round::Round;
use super::standing::Standing;
use crate::ids::NodeName;
use crate::migration::state::Record;
use crate::safety::NodeGroup;
use std::collections::BTreeMap;

/// The new nodes of a round.
#[derive(Debug)]
pub(super) struct Arrivals<'a> {
    noted: BTreeMap<&'a NodeName, &'a NodeName>,
    free: Vec<&'a NodeName>,
    there: BTreeMap<&'a NodeGroup, u32>,
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
        };
        for (name, view, standing) in round.nodes().filter(|(_, view, _)| !view.deleting) {
            *arrivals.there.entry(&view.facts.group).or_default() += 1;
            let recent = earliest.is_some_and(|earliest| view.created >= earliest);
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
            view.is_some_and(|view| view.facts.group == *group && view.created >= record.since)
        };
        let place = self.free.iter().position(fits)?;
        Some(self.free.remove(place))
    }

    /// Nodes of a group that are not going.
    pub(super) fn there(&self, group: &NodeGroup) -> usize {
        self.there
            .get(group)
            .map_or(0, |nodes| usize::try_from(*nodes).unwrap_or(usize::MAX))
    }

    /// New nodes of a group that are nobody's replacement yet.
    pub(super) fn free(&self, round: &Round<'_>, group: &NodeGroup) -> usize {
        let of_group = |name: &&&NodeName| {
            let view = round.world.nodes.get(**name);
            view.is_some_and(|view| view.facts.group == *group)
        };
        self.free.iter().filter(of_group).count()
    }

    /// Whether all nodes a group should have are there.
    pub(super) fn has_all(&self, group: &NodeGroup, desired: u32) -> bool {
        self.there.get(group).copied().unwrap_or_default() >= desired
    }
}
