//! The operator runs on the nodes that it empties: a leader hands its Lease over before its own node is drained, and one
//! that is alone goes on, wherever its pod is made again.

use super::options;
use crate::bed::{Bed, Operator, Wanted};
use crate::migration::{approved, completed, wanted};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;
use vpc_cni_operator::lease::Timings;
use vpc_cni_operator::run::LeaseOptions;
use vpccni_testbed::scene::NAMESPACE;

/// Shorter than the product's, so that the story is.
const TIMINGS: Timings = Timings {
    duration: Duration::from_secs(4),
    renew_deadline: Duration::from_secs(3),
    retry: Duration::from_millis(500),
};

const PATIENCE: Duration = Duration::from_mins(6);

fn deployment(replicas: u32) -> String {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "operator", "namespace": NAMESPACE},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": "operator"}},
            "template": {"metadata": {"labels": {"app": "operator"}}, "spec": {
                "containers": [{"name": "operator", "image": "operator"}],
                "topologySpreadConstraints": [{
                    "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
                    "labelSelector": {"matchLabels": {"app": "operator"}},
                }],
            }},
        },
    })
    .to_string()
}

/// Each replica by the name of its pod.
type Replicas = BTreeMap<String, Operator>;

fn is_leaving(pod: &Value) -> bool {
    pod["metadata"]["deletionTimestamp"].is_string()
}

async fn holder(bed: &Bed) -> String {
    let path = ["-n", NAMESPACE, "lease", "operator"];
    let lease = bed.get(&path).await;
    lease["spec"]["holderIdentity"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// What the kubelets do: a process for each pod that runs, and SIGTERM for each that leaves. Gives how many left, and
/// how many of them as the leader.
async fn follow(bed: &Bed, replicas: &mut Replicas) -> (usize, usize) {
    let list = bed.get(&["-n", NAMESPACE, "pods", "-l", "app=operator"]).await;
    let pods: BTreeMap<&str, &Value> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pod| (pod["metadata"]["name"].as_str().unwrap(), pod))
        .collect();
    let left: Vec<String> = replicas
        .keys()
        .filter(|name| pods.get(name.as_str()).is_none_or(|pod| is_leaving(pod)))
        .cloned()
        .collect();
    let mut leaders = 0;
    for name in &left {
        leaders += usize::from(holder(bed).await == *name);
        replicas.remove(name).unwrap().stop().await;
    }
    for (name, pod) in pods {
        if pod["status"]["phase"] != "Running" || is_leaving(pod) || replicas.contains_key(name) {
            continue;
        }
        // An identity lives as long as the program.
        let identity: &'static str = name.to_owned().leak();
        let operator = bed.another(Wanted {
            identity: Some(identity),
            lease: Some(LeaseOptions {
                name: "operator".to_owned(),
                timings: TIMINGS,
            }),
            ..Wanted::default()
        });
        replicas.insert(name.to_owned(), operator.await);
    }
    (left.len(), leaders)
}

/// Replaces every node while the operator runs on them; how many of its pods left, and how many of these led then.
async fn replaces_its_own_nodes(replicas: u32) -> (usize, usize) {
    let bed = Bed::without_operator(options()).await;
    bed.apply(&deployment(replicas)).await;
    let mut running = Replicas::new();
    let end = Instant::now() + PATIENCE;
    while running.len() < replicas as usize {
        follow(&bed, &mut running).await;
        assert!(Instant::now() < end, "the pods of the operator do not run");
    }
    bed.apply(&wanted("SecondaryIp")).await;
    bed.condition("Ready", "True", "Applied").await;
    bed.apply(&wanted("Prefix")).await;
    approved(&bed).await;
    let (mut left, mut led) = (0, 0);
    loop {
        let (some, leaders) = follow(&bed, &mut running).await;
        (left, led) = (left + some, led + leaders);
        if crate::migration::migration(&bed).await["status"]["phase"] == "Completed" {
            break;
        }
        assert!(Instant::now() < end, "it does not end");
    }
    completed(&bed, 4).await;
    for (_, operator) in running {
        operator.stop().await;
    }
    bed.shutdown().await;
    (left, led)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_hands_over_before_its_own_node_is_emptied() {
    let (left, led) = replaces_its_own_nodes(2).await;
    assert!(left >= 2, "{left} pods of the operator left");
    assert_eq!(led, 0, "a leader was evicted");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_is_alone_goes_on_after_it_was_evicted() {
    let (left, led) = replaces_its_own_nodes(1).await;
    assert!(left >= 1);
    assert_eq!(led, left, "it is always the leader");
}
