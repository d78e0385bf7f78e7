//! All groups that nodes are in, each read from who makes its nodes. What cannot be read is Unknown with a sentence.

use super::seen::{Groups, Seen};
use super::{karpenter, scaling};
use std::collections::{BTreeMap, BTreeSet};
use vpccni_core::migration::{GroupFacts, GroupView};
use vpccni_core::safety::{NodeGroup, Provider};

/// What was read of the groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupsSeen {
    /// For a plan.
    pub facts: BTreeMap<NodeGroup, GroupFacts>,
    /// For a round.
    pub views: BTreeMap<NodeGroup, GroupView>,
    /// A call that AWS denied, and what it said.
    pub denied: Option<String>,
}

/// Reads these groups.
pub async fn groups(from: Groups<'_>, wanted: &BTreeSet<NodeGroup>) -> GroupsSeen {
    let mut seen = GroupsSeen::default();
    for (group, read) in
        scaling::auto_scaling(from, names(wanted, Provider::AutoScalingGroup), &mut seen.denied).await
    {
        insert(&mut seen, Provider::AutoScalingGroup, group, read);
    }
    for (group, read) in
        scaling::managed(from, names(wanted, Provider::ManagedNodeGroup), &mut seen.denied).await
    {
        insert(&mut seen, Provider::ManagedNodeGroup, group, read);
    }
    for (group, read) in karpenter::pools(from.client, names(wanted, Provider::Karpenter)).await {
        insert(&mut seen, Provider::Karpenter, group, read);
    }
    for name in names(wanted, Provider::SelfManaged) {
        let read = Seen::unknown("nobody that is known makes these nodes");
        insert(&mut seen, Provider::SelfManaged, name, read);
    }
    seen
}

fn names(wanted: &BTreeSet<NodeGroup>, provider: Provider) -> Vec<String> {
    let of = wanted.iter().filter(|group| group.provider == provider);
    of.map(|group| group.name.clone()).collect()
}

fn insert(seen: &mut GroupsSeen, provider: Provider, name: String, read: Seen) {
    let group = NodeGroup { provider, name };
    seen.facts.insert(group.clone(), read.facts);
    seen.views.insert(group, read.view);
}
