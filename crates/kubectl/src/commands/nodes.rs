//! `nodes`: how each node gives addresses, what it can carry, and where its migration is.

use crate::args::{Flags, Looking};
use crate::failure::Failure;
use crate::look::{Look, look};
use crate::output::{Cell, Out, Paint, Style, Table, line};
use serde::Serialize;
use std::collections::BTreeMap;
use vpccni_api::convert::{node_mode, provider};
use vpccni_api::node_state::{GroupProvider, NodeStep, ObservedMode};
use vpccni_core::config::Effective;
use vpccni_core::node_state::{NodeSeen, status_of};
use vpccni_core::policy::is_over_committed;
use vpccni_core::safety::NodeFacts;
use vpccni_observe::seen::NodeStateSeen;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct NodeView {
    name: String,
    ready: bool,
    unschedulable: bool,
    mode: ObservedMode,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<String>,
    group: Group,
    #[serde(skip_serializing_if = "Option::is_none")]
    interfaces: Option<Interfaces>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pods: Option<u32>,
    max_pods: MaxPods,
    #[serde(skip_serializing_if = "Option::is_none")]
    migration: Option<NodeStep>,
    /// What could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<String>,
}

#[derive(Debug, Serialize)]
struct Group {
    provider: GroupProvider,
    name: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Interfaces {
    attached: u32,
    secondary_ips: u32,
    prefixes: u32,
    branches: u32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MaxPods {
    /// Pods the scheduler may put there.
    #[serde(skip_serializing_if = "Option::is_none")]
    seen: Option<u32>,
    /// Pods the kubelet was started for.
    #[serde(skip_serializing_if = "Option::is_none")]
    declared: Option<u32>,
    /// Pods its interfaces can carry under the configuration that runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    possible: Option<u32>,
    /// Whether the scheduler may put more there than that.
    over_committed: bool,
}

/// Looks and lists.
pub(super) async fn run(flags: &Flags, looking: &Looking, out: &mut Out) -> Result<(), Failure> {
    let look = look(flags, looking, None).await?;
    out.show(&views(&look), |views, paint| text(views, paint))
}

fn views(look: &Look) -> Vec<NodeView> {
    let observed = &look.sight.observed;
    let states: BTreeMap<String, _> = look
        .sight
        .stores
        .node_states
        .all()
        .into_iter()
        .map(|state| (state.name.clone(), state))
        .collect();
    let taking_part = observed.world.seen.nodes.iter().filter(|node| node.takes_part());
    taking_part
        .map(|facts| {
            let state = states.get(facts.name.as_str()).map(AsRef::as_ref);
            view(look, facts, state, observed.effective.as_ref())
        })
        .collect()
}

fn view(
    look: &Look,
    facts: &NodeFacts,
    state: Option<&NodeStateSeen>,
    effective: Option<&Effective>,
) -> NodeView {
    let node = look.sight.stores.nodes.get(facts.name.as_str());
    let seen = NodeSeen {
        facts: facts.clone(),
        uid: String::new(),
        revision: None,
        capacity_pods: node.as_ref().and_then(|node| node.capacity_pods),
    };
    let status = effective.map(|effective| status_of(&seen, effective));
    NodeView {
        name: facts.name.to_string(),
        ready: node.as_ref().is_some_and(|node| node.ready),
        unschedulable: node.as_ref().is_some_and(|node| node.unschedulable),
        mode: node_mode(facts.mode),
        instance_type: facts.instance_type.as_ref().map(ToString::to_string),
        zone: facts.zone.as_ref().map(ToString::to_string),
        group: Group {
            provider: provider(facts.group.provider),
            name: facts.group.name.clone(),
        },
        interfaces: facts.enis.as_option().map(|enis| Interfaces {
            attached: enis.attached,
            secondary_ips: enis.secondary_ips,
            prefixes: enis.prefixes,
            branches: enis.branches,
        }),
        pods: facts.pods.as_option().map(|pods| pods.pods),
        max_pods: MaxPods {
            seen: facts.max_pods,
            declared: seen.capacity_pods,
            possible: status.as_ref().and_then(|status| status.max_pods_possible),
            over_committed: effective.is_some_and(|effective| is_over_committed(facts, effective)),
        },
        migration: state
            .and_then(|state| state.spec.migration.as_ref())
            .map(|record| record.step),
        unknown: status.and_then(|status| status.unknown),
    }
}

fn text(views: &[NodeView], paint: Paint) -> String {
    if views.is_empty() {
        return "No node runs aws-node.\n".to_owned();
    }
    let mut table = Table::new(&[
        "NODE", "MODE", "TYPE", "ZONE", "GROUP", "ENIS", "IPS", "PREFIXES", "PODS", "MAXPODS", "STEP",
    ]);
    for node in views {
        table.row(row(node));
    }
    let mut text = table.text("", paint);
    let over = views.iter().filter(|node| node.max_pods.over_committed).count();
    text.push_str(
        "\nMAXPODS: what the scheduler uses / the kubelet was started for / the interfaces can carry\n",
    );
    if over > 0 {
        let marked = format!(
            "! on {over} of {}: the scheduler may put more pods there than can get an address",
            views.len()
        );
        line(&mut text, &paint.on(Style::Bad, &marked));
    }
    if let Some(why) = views.iter().find_map(|node| node.unknown.as_deref()) {
        line(&mut text, &format!("?: {why}"));
    }
    text
}

fn row(node: &NodeView) -> Vec<Cell> {
    let text = |value: Option<&String>| Cell::from(value.map_or("?", String::as_str));
    let number = |value: Option<u32>| value.map_or_else(|| "?".to_owned(), |number| number.to_string());
    let interfaces = node.interfaces.as_ref();
    let name = match (node.ready, node.unschedulable) {
        (true, false) => node.name.clone(),
        (true, true) => format!("{} (cordoned)", node.name),
        (false, _) => format!("{} (not ready)", node.name),
    };
    let max_pods = &node.max_pods;
    let numbers = format!(
        "{}/{}/{}",
        number(max_pods.seen),
        number(max_pods.declared),
        // One /80 holds more addresses than any node has pods.
        if max_pods.possible == Some(u32::MAX) {
            "∞".to_owned()
        } else {
            number(max_pods.possible)
        }
    );
    vec![
        name.into(),
        match node.mode {
            ObservedMode::Mixed => Cell::styled("Mixed", Style::Bad),
            mode => mode.as_str().into(),
        },
        text(node.instance_type.as_ref()),
        text(node.zone.as_ref()),
        format!("{}/{}", short(node.group.provider), node.group.name).into(),
        number(interfaces.map(|found| found.attached)).into(),
        number(interfaces.map(|found| found.secondary_ips)).into(),
        number(interfaces.map(|found| found.prefixes)).into(),
        number(node.pods).into(),
        if max_pods.over_committed {
            Cell::styled(format!("{numbers} !"), Style::Bad)
        } else {
            numbers.into()
        },
        node.migration.map_or("-", NodeStep::as_str).into(),
    ]
}

fn short(provider: GroupProvider) -> &'static str {
    match provider {
        GroupProvider::ManagedNodeGroup => "nodegroup",
        GroupProvider::AutoScalingGroup => "asg",
        GroupProvider::Karpenter => "nodepool",
        GroupProvider::SelfManaged => "none",
    }
}
