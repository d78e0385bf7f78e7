//! As much of Karpenter as a migration meets: NodeClaims become nodes, drift when class or pool change, are replaced
//! first and emptied by evictions then, and `karpenter.sh/do-not-disrupt` keeps a node. The real one has its own stories;
//! this one lives in virtual time.
//!
//! It keeps nothing but which machine is whose: all else it reads from the objects, each time it looks.

use super::cluster::MemoryCluster;
use super::daemon_sets::is_ready;
use super::shared::{Shared, State};
use crate::cloud::{Cloud, PodNetwork};
use crate::nodes::{Kubelets, SimNode, env_is};
use http::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;

/// How often it looks.
const LOOK: Duration = Duration::from_millis(500);

/// Where what a claim was made from is noted.
const MADE_FROM: &str = "testbed/made-from";

/// On a claim: the one that it replaces.
const INSTEAD_OF: &str = "testbed/instead-of";

const POOL: &str = "karpenter.sh/nodepool";
const FINALIZER: &str = "karpenter.sh/termination";
const HOLD: &str = "karpenter.sh/do-not-disrupt";
const TAINT: &str = "karpenter.sh/disrupted";

/// What a kubelet takes where the class says nothing: what EKS gives an m5.large.
const UNTOLD: u64 = 29;

/// Nodes of claims, and the instances behind them.
type Machines = Arc<Mutex<BTreeMap<String, SimNode>>>;

/// The stand-in. Dropping it stops it; what it made stays.
#[derive(Debug)]
pub struct LittleKarpenter {
    _task: JoinSet<()>,
}

struct Hands {
    shared: Arc<Shared>,
    kubelets: Arc<Kubelets>,
    cloud: Cloud,
    zone: String,
    machines: Machines,
}

impl LittleKarpenter {
    /// Makes nodes in one zone of a cloud.
    pub fn start(cluster: &MemoryCluster, cloud: &Cloud, zone: &str) -> Self {
        let machines = Machines::default();
        let (played, known) = (cloud.clone(), Arc::clone(&machines));
        cluster.kubelets.conduct(move |pod| {
            let name = pod.metadata.name.as_deref().unwrap_or_default();
            let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
            let machines = known.lock().unwrap_or_else(PoisonError::into_inner);
            let machine = machines
                .values()
                .find(|machine| Some(machine.name.as_str()) == node);
            if let Some(machine) = machine.filter(|_| name.starts_with("aws-node-")) {
                let network = if env_is(pod, "aws-node", "ENABLE_PREFIX_DELEGATION", "true") {
                    PodNetwork::PREFIX
                } else {
                    PodNetwork::SECONDARY
                };
                if let Err(error) = played.agent_starts(&machine.instance_id, network) {
                    tracing::debug!(%error, "the stand-in for ipamd changed nothing");
                }
            }
            None
        });
        let hands = Hands {
            shared: Arc::clone(&cluster.api.shared),
            kubelets: Arc::clone(&cluster.kubelets),
            cloud: cloud.clone(),
            zone: zone.to_owned(),
            machines,
        };
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut look = tokio::time::interval(LOOK);
            loop {
                look.tick().await;
                hands.look().await;
            }
        });
        Self { _task: task }
    }
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

fn is_leaving(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

/// What nodes of a pool are made from now: another value is drift.
fn made_from(state: &State, pool: &Value) -> (String, u64) {
    let template = &pool["spec"]["template"];
    let class = template["spec"]["nodeClassRef"]["name"]
        .as_str()
        .unwrap_or_default();
    let classes = state.all("ec2nodeclasses");
    let class = classes.iter().find(|found| name(found) == class);
    let kubelet = class.map_or(Value::Null, |class| class["spec"]["kubelet"].clone());
    let pods = kubelet["maxPods"].as_u64().unwrap_or(UNTOLD);
    let text = format!("{kubelet} {}", template["metadata"]["annotations"]);
    (text, pods)
}

impl Hands {
    async fn look(&self) {
        let (launch, empty) = {
            let mut state = self.shared.state();
            if state.is_away() {
                return;
            }
            let before = state.world.store.version();
            provision(&mut state);
            drift(&mut state);
            disrupt(&mut state);
            let machines = (self.launch(&mut state), self.terminate(&mut state));
            if state.world.store.version() != before {
                self.shared.tell();
            }
            machines
        };
        for machine in launch {
            if let Err(error) = self.kubelets.add_one(&machine).await {
                tracing::debug!(%error, "a node of a claim did not join");
            }
        }
        for node in empty {
            if let Err(error) = self.kubelets.remove(&node).await {
                tracing::debug!(%error, "a node of a claim did not go");
            }
        }
    }

    /// Claims without an instance get one; those whose node is not there yet are named again.
    fn launch(&self, state: &mut State) -> Vec<SimNode> {
        let mut machines = self.machines.lock().unwrap_or_else(PoisonError::into_inner);
        let nodes = state.all("nodes");
        let mut joining = Vec::new();
        for claim in state.all("nodeclaims").iter().filter(|claim| !is_leaving(claim)) {
            if !machines.contains_key(name(claim)) {
                let pods = claim["spec"]["maxPods"].as_u64().unwrap_or(UNTOLD);
                let pool = claim["metadata"]["labels"][POOL].as_str().unwrap_or_default();
                let Ok(machine) = self.cloud.launch(&self.zone, "m5.large", PodNetwork::FRESH) else {
                    continue;
                };
                let machine = machine
                    .karpenter(pool)
                    .instance_type("m5.large", u32::try_from(pods).unwrap_or(u32::MAX));
                machines.insert(name(claim).to_owned(), machine);
            }
            let machine = &machines[name(claim)];
            if claim["status"]["nodeName"].is_null() {
                let mut new = (**claim).clone();
                new["status"] = json!({
                    "nodeName": machine.name, "providerID": format!("aws:///{}/{}", self.zone, machine.instance_id),
                    "conditions": [{"type": "Initialized", "status": "True"}],
                });
                state.control(Method::PUT, "nodeclaims", claim, "status", new);
            }
            if !nodes.iter().any(|node| name(node) == machine.name) {
                joining.push(machine.clone());
            }
        }
        joining
    }

    /// Claims that go: their nodes take no pods, lose those they have to evictions, and end when they are empty.
    fn terminate(&self, state: &mut State) -> Vec<String> {
        let mut gone = Vec::new();
        let leaving = state.all("nodeclaims");
        for claim in leaving.iter().filter(|claim| is_leaving(claim)) {
            let node = claim["status"]["nodeName"].as_str().unwrap_or_default();
            if taint(state, node) || evict(state, node) {
                continue;
            }
            let mut machines = self.machines.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(machine) = machines.remove(name(claim))
                && let Err(error) = self.cloud.terminate(&machine.instance_id)
            {
                tracing::debug!(%error, "an instance had ended already");
            }
            gone.push(node.to_owned());
            let mut new = (**claim).clone();
            new["metadata"]["finalizers"] = json!([]);
            state.control(Method::PUT, "nodeclaims", claim, "", new);
        }
        gone
    }
}

/// Whether it had to be tainted only now.
fn taint(state: &mut State, node: &str) -> bool {
    let nodes = state.all("nodes");
    let Some(found) = nodes.iter().find(|found| name(found) == node) else {
        return false;
    };
    let has = found["spec"]["taints"]
        .as_array()
        .is_some_and(|taints| taints.iter().any(|taint| taint["key"] == TAINT));
    if has {
        return false;
    }
    let mut new = (**found).clone();
    new["spec"]["taints"] = json!([{"key": TAINT, "effect": "NoSchedule"}]);
    state.control(Method::PUT, "nodes", found, "", new);
    true
}

/// Whether pods are left; those that may go are asked to.
fn evict(state: &mut State, node: &str) -> bool {
    let pods = state.all("pods");
    let left = pods.iter().filter(|pod| {
        let owner = &pod["metadata"]["ownerReferences"][0]["kind"];
        pod["spec"]["nodeName"] == node && owner != "DaemonSet"
    });
    let mut some = false;
    for pod in left {
        some = true;
        let held = pod["metadata"]["annotations"][HOLD] == "true";
        if !held && !is_leaving(pod) {
            state.control(Method::POST, "pods", pod, "eviction", json!({}));
        }
    }
    some
}

/// A claim of a pool, as it is made now.
fn claim(state: &mut State, pool: &Value, instead_of: Option<&str>) {
    let (from, pods) = made_from(state, pool);
    let new = json!({
        "metadata": {
            "generateName": format!("{}-", name(pool)), "labels": {POOL: name(pool)}, "finalizers": [FINALIZER],
            "annotations": {MADE_FROM: from, INSTEAD_OF: instead_of.unwrap_or_default()},
        },
        "spec": {"maxPods": pods},
    });
    state.control(Method::POST, "nodeclaims", &Value::Null, "", new);
}

/// Every pool has the nodes that its limit asks for, unless they are all taken by other pods' room: a pod that waits
/// gets a node of the first pool that lacks one.
fn provision(state: &mut State) {
    for pool in state.all("nodepools") {
        let wanted = pool["spec"]["limits"]["nodes"].as_u64().unwrap_or(1);
        let claims = state.all("nodeclaims");
        let its: Vec<_> = claims
            .iter()
            .filter(|claim| claim["metadata"]["labels"][POOL] == name(&pool) && !is_leaving(claim))
            .collect();
        // Two that are one: a replacement and the claim that it is to replace. One that goes itself replaces nothing.
        let doubled = its
            .iter()
            .filter(|new| {
                let old = &new["metadata"]["annotations"][INSTEAD_OF];
                its.iter().any(|claim| old == name(claim))
            })
            .count();
        let there = its.len().saturating_sub(doubled);
        for _ in 0..wanted.saturating_sub(u64::try_from(there).unwrap_or(u64::MAX)) {
            claim(state, &pool, None);
        }
    }
}

/// Says which claims differ from what they would be made from now.
fn drift(state: &mut State) {
    for pool in state.all("nodepools") {
        let (from, _) = made_from(state, &pool);
        for claim in state.all("nodeclaims") {
            let of_pool = claim["metadata"]["labels"][POOL] == name(&pool);
            if !of_pool || claim["status"]["nodeName"].is_null() {
                continue;
            }
            let drifted = claim["metadata"]["annotations"][MADE_FROM] != from.as_str();
            let mut conditions = vec![json!({"type": "Initialized", "status": "True"})];
            if drifted {
                conditions.push(json!({"type": "Drifted", "status": "True"}));
            }
            if claim["status"]["conditions"] != json!(conditions) {
                let mut new = (*claim).clone();
                new["status"]["conditions"] = json!(conditions);
                state.control(Method::PUT, "nodeclaims", &claim, "status", new);
            }
        }
    }
}

fn is_drifted(claim: &Value) -> bool {
    let conditions = claim["status"]["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().any(|one| one["type"] == "Drifted")
}

/// One drifted node of a pool at a time, if nothing holds it: first its replacement, then its end. A hold that comes in
/// between is too late, as with the real one: what it has begun it finishes.
fn disrupt(state: &mut State) {
    let (pools, claims, nodes) = (
        state.all("nodepools"),
        state.all("nodeclaims"),
        state.all("nodes"),
    );
    let node_of = |claim: &Value| {
        let its = &claim["status"]["nodeName"];
        nodes.iter().find(|node| node["metadata"]["name"] == *its)
    };
    let held =
        |claim: &Value| node_of(claim).is_none_or(|node| node["metadata"]["annotations"][HOLD] == "true");
    for pool in pools {
        let of_pool = |claim: &&Arc<Value>| claim["metadata"]["labels"][POOL] == name(&pool);
        if claims.iter().filter(of_pool).any(|claim| is_leaving(claim)) {
            continue;
        }
        let replaces = |claim: &Value| {
            let old = claim["metadata"]["annotations"][INSTEAD_OF].as_str();
            claims.iter().find(|other| Some(name(other)) == old).cloned()
        };
        let under_way = claims
            .iter()
            .filter(of_pool)
            .find_map(|new| Some((new, replaces(new)?)));
        if let Some((new, old)) = under_way {
            let there = node_of(new).is_some_and(|node| is_ready(node) && agent_runs(state, name(node)));
            if there {
                state.control(Method::DELETE, "nodeclaims", &old, "", Value::Null);
            }
            continue;
        }
        let next = claims
            .iter()
            .filter(of_pool)
            .find(|claim| is_drifted(claim) && !held(claim));
        if let Some(old) = next {
            claim(state, &pool, Some(name(old)));
        }
    }
}

fn agent_runs(state: &State, node: &str) -> bool {
    state
        .all("pods")
        .iter()
        .any(|pod| pod["spec"]["nodeName"] == node && name(pod).starts_with("aws-node-") && is_ready(pod))
}
