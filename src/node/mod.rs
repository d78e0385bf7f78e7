//! The node controller: one CniNodeState for every Linux node on EC2, from Node, aws-node pod and the inventory of EC2.

mod act;
mod status;

use crate::context::Context;
use jiff::SignedDuration;
use std::collections::BTreeMap;
use std::time::Duration;
use vpccni_core::config::{CniConfig, Effective};
use vpccni_core::ids::NodeName;
use vpccni_core::node_state::{NodeAction, NodeSeen, NodeStateSeen, plan, status_of};
use vpccni_core::policy::{AddonState, effective_of};
use vpccni_core::version::CniVersion;
use vpccni_observe::deep::DeepFacts;
use vpccni_observe::facts;
use vpccni_observe::policy::{Eyes, Parts, ask, parts};

/// What a round came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Round {
    /// Objects that could not be written; tried again in the next round.
    pub(crate) failed: usize,
}

/// One round.
pub(crate) async fn reconcile(ctx: &Context, eyes: &Eyes) -> Round {
    let (nodes, states, effective) = observe(ctx, eyes).await; // reads EC2 at most once an interval
    let actions: Vec<NodeAction> = plan(&nodes, &states, &effective); // pure
    let failed = act::act(ctx, actions).await; // writes CniNodeStates
    Round { failed }
}

async fn observe(
    ctx: &Context,
    eyes: &Eyes,
) -> (Vec<NodeSeen>, BTreeMap<NodeName, NodeStateSeen>, Effective) {
    let age =
        SignedDuration::try_from(ctx.settings.inventory_interval).unwrap_or(SignedDuration::from_mins(2));
    let parts = parts(&eyes.stores);
    let ask = ask(
        ctx.settings.cluster_name.as_deref(),
        &eyes.stores,
        parts.live.as_ref(),
    );
    let inventory = eyes.inventory.at_most(age, &ask, ctx.now()).await;
    let counted = DeepFacts::not_read();
    let revisions: BTreeMap<NodeName, Option<String>> = eyes
        .stores
        .aws_node_pods
        .all()
        .iter()
        .filter_map(|pod| Some((pod.node.clone()?, pod.revision.clone())))
        .collect();
    let nodes: Vec<NodeSeen> = eyes
        .stores
        .nodes
        .all()
        .iter()
        .map(|node| NodeSeen {
            facts: facts(node, &inventory, &counted),
            uid: node.uid.clone(),
            revision: revisions.get(&node.name).cloned().flatten(),
            capacity_pods: node.capacity_pods,
        })
        .collect();
    let effective = running(eyes, &parts);
    let states = states(eyes, &nodes, &effective);
    (nodes, states, effective)
}

fn running(eyes: &Eyes, parts: &Parts) -> Effective {
    let target = parts
        .target(&eyes.stores, AddonState::Absent)
        .map(|(target, _)| target);
    target.map_or_else(
        || Effective::of(&CniConfig::default(), CniVersion::REFERENCE),
        |target| effective_of(&target),
    )
}

/// What stands, as core compares it: a status that says what it should is the status it should have.
fn states(eyes: &Eyes, nodes: &[NodeSeen], effective: &Effective) -> BTreeMap<NodeName, NodeStateSeen> {
    let by_name: BTreeMap<&str, &NodeSeen> = nodes
        .iter()
        .map(|node| (node.facts.name.as_str(), node))
        .collect();
    let seen = eyes.stores.node_states.all();
    seen.iter()
        .filter_map(|state| {
            let wanted = by_name
                .get(state.name.as_str())
                .map(|node| status_of(node, effective));
            let by_agent = state.status.observed_by == Some(vpccni_api::node_state::ObservedBy::Ipamd);
            let row = NodeStateSeen {
                owner: state.owner_uid.clone(),
                status: wanted.filter(|wanted| status::says(&state.status, wanted)),
                by_agent,
            };
            Some((NodeName::parse(&state.name).ok()?, row))
        })
        .collect()
}

/// How long the controller waits for more changes before a round: a rollout touches every node within seconds.
pub(crate) const GATHER: Duration = Duration::from_secs(2);
