//! What a round of a migration decides on, read from the stores, the API server and AWS. Reads only.

use super::Memory;
use super::pods::{self, PodWatch, PodsSeen};
use crate::context::Context;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::ControllerRevision;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::ListParams;
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Api, ResourceExt};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use vpccni_api::convert::migration::migration_settings;
use vpccni_api::migration::MemoryStatus;
use vpccni_api::{CniMigration, CniPolicy};
use vpccni_core::ids::{InstanceId, NodeName};
use vpccni_core::known::Known;
use vpccni_core::migration::{
    CarrierView, GroupFacts, Method, NodeView, Ours, Ourselves, State, WindowView, World,
};
use vpccni_core::policy::setup_of;
use vpccni_core::safety::{NodeFacts, NodeGroup, NodeMode, Provider};
use vpccni_observe::migration::{CORDONED, DO_NOT_DISRUPT, GroupsSeen, HELD, REPLACES, SHIELD};
use vpccni_observe::policy::{Eyes, Observed, Opening, WindowSpec, groups_of, opening};
use vpccni_observe::seen::NodeSeen;

/// What was seen.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) world: World,
    pub(super) groups: BTreeMap<NodeGroup, GroupFacts>,
    /// How many addresses pods hold, by node; none where they are not looked at.
    pub(super) addresses: Option<BTreeMap<NodeName, u32>>,
    pub(super) at: Timestamp,
}

/// Events are not indexed: the API server reads all of them to find those of one reason.
const FAILURES_AGE: SignedDuration = SignedDuration::from_secs(10);

/// The last reading of failed pod sandboxes.
#[derive(Debug, Default)]
pub(super) struct LastFailures(Option<(Timestamp, Vec<Event>)>);

impl LastFailures {
    /// Without permission to read them none are seen.
    async fn read(&mut self, ctx: &Context) -> &[Event] {
        let now = ctx.now();
        let fresh = |at: &Timestamp| now.duration_since(*at).abs() < FAILURES_AGE;
        if !self.0.as_ref().is_some_and(|(at, _)| fresh(at)) {
            let api: Api<Event> = Api::all(ctx.client.clone());
            let params = ListParams::default()
                .fields("reason=FailedCreatePodSandBox")
                .limit(500);
            let events = api.list(&params).await.map(|list| list.items);
            self.0 = Some((now, events.unwrap_or_default()));
        }
        self.0.as_ref().map_or(&[], |(_, events)| events)
    }
}

/// Looks at everything.
pub(super) async fn observe(
    ctx: &Context,
    eyes: &Eyes,
    policy: &CniPolicy,
    observed: &Observed,
    (object, originals): (&CniMigration, &[(NodeGroup, Method)]),
    memory: &mut Memory,
) -> Seen {
    let now = ctx.now();
    let mut wanted: BTreeSet<NodeGroup> = groups_of(observed).collect();
    for (group, method) in originals {
        if let Method::BlueGreen { successor } = method {
            wanted.insert(NodeGroup {
                provider: group.provider,
                name: successor.clone(),
            });
        }
        wanted.insert(group.clone());
    }
    let cluster = observed.cluster_name.as_deref();
    let GroupsSeen {
        facts,
        views,
        denied: denied_now,
    } = memory.groups.read(ctx, cluster, wanted).await;
    let denied = memory.denied.clone();
    let status = object.status.as_ref();
    let stored = status.and_then(|status| status.memory.as_ref());
    let started = stored.is_some_and(|stored| stored.started.is_some());
    // Before it begins nothing is moved, however long it waits for a person; and the pods of a large cluster are many.
    let (pods, revision, ourselves) = if started {
        (
            pods::read(ctx, watch_of(ctx, memory), now).await,
            newest_revision(ctx, observed).await,
            ourselves(ctx).await,
        )
    } else {
        (PodsSeen::not_read(), None, None)
    };
    let mut nodes = nodes(eyes, observed, &pods, revision.as_deref());
    drifted(ctx, &mut nodes).await;
    let resumed = object.spec.resumed_at.as_ref().map(|time| time.0);
    let settings = migration_settings(policy.spec.migration.as_ref());
    let since = failures_since(now, settings.halt.window, resumed);
    let subnets = observed.world.seen.subnets.as_option().into_iter().flatten();
    let world = World {
        sandbox_failures: match switched(stored) {
            Some(switched) => sandbox_failures(memory.sandboxes.read(ctx).await, &nodes, since, switched),
            None => 0,
        },
        nodes,
        groups: views,
        carrier: carrier(observed),
        subnets: subnets
            .map(|(id, facts)| (id.clone(), facts.blocks.clone()))
            .collect(),
        pods_pending_long: pods.pending_long,
        window: window(policy, now),
        aws_denied: denied.or(denied_now),
        ourselves,
    };
    Seen {
        world,
        groups: facts,
        addresses: pods.addresses().cloned(),
        at: now,
    }
}

fn nodes(
    eyes: &Eyes,
    observed: &Observed,
    pods: &PodsSeen,
    revision: Option<&str>,
) -> BTreeMap<NodeName, NodeView> {
    let seen = eyes.stores.nodes.all();
    let seen: BTreeMap<&NodeName, &NodeSeen> = seen.iter().map(|node| (&node.name, node.as_ref())).collect();
    let agents = eyes.stores.aws_node_pods.all();
    let running: BTreeMap<&NodeName, &str> = agents
        .iter()
        .filter_map(|pod| Some((pod.node.as_ref()?, pod.revision.as_deref()?)))
        .collect();
    let facts = observed.world.seen.nodes.iter().filter(|node| node.takes_part());
    facts
        .filter_map(|facts| {
            let node = seen.get(&facts.name)?;
            let newest = revision.zip(running.get(&facts.name).copied());
            let newest = newest.map(|(newest, runs)| newest == runs);
            Some((facts.name.clone(), view(facts, node, pods, newest)))
        })
        .collect()
}

/// So long a node that has joined may not be known to EC2 as far as it was read.
const UNREAD_AT_MOST: SignedDuration = SignedDuration::from_mins(15);

/// The instances of nodes that have joined since a migration began, of which the last reading of EC2 says nothing, or
/// nothing that their mode could be told by.
pub(super) fn newcomers(state: &State, world: &World, now: Timestamp) -> BTreeSet<InstanceId> {
    if state.memory.started.is_none() {
        return BTreeSet::new();
    }
    let unread = world.nodes.values().filter(|node| {
        let silent = node.facts.enis.as_option().is_none() || node.facts.mode == NodeMode::Unknown;
        silent && !node.deleting && now.duration_since(node.created) < UNREAD_AT_MOST
    });
    unread.filter_map(|node| node.facts.instance.clone()).collect()
}

fn view(facts: &NodeFacts, node: &NodeSeen, pods: &PodsSeen, newest_revision: Option<bool>) -> NodeView {
    let replaces = node
        .marks
        .get(REPLACES)
        .and_then(|name| NodeName::parse(name).ok());
    NodeView {
        facts: facts.clone(),
        ready: node.ready,
        created: node.created.unwrap_or(Timestamp::UNIX_EPOCH),
        deleting: node.leaving,
        cordoned: node.unschedulable,
        ours: Ours {
            cordon: node.unschedulable && node.marks.contains_key(CORDONED),
            hold: node.marks.contains_key(HELD),
            replaces,
        },
        kept_by_others: node
            .marks
            .get(DO_NOT_DISRUPT)
            .is_some_and(|value| value == "true" && !node.marks.contains_key(HELD)),
        newest_revision,
        drifted: None,
        pods: pods.of(&facts.name),
        proof: pods.proof(&facts.name),
    }
}

fn carrier(observed: &Observed) -> CarrierView {
    let Some(target) = &observed.world.target else {
        let why = "the target is not there".to_owned();
        return CarrierView {
            live: Known::Unknown(why.clone()),
            shielded: Known::Unknown(why),
            shielded_by_us: false,
        };
    };
    let marks = observed.carrier.as_ref().map(|carrier| &carrier.marks);
    CarrierView {
        live: Known::Yes(setup_of(target)),
        shielded: Known::Yes(target.rollout.on_delete),
        shielded_by_us: marks.is_some_and(|marks| marks.contains_key(SHIELD)),
    }
}

fn window(policy: &CniPolicy, now: Timestamp) -> WindowView {
    let migration = policy.spec.migration.as_ref();
    let windows = migration.and_then(|migration| migration.windows.as_deref());
    match opening(&WindowSpec::all(windows.unwrap_or_default()), now) {
        Ok(Opening::Open) => WindowView {
            open: true,
            text: "now".to_owned(),
        },
        Ok(Opening::Next(next)) => WindowView {
            open: false,
            text: next.map_or_else(
                || "none opens within eight days".to_owned(),
                |at| format!("it opens at {at}"),
            ),
        },
        Err(error) => WindowView {
            open: false,
            text: format!("spec.migration.windows: {error}"),
        },
    }
}

/// Whether Karpenter finds that its nodes differ from their pools.
async fn drifted(ctx: &Context, nodes: &mut BTreeMap<NodeName, NodeView>) {
    let karpenters = nodes
        .values()
        .any(|node| node.facts.group.provider == Provider::Karpenter);
    if !karpenters {
        return;
    }
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("karpenter.sh", "v1", "NodeClaim"));
    let api: Api<DynamicObject> = Api::all_with(ctx.client.clone(), &resource);
    let Ok(claims) = api.list(&ListParams::default()).await else {
        return;
    };
    for claim in claims.items {
        let name = claim.data.pointer("/status/nodeName").and_then(Value::as_str);
        let Some(name) = name.and_then(|name| NodeName::parse(name).ok()) else {
            continue;
        };
        let conditions = claim.data.pointer("/status/conditions").and_then(Value::as_array);
        let is_drifted = conditions
            .into_iter()
            .flatten()
            .any(|condition| condition["type"] == "Drifted" && condition["status"] == "True");
        if let Some(node) = nodes.get_mut(&name) {
            node.drifted = Some(is_drifted);
        }
    }
}

/// The hash of the newest revision of the DaemonSet, as its pods carry it.
async fn newest_revision(ctx: &Context, observed: &Observed) -> Option<String> {
    let carrier = observed.carrier.as_ref()?;
    let api: Api<ControllerRevision> = Api::namespaced(ctx.client.clone(), &carrier.namespace);
    let list = api.list(&ListParams::default()).await.ok()?;
    let owned = list.items.iter().filter(|revision| {
        let mut owners = revision.owner_references().iter();
        owners.any(|owner| owner.kind == "DaemonSet" && owner.name == carrier.name)
    });
    let newest = owned.max_by_key(|revision| revision.revision)?;
    newest.labels().get("controller-revision-hash").cloned()
}

fn failures_since(now: Timestamp, window: SignedDuration, resumed: Option<Timestamp>) -> Timestamp {
    let begin = now.checked_sub(window).unwrap_or(now);
    resumed.map_or(begin, |resumed| resumed.max(begin))
}

/// The watch of pods, started when it is first needed: before, the pods of a large cluster are nobody's business.
fn watch_of<'a>(ctx: &Context, memory: &'a mut Memory) -> &'a PodWatch {
    let stirred = memory.stirred();
    memory
        .pods
        .get_or_insert_with(|| PodWatch::start(ctx.client.clone(), stirred))
}

/// When the configuration of new nodes was last changed.
fn switched(stored: Option<&MemoryStatus>) -> Option<Timestamp> {
    stored?.switched.as_ref()?.last()?.at.as_ref().map(|at| at.0)
}

/// Pods that got no sandbox on migrated nodes, counted from Events.
fn sandbox_failures(
    events: &[Event],
    nodes: &BTreeMap<NodeName, NodeView>,
    since: Timestamp,
    switched: Timestamp,
) -> u32 {
    let migrated = |event: &Event| {
        let host = event.source.as_ref().and_then(|source| source.host.as_deref());
        let host = host.or(event.reporting_instance.as_deref()).unwrap_or_default();
        let node = NodeName::parse(host).ok();
        node.and_then(|name| nodes.get(&name))
            .is_some_and(|node| node.created >= switched)
    };
    let recent = |event: &Event| {
        let last = event.last_timestamp.as_ref().map(|time| time.0);
        let last = last.or_else(|| event.event_time.as_ref().map(|time| time.0));
        last.is_some_and(|at| at >= since)
    };
    let count = events
        .iter()
        .filter(|event| recent(event) && migrated(event))
        .count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The node we run on, and whether another replica could go on; none where we do not run as a pod.
async fn ourselves(ctx: &Context) -> Option<Ourselves> {
    let api: Api<Pod> = Api::namespaced(ctx.client.clone(), &ctx.settings.namespace);
    let own = api.get_opt(&ctx.settings.identity).await.ok()??;
    let node = NodeName::parse(own.spec.as_ref()?.node_name.as_deref()?).ok()?;
    let owner = own.owner_references().first()?.uid.clone();
    let list = api.list(&ListParams::default()).await.ok()?;
    let standby = list.items.iter().any(|pod| {
        let same = pod
            .owner_references()
            .first()
            .is_some_and(|other| other.uid == owner);
        let elsewhere = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()) != Some(node.as_str());
        same && elsewhere && is_ready(pod)
    });
    Some(Ourselves { node, standby })
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    let mut ready = conditions.filter(|condition| condition.type_ == "Ready");
    ready.any(|condition| condition.status == "True")
}
