//! The plan of a migration, from what was observed: the same for the operator that makes it and for a person who asks
//! beforehand.

use super::Observed;
use jiff::Timestamp;
use std::collections::BTreeMap;
use vpccni_api::CniPolicy;
use vpccni_api::convert::migration::migration_settings;
use vpccni_core::migration::{Carrier, GroupFacts, Method, MigrationPlan, PlanWorld, plan};
use vpccni_core::policy::{ManagerClass, Owner, named_in};
use vpccni_core::safety::{CniSetup, NodeGroup, review};

/// The groups that nodes are in which take part.
pub fn groups_of(observed: &Observed) -> impl Iterator<Item = NodeGroup> {
    let nodes = observed.world.seen.nodes.iter();
    nodes
        .filter(|node| node.takes_part())
        .map(|node| node.group.clone())
}

/// The plan from one set-up to another.
pub fn planned(
    policy: &CniPolicy,
    observed: &Observed,
    (from, to): (&CniSetup, &CniSetup),
    (groups, original): (&BTreeMap<NodeGroup, GroupFacts>, &[(NodeGroup, Method)]),
    now: Timestamp,
) -> MigrationPlan {
    let seen = &observed.world.seen;
    let review = review(from, to, seen);
    plan(&PlanWorld {
        seen,
        from,
        to,
        review: &review,
        groups,
        settings: &migration_settings(policy.spec.migration.as_ref()),
        carrier: carrier(observed),
        original,
        now,
    })
}

fn carrier(observed: &Observed) -> Carrier {
    let target = observed.world.target.as_ref();
    if target.is_some_and(|target| target.addon.carrier().is_some()) {
        return Carrier::ManagedAddon;
    }
    let take_over = &observed.world.intent.take_over_from;
    let owners = observed.carrier.as_ref().map(|carrier| &carrier.strategy_owners);
    let free = |owner: &Owner| match owner.class {
        ManagerClass::Ours | ManagerClass::Released => true,
        ManagerClass::Eks | ManagerClass::Reconciler => false,
        ManagerClass::Person | ManagerClass::Other => named_in(take_over, &owner.manager),
    };
    Carrier::DaemonSet {
        strategy_is_ours: owners.is_some_and(|owners| owners.iter().all(free)),
    }
}
