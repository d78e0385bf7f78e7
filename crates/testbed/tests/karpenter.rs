//! The real Karpenter for AWS, unmodified, on the sandbox: it makes nodes for pending pods, replaces them when
//! `spec.kubelet.maxPods` of its class changes, and ends them when the pods go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Api;
use kube::api::{DynamicObject, ListParams};
use serde_json::{Value, json};
use vpccni_sandbox::Sandbox;
use vpccni_sandbox::world::InstanceState;
use vpccni_testbed::cloud::Cloud;
use vpccni_testbed::fleet::Fleet;
use vpccni_testbed::karpenter::{Karpenter, NodeClass, NodePool, create_role, node_claims};
use vpccni_testbed::{ControlPlane, Kubelets, Options, wait};

const CLUSTER: &str = "demo";
const PODS: usize = 3;
/// Karpenter looks at drift when a class changes, and at empty nodes every ten seconds.
const PATIENCE: Duration = Duration::from_mins(3);

struct Bed {
    plane: ControlPlane,
    sandbox: Sandbox,
    cloud: Cloud,
    karpenter: Karpenter,
    _fleet: Fleet,
}

impl Bed {
    async fn start() -> Self {
        let sandbox = Sandbox::start(vpccni_sandbox::Options::default()).await.unwrap();
        let cloud = Cloud::build(&sandbox, CLUSTER, &["us-west-2a", "us-west-2b"]).unwrap();
        create_role(&sandbox.world()).unwrap();
        let plane = ControlPlane::start(Options::default()).await.unwrap();
        let kubelets = Arc::new(Kubelets::start(plane.client()));
        let fleet = Fleet::start(plane.client(), &kubelets, cloud.clone(), sandbox.world());
        let karpenter = Karpenter::start(&plane, &sandbox.endpoint(), CLUSTER)
            .await
            .unwrap();
        Self {
            plane,
            sandbox,
            cloud,
            karpenter,
            _fleet: fleet,
        }
    }

    async fn apply(&self, object: &Value) {
        let text = object.to_string();
        self.plane
            .kubectl_ok(&["apply", "-f", "-"], Some(&text))
            .await
            .unwrap();
    }

    async fn claims(&self) -> Vec<DynamicObject> {
        let claims = node_claims(self.plane.client());
        claims.list(&ListParams::default()).await.unwrap().items
    }

    /// Waits; when it is in vain, says what Karpenter wrote and which calls were refused.
    #[expect(
        clippy::panic,
        reason = "the failure of the test, with what there is to know of it"
    )]
    async fn until<T, Fut: Future<Output = Result<T, String>>>(
        &self,
        what: &str,
        look: impl FnMut() -> Fut,
    ) -> T {
        match wait::until(what, PATIENCE, look).await {
            Ok(found) => found,
            Err(error) => {
                let refused: Vec<String> = self
                    .sandbox
                    .calls()
                    .into_iter()
                    .filter(|call| call.outcome != "ok")
                    .map(|call| {
                        format!(
                            "{} {}: {} x {}",
                            call.service, call.action, call.outcome, call.count
                        )
                    })
                    .collect();
                panic!("{error}\nrefused: {refused:#?}\n{}", self.karpenter.log_tail());
            }
        }
    }

    /// Waits until all pods run, on as many nodes as there are pods.
    async fn pods_run(&self) {
        let pods = Api::<Pod>::namespaced(self.plane.client(), "default");
        self.until("the pods to run", || async {
            let seen = pods
                .list(&ListParams::default())
                .await
                .map_err(|e| e.to_string())?;
            let nodes: BTreeSet<String> = seen
                .items
                .iter()
                .filter(|pod| phase(pod) == "Running" && pod.metadata.deletion_timestamp.is_none())
                .filter_map(|pod| pod.spec.as_ref()?.node_name.clone())
                .collect();
            if nodes.len() == PODS {
                Ok(())
            } else {
                Err(format!("pods on {nodes:?}"))
            }
        })
        .await;
    }

    fn live_instances(&self) -> BTreeSet<String> {
        self.sandbox.world().read(|now| {
            now.instances
                .values()
                .filter(|instance| instance.state != InstanceState::Terminated)
                .map(|instance| instance.id.as_str().to_owned())
                .collect()
        })
    }
}

fn phase(pod: &Pod) -> &str {
    pod.status
        .as_ref()
        .and_then(|status| status.phase.as_deref())
        .unwrap_or_default()
}

fn condition(object: &DynamicObject, kind: &str) -> Option<String> {
    let conditions = object.data.pointer("/status/conditions")?.as_array()?;
    let found = conditions.iter().find(|condition| condition["type"] == kind)?;
    found["status"].as_str().map(str::to_owned)
}

fn node_class(cloud: &Cloud, max_pods: u32) -> Value {
    let class = NodeClass {
        name: "default",
        max_pods: Some(max_pods),
    };
    class.object(cloud)
}

fn node_pool() -> Value {
    let pool = NodePool {
        name: "default",
        class: "default",
        budgets: json!([{"nodes": "100%"}]),
    };
    pool.object()
}

/// Pods of which only one fits on an m5.large.
fn deployment(replicas: usize) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "terminationGracePeriodSeconds": 0,
                    "containers": [{
                        "name": "main", "image": "web", "resources": {"requests": {"cpu": "1200m"}},
                    }],
                },
            },
        },
    })
}

async fn nodes_for_pending_pods(bed: &Bed) -> BTreeSet<String> {
    bed.apply(&node_class(&bed.cloud, 29)).await;
    bed.apply(&node_pool()).await;
    bed.apply(&deployment(PODS)).await;
    bed.pods_run().await;
    let classes = bed
        .plane
        .kubectl_ok(&["get", "ec2nodeclass", "default", "-o", "json"], None)
        .await
        .unwrap();
    let class: DynamicObject = serde_json::from_str(&classes).unwrap();
    assert_eq!(condition(&class, "Ready").as_deref(), Some("True"), "{classes}");
    bed.until("the node claims to be initialised", || async {
        let claims = bed.claims().await;
        let done = claims
            .iter()
            .filter(|claim| condition(claim, "Initialized").as_deref() == Some("True"));
        if done.count() == PODS {
            Ok(())
        } else {
            Err(format!("{claims:?}"))
        }
    })
    .await;
    let claims = bed.claims().await;
    // Right answers give no reason to replace what was just made.
    for claim in &claims {
        assert_ne!(condition(claim, "Drifted").as_deref(), Some("True"), "{claim:?}");
    }
    assert_eq!(bed.live_instances().len(), PODS);
    claims
        .into_iter()
        .filter_map(|claim| claim.metadata.name)
        .collect()
}

async fn drift_replaces_all(bed: &Bed, old: &BTreeSet<String>) {
    let before = bed.live_instances();
    bed.apply(&node_class(&bed.cloud, 20)).await;
    bed.until("all nodes to be replaced", || async {
        let names: BTreeSet<String> = bed
            .claims()
            .await
            .into_iter()
            .filter_map(|claim| claim.metadata.name)
            .collect();
        let live = bed.live_instances();
        if names.len() == PODS && names.is_disjoint(old) && live.is_disjoint(&before) {
            Ok(())
        } else {
            Err(format!("claims {names:?}, instances {live:?}"))
        }
    })
    .await;
    bed.pods_run().await;
    let nodes = Api::<Node>::all(bed.plane.client())
        .list(&ListParams::default())
        .await
        .unwrap();
    let room: BTreeMap<String, String> = nodes
        .items
        .into_iter()
        .filter_map(|node| {
            let pods = node.status?.allocatable?.get("pods")?.0.clone();
            Some((node.metadata.name?, pods))
        })
        .collect();
    assert!(
        room.len() == PODS && room.values().all(|pods| pods == "20"),
        "{room:?}"
    );
}

async fn scale_down_terminates(bed: &Bed) {
    bed.apply(&deployment(0)).await;
    bed.until("the nodes to end", || async {
        let (claims, live) = (bed.claims().await.len(), bed.live_instances());
        if claims == 0 && live.is_empty() {
            Ok(())
        } else {
            Err(format!("{claims} claims, instances {live:?}"))
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn karpenter_makes_replaces_and_ends_nodes() {
    let bed = Bed::start().await;
    let first = nodes_for_pending_pods(&bed).await;
    drift_replaces_all(&bed, &first).await;
    scale_down_terminates(&bed).await;
    assert_eq!(bed.sandbox.world().violations(), Vec::<String>::new());
    let calls: u64 = bed
        .sandbox
        .calls()
        .iter()
        .filter(|call| call.outcome == "ok")
        .map(|call| call.count)
        .sum();
    println!("NOTE: Karpenter made, replaced and ended {PODS} nodes in {calls} calls");
    bed.karpenter.stop().await;
    bed.plane.shutdown().await;
    bed.sandbox.shutdown().await;
}
