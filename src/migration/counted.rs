//! What the nodes that are left will ask of the subnets, while others are replaced.
//!
//! The rounds of a policy count no pods, and a plan without them proves no capacity. During a roll the pods are watched
//! for the drains: with those the plan is proved anew in every round, and somebody who takes the addresses is noticed.

use super::object::Work;
use super::observe::Seen;
use vpccni_core::known::Known;
use vpccni_core::safety::NodePodFacts;
use vpccni_observe::policy::Observed;

/// The same with the pods of each node; none where they are not looked at, or were counted already.
pub(super) fn counted(observed: &Observed, seen: &Seen, work: &Work) -> Option<Observed> {
    let addresses = seen.addresses.as_ref()?;
    let is_counted = observed
        .world
        .seen
        .nodes
        .iter()
        .any(|node| node.pods.as_option().is_some());
    if is_counted {
        return None;
    }
    let mut observed = observed.clone();
    for node in &mut observed.world.seen.nodes {
        node.pods = if work.works_on(&node.name) {
            // What its replacement has taken would be counted twice, in a subnet that is just large enough.
            Known::Unknown("it is being replaced".to_owned())
        } else {
            Known::Yes(NodePodFacts {
                pods: addresses.get(&node.name).copied().unwrap_or_default(),
                with_security_groups: 0,
                multi_nic: 0,
            })
        };
    }
    Some(observed)
}
