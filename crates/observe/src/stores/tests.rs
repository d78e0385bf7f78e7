//! The stores against an API server that pages, lacks types and refuses.

use super::*;
use crate::fake_api::{self, failure, list};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Real time: a watch that never syncs fails the test instead of hanging it.
const PATIENCE: Duration = Duration::from_secs(20);

fn cluster(target: &str) -> Option<(u16, Value)> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    match path {
        "/api/v1/nodes" if query.contains("continue=more") => {
            Some(list(&json!([{"metadata": {"name": "c"}}]), ""))
        }
        "/api/v1/nodes" => {
            let nodes = json!([{"metadata": {"name": "a"}}, {"metadata": {"name": "b"}, "spec": "broken"}]);
            Some(list(&nodes, "more"))
        }
        "/apis/crd.k8s.amazonaws.com/v1alpha1/eniconfigs" => None,
        "/apis/karpenter.sh/v1/nodepools" => Some(failure(403, "nodepools is forbidden")),
        _ => Some(list(&json!([]), "")),
    }
}

fn start(client: &Client) -> (Stores, JoinSet<Result<(), Infallible>>, CancellationToken) {
    let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
    let stores = Stores::start(client, Scope::default(), &mut tasks, &stop);
    (stores, tasks, stop)
}

async fn synced(stores: &Stores) {
    let waited = tokio::time::timeout(PATIENCE, stores.synced()).await;
    assert!(
        waited.is_ok(),
        "pending: {:?}, {:?}",
        stores.pending(),
        stores.troubles()
    );
}

#[tokio::test]
async fn every_type_is_listed_or_known_to_be_missing_and_tasks_end_on_stop() {
    let (client, asked) = fake_api::client(cluster);
    let (stores, mut tasks, stop) = start(&client);
    assert_eq!(stores.pending(), Kind::ALL);
    synced(&stores).await;
    let names: Vec<_> = stores
        .nodes
        .all()
        .iter()
        .map(|node| node.name.to_string())
        .collect();
    assert_eq!(names, ["a", "c"]);
    assert_eq!(stores.nodes.malformed().keys().collect::<Vec<_>>(), ["b"]);
    assert_eq!(stores.eni_configs.presence(), Presence::Absent);
    assert!(matches!(stores.node_pools.presence(), Presence::Denied(why) if why.contains("forbidden")));
    let asked = asked.lock().unwrap().clone();
    let find = |path: &str| {
        asked
            .iter()
            .find(|target| target.starts_with(path))
            .cloned()
            .unwrap_or_default()
    };
    assert!(find("/apis/apps/v1/namespaces/kube-system/daemonsets").contains("metadata.name%3Daws-node"));
    assert!(find("/api/v1/namespaces/kube-system/configmaps").contains("metadata.name%3Damazon-vpc-cni"));
    assert!(find("/api/v1/namespaces/kube-system/pods").contains("k8s-app%3Daws-node"));
    assert!(find("/api/v1/nodes").contains("limit=500"));

    stop.cancel();
    let mut ended = 0;
    while let Some(task) = tokio::time::timeout(PATIENCE, tasks.join_next()).await.unwrap() {
        task.unwrap().unwrap();
        ended += 1;
    }
    assert_eq!(ended, Kind::ALL.len());
}

#[tokio::test]
async fn a_type_we_need_and_may_not_list_is_trouble_until_we_may() {
    let allowed = Arc::new(AtomicBool::new(false));
    let gate = Arc::clone(&allowed);
    let (client, _) = fake_api::client(move |target| {
        if target.contains("cnipolicies") && !gate.load(Ordering::SeqCst) {
            return Some(failure(403, "cnipolicies is forbidden"));
        }
        cluster(target)
    });
    let (stores, _tasks, _stop) = start(&client);
    let trigger = stores.subscribe(&[Kind::Policy]);
    tokio::time::timeout(PATIENCE, trigger.changed()).await.unwrap();
    assert_eq!(
        stores.troubles(),
        ["failed to watch CniPolicies: cnipolicies is forbidden"]
    );
    assert!(stores.pending().contains(&Kind::Policy));
    allowed.store(true, Ordering::SeqCst);
    synced(&stores).await;
    assert_eq!(stores.troubles(), [] as [&str; 0]);
}

#[tokio::test]
async fn another_target_is_listed_anew_and_nodes_are_left_alone() {
    let (client, asked) = fake_api::client(cluster);
    let (stores, _tasks, _stop) = start(&client);
    synced(&stores).await;
    let settled = take(&asked);
    assert!(settled.iter().any(|target| target.starts_with("/api/v1/nodes")));
    let target = TargetRef {
        namespace: "networking".to_owned(),
        name: "cni".to_owned(),
    };
    let trigger = stores.subscribe(&[Kind::Target, Kind::AwsNodePod, Kind::ConfigMap]);
    stores.look_at(Scope {
        target,
        ..stores.scope()
    });
    let mut changed = std::collections::BTreeSet::new();
    while changed.len() < 3 {
        changed.extend(tokio::time::timeout(PATIENCE, trigger.changed()).await.unwrap());
    }
    let again = take(&asked);
    assert!(
        again
            .iter()
            .all(|target| target.contains("/namespaces/networking/")),
        "{again:?}"
    );
    assert!(
        again
            .iter()
            .any(|target| target.contains("daemonsets") && target.contains("metadata.name%3Dcni"))
    );
}

#[tokio::test]
async fn another_label_key_lists_the_nodes_anew() {
    let (client, asked) = fake_api::client(cluster);
    let (stores, _tasks, _stop) = start(&client);
    synced(&stores).await;
    take(&asked);
    let trigger = stores.subscribe(&[Kind::Node]);
    stores.look_at(Scope {
        node_keys: ["team".to_owned()].into(),
        ..stores.scope()
    });
    tokio::time::timeout(PATIENCE, trigger.changed()).await.unwrap();
    assert!(
        take(&asked)
            .iter()
            .all(|target| target.starts_with("/api/v1/nodes"))
    );
}

fn take(asked: &Mutex<Vec<String>>) -> Vec<String> {
    std::mem::take(&mut *asked.lock().unwrap())
}
