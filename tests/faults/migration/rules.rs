//! The rules of `docs/design` that hold at every moment of a migration, checked against everything that ever happened
//! to the objects, in its order.

use super::super::ground::variable;
use super::super::inject::Life;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use vpccni_testbed::memory::{ChangeSeen, MemoryApi};

/// What the policies of these lives allow.
const BUDGET: usize = 1;

const CORDONED: &str = "vpccni.io/undo-cordon";

/// Steps at which a node may be out of service.
const OUT_OF_SERVICE: [&str; 5] = ["Cordoned", "Draining", "Drained", "Terminating", "Quarantined"];

#[derive(Debug)]
struct Cluster {
    life: Life,
    objects: BTreeMap<(String, String), Arc<Value>>,
    /// Nodes when it began.
    nodes: Option<usize>,
}

/// Goes through all of it.
pub(super) fn check(api: &MemoryApi, life: Life) {
    let by_us = |line: &&String| line.contains(" DELETE pods ") && line.contains(" by vpc-cni-operator");
    let journal = api.journal();
    assert_eq!(journal.iter().find(by_us), None, "a pod was deleted, not evicted");
    let mut cluster = Cluster {
        life,
        objects: BTreeMap::new(),
        nodes: None,
    };
    let kinds = ["nodes", "pods", "daemonsets", "cninodestates", "cnimigrations"];
    for change in api.changes(&kinds) {
        cluster.before(&change);
        let key = (change.plural.clone(), change.name.clone());
        match change.after.clone() {
            Some(object) => cluster.objects.insert(key, object),
            None => cluster.objects.remove(&key),
        };
        cluster.after(&change);
    }
    assert!(cluster.nodes.is_some(), "nothing ever began");
}

fn is_ready(object: &Value) -> bool {
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    let mut ready = conditions.filter(|condition| condition["type"] == "Ready");
    ready.any(|condition| condition["status"] == "True")
}

fn is_leaving(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

fn is_workload(pod: &Value) -> bool {
    pod["metadata"]["labels"]["app"] == "shop"
}

/// Nodes that EKS replaces by itself.
fn is_rolled_by_eks(node: &Value) -> bool {
    node["metadata"]["labels"]["eks.amazonaws.com/nodegroup"] == "rolled"
}

fn is_karpenters(node: &Value) -> bool {
    node["metadata"]["labels"]["karpenter.sh/nodepool"].is_string()
}

impl Cluster {
    fn all(&self, plural: &str) -> impl Iterator<Item = &Arc<Value>> {
        let of = self.objects.iter().filter(move |((kind, _), _)| kind == plural);
        of.map(|(_, object)| object)
    }

    fn get(&self, plural: &str, name: &str) -> Option<&Arc<Value>> {
        self.objects.get(&(plural.to_owned(), name.to_owned()))
    }

    fn step(&self, node: &str) -> &str {
        let state = self.get("cninodestates", node);
        let step = state.and_then(|state| state["spec"]["migration"]["step"].as_str());
        step.unwrap_or("Pending")
    }

    fn migration(&self) -> Option<&Arc<Value>> {
        self.all("cnimigrations").next()
    }

    fn begun(&self) -> bool {
        let started = |object: &Arc<Value>| object["status"]["memory"]["started"].is_string();
        self.migration().is_some_and(started)
    }

    fn before(&self, change: &ChangeSeen) {
        let at = change.version;
        if change.plural == "nodes" && change.after.is_none() && self.begun() {
            let node = change.before.as_ref().unwrap();
            let left = |pod: &&Arc<Value>| {
                is_workload(pod) && pod["spec"]["nodeName"] == change.name.as_str() && !is_leaving(pod)
            };
            let left = self.all("pods").find(left).map(|pod| &pod["metadata"]["name"]);
            let by_eks = is_rolled_by_eks(node);
            assert!(
                left.is_none() || by_eks,
                "{at}: {} ended with {left:?}",
                change.name
            );
            if !by_eks && !is_karpenters(node) {
                let step = self.step(&change.name);
                assert_eq!(step, "Terminating", "{at}: {} ended", change.name);
            }
        }
        if change.plural == "pods" && change.after.as_ref().is_some_and(|pod| is_leaving(pod)) {
            self.leaves(change);
        }
        if change.plural == "daemonsets" {
            self.switches(change);
        }
        if change.plural == "cninodestates" && self.is_stopped() {
            let was = self.step(&change.name);
            let is = change
                .after
                .as_ref()
                .and_then(|state| state["spec"]["migration"]["step"].as_str());
            let begins = was == "Pending" && is.is_some_and(|is| is != "Pending");
            assert!(!begins, "{at}: {} was selected while it is paused", change.name);
        }
    }

    /// A pod of the workload that begins to leave.
    fn leaves(&self, change: &ChangeSeen) {
        let (Some(before), Some(pod)) = (&change.before, &change.after) else {
            return;
        };
        let node = pod["spec"]["nodeName"].as_str().unwrap_or_default();
        let Some(node_object) = self.get("nodes", node) else {
            return;
        };
        if is_leaving(before) || !is_workload(pod) || is_rolled_by_eks(node_object) {
            return;
        }
        if is_karpenters(node_object) {
            let tainted = node_object["spec"]["taints"]
                .as_array()
                .is_some_and(|all| !all.is_empty());
            assert!(tainted, "{}: {} left {node}", change.version, change.name);
            return;
        }
        let seen = (self.step(node), &node_object["spec"]["unschedulable"]);
        assert_eq!(
            seen,
            ("Draining", &Value::Bool(true)),
            "{}: {} left {node}",
            change.version,
            change.name
        );
    }

    /// Old nodes are shielded before the configuration changes, and the shield stays while any of them is there.
    fn switches(&self, change: &ChangeSeen) {
        let (Some(before), Some(after)) = (&change.before, &change.after) else {
            return;
        };
        let mode = |set: &Value| variable(set, "ENABLE_PREFIX_DELEGATION").map(str::to_owned);
        if !self.begun() {
            return;
        }
        let shielded = |set: &Value| set["spec"]["updateStrategy"]["type"] == "OnDelete";
        if mode(before) != mode(after) {
            assert!(shielded(before), "{}: switched without a shield", change.version);
            assert!(shielded(after), "{}: unshielded by the switch", change.version);
        }
        if shielded(before) && !shielded(after) {
            let other = |pod: &&Arc<Value>| {
                let env = variable_of(pod, "ENABLE_PREFIX_DELEGATION");
                is_agent(pod) && !is_leaving(pod) && env != mode(after)
            };
            let other = self.all("pods").find(other).map(|pod| pod["metadata"].clone());
            assert_eq!(other, None, "{}: an old node is unshielded", change.version);
        }
    }

    fn is_stopped(&self) -> bool {
        self.migration().is_some_and(|object| {
            object["spec"]["desiredState"] == "Pause" && object["status"]["phase"] == "Paused"
        })
    }

    fn after(&mut self, change: &ChangeSeen) {
        if self.nodes.is_none() && self.begun() {
            self.nodes = Some(self.all("nodes").count());
        }
        if change.plural != "nodes" || !self.begun() {
            return;
        }
        let (at, name) = (change.version, &change.name);
        let ours = |object: &Option<Arc<Value>>| {
            let annotations = object.as_ref().map(|node| &node["metadata"]["annotations"]);
            annotations.is_some_and(|annotations| annotations[CORDONED].is_string())
        };
        if ours(&change.after) && !ours(&change.before) {
            let step = self.step(name);
            assert!(OUT_OF_SERVICE.contains(&step), "{at}: {name} cordoned at {step}");
            assert!(!self.is_stopped(), "{at}: {name} cordoned while it is paused");
        }
        self.budget(at);
    }

    fn budget(&self, at: u64) {
        let out = |node: &&Arc<Value>| {
            let tainted = node["spec"]["taints"]
                .as_array()
                .is_some_and(|all| !all.is_empty());
            (node["spec"]["unschedulable"] == true || tainted) && !is_rolled_by_eks(node)
        };
        let names: Vec<_> = self
            .all("nodes")
            .filter(out)
            .map(|node| node["metadata"]["name"].clone())
            .collect();
        assert!(names.len() <= BUDGET, "{at}: out of service are {names:?}");
        let serves = |node: &&Arc<Value>| node["spec"]["unschedulable"] != true && is_ready(node);
        let serving = self.all("nodes").filter(serves).count();
        let least = self.nodes.unwrap_or_default().saturating_sub(BUDGET);
        assert!(
            serving >= least,
            "{at}: only {serving} nodes serve in {:?}",
            self.life
        );
    }
}

fn is_agent(pod: &Value) -> bool {
    pod["metadata"]["labels"]["k8s-app"] == "aws-node"
}

fn variable_of(pod: &Value, name: &str) -> Option<String> {
    let template = serde_json::json!({"spec": {"template": {"spec": pod["spec"]}}});
    variable(&template, name).map(str::to_owned)
}
