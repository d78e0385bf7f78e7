//! What the status says besides what the core decided: target, cluster, cloud, ENIConfigs, the effective values.

use super::memory::Memory;
use super::report;
use super::round::Round;
use super::status::Surroundings;
use crate::context::Context;
use std::collections::{BTreeMap, BTreeSet};
use vpccni_api::CniPolicy;
use vpccni_api::policy::{ClusterStatus, DaemonSetRef, TargetStatus};
use vpccni_core::config::{Key, Value};
use vpccni_core::policy::{Action, Outcome, PolicyPlan, Why};
use vpccni_observe::policy::{Carrier, Counts, Eyes, Observed};

pub(super) async fn surroundings(
    ctx: &Context,
    eyes: &Eyes,
    memory: &mut Memory,
    round: Round<'_>,
) -> Surroundings {
    let (policy, observed) = (round.policy, round.observed);
    let stopped = round
        .plan
        .steps
        .iter()
        .zip(&round.outcomes.steps)
        .any(|(step, outcome)| matches!(step, Action::StopRollout { .. }) && *outcome == Outcome::Done);
    Surroundings {
        generation: policy.metadata.generation.unwrap_or_default(),
        target: observed
            .carrier
            .as_ref()
            .map(|carrier| target_status(policy, carrier, round.plan)),
        cluster: cluster_status(ctx, eyes, memory, policy, observed).await,
        cloud: report::cloud_status(observed),
        eni_rows: round.eni.rows.clone(),
        agent_args: observed
            .carrier
            .as_ref()
            .map(|carrier| carrier.agent_args.clone())
            .unwrap_or_default(),
        effective: observed
            .effective
            .as_ref()
            .map(effective_texts)
            .unwrap_or_default(),
        stalled: stopped,
        migration: None,
    }
}

fn target_status(policy: &CniPolicy, carrier: &Carrier, plan: &PolicyPlan) -> TargetStatus {
    let target = policy.spec.target.as_ref();
    let by = if target.is_some_and(|target| target.managed_addon.is_some()) {
        "spec.target.managedAddon"
    } else if target.is_some_and(|target| target.daemon_set.is_some()) {
        "spec.target.daemonSet"
    } else {
        "the name under which the VPC CNI is published"
    };
    TargetStatus {
        daemon_set: Some(DaemonSetRef {
            namespace: carrier.namespace.clone(),
            name: carrier.name.clone(),
        }),
        managed_addon: policy
            .spec
            .target
            .as_ref()
            .and_then(|target| target.managed_addon.clone()),
        addon_document: wanted_document(carrier, plan),
        discovered_by: Some(by.to_owned()),
    }
}

/// What the document of an add-on has to say, where somebody else writes it.
fn wanted_document(carrier: &Carrier, plan: &PolicyPlan) -> Option<String> {
    let addon = carrier.addon.as_ref()?;
    let waiting = plan
        .verdict
        .pending
        .iter()
        .filter(|pending| pending.why == Why::ExternalWriter);
    let (mut set, mut unset) = (BTreeMap::new(), BTreeSet::new());
    for pending in waiting {
        match &pending.to {
            Some(value) => drop(set.insert(pending.name.clone(), value.clone())),
            None => drop(unset.insert(pending.name.clone())),
        }
    }
    let anything = !(set.is_empty() && unset.is_empty());
    anything.then(|| addon.document.clone().with(&set, &unset).text())
}

fn effective_texts(effective: &vpccni_core::config::Effective) -> BTreeMap<String, String> {
    let text = |key: Key| {
        effective
            .value(key)
            .map(|value: &Value| (key.to_string(), value.to_string()))
    };
    Key::all().filter_map(text).collect()
}

async fn cluster_status(
    ctx: &Context,
    eyes: &Eyes,
    memory: &mut Memory,
    policy: &CniPolicy,
    observed: &Observed,
) -> ClusterStatus {
    let in_policy = policy
        .spec
        .cluster
        .as_ref()
        .and_then(|cluster| cluster.region.clone());
    let of_nodes = || {
        eyes.stores
            .nodes
            .all()
            .iter()
            .find_map(|node| node.region.clone())
    };
    let seen = &observed.world.seen.cluster;
    let target = observed.world.target.as_ref();
    ClusterStatus {
        name: observed.cluster_name.clone(),
        region: in_policy
            .or_else(|| ctx.settings.aws_region.clone())
            .or_else(of_nodes),
        vpc: seen.vpc.as_option().map(ToString::to_string),
        ip_family: seen
            .ip_family
            .as_option()
            .copied()
            .map(vpccni_api::convert::ip_family),
        kubernetes_version: memory.recall.kubernetes_version(Counts::Live(&ctx.client)).await,
        cni_version: target
            .and_then(|t| t.version.as_option())
            .map(ToString::to_string),
        node_agent_version: target
            .and_then(|t| t.node_agent)
            .map(|version| version.to_string()),
    }
}
