//! Counts from an API server that pages, expires and refuses.

use super::*;
use crate::fake_api::{self, failure, list};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, Ordering};

fn pod(name: &str, node: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "shop"}, "spec": {"nodeName": node, "containers": []}})
}

fn policies(names: &[&str]) -> Value {
    names
        .iter()
        .map(|name| json!({"metadata": {"name": name, "namespace": "shop"}}))
        .collect()
}

fn cluster(target: &str) -> Option<(u16, Value)> {
    let more = target.contains("continue=more");
    match target.split('?').next().unwrap_or_default() {
        "/api/v1/pods" if more => Some(list(&json!([pod("c", "node-1"), pod("d", "node-2")]), "")),
        "/api/v1/pods" => Some(list(&json!([pod("a", "node-1"), pod("b", "node-1")]), "more")),
        "/api/v1/services" => Some(failure(
            403,
            "services is forbidden: cannot list resource \"services\"",
        )),
        "/apis/networking.k8s.io/v1/networkpolicies" if more => Some(list(&policies(&["z"]), "")),
        "/apis/networking.k8s.io/v1/networkpolicies" => Some(list(&policies(&["x", "y"]), "more")),
        "/apis/apps/v1/namespaces/kube-system/daemonsets/node-local-dns" => {
            Some((200, json!({"metadata": {"name": "node-local-dns"}})))
        }
        "/api/v1/namespaces/kube-system/configmaps/kube-proxy-config" => Some((
            200,
            json!({"metadata": {"name": "kube-proxy-config"}, "data": {"config": "mode: ipvs\n"}}),
        )),
        _ => None,
    }
}

fn on(node: &str, facts: &DeepFacts) -> Option<u32> {
    facts.pods.as_option()?.get(node).map(|facts| facts.pods)
}

#[tokio::test]
async fn all_pages_count_and_a_refused_list_names_the_permission() {
    let (client, asked) = fake_api::client(cluster);
    let facts = DeepFacts::read(&client, Deep::Full).await;
    assert_eq!((on("node-1", &facts), on("node-2", &facts)), (Some(3), Some(1)));
    let WorkloadFacts {
        security_group_policies,
        network_policies,
        local_traffic_services,
        node_local_dns,
        kube_proxy_ipvs,
        probed_security_group_pods,
    } = facts.workloads;
    assert_eq!(
        security_group_policies,
        Known::Yes(0),
        "a cluster without the type has none"
    );
    assert_eq!(network_policies, Known::Yes(3));
    let expected =
        "the list of services may not be read: services is forbidden: cannot list resource \"services\"";
    assert_eq!(local_traffic_services, Known::Unknown(expected.to_owned()));
    assert_eq!(
        (node_local_dns, kube_proxy_ipvs),
        (Known::Yes(true), Known::Yes(true))
    );
    assert_eq!(probed_security_group_pods, Known::Yes(0));
    let asked = asked.lock().unwrap();
    assert!(
        asked
            .iter()
            .filter(|target| target.starts_with("/api/v1/pods"))
            .all(|t| t.contains("limit=500"))
    );
}

#[tokio::test]
async fn a_list_that_expires_half_way_is_begun_again_and_counts_nothing_twice() {
    let expirations = AtomicU32::new(1);
    let (client, _) = fake_api::client(move |target| {
        let left = |n: u32| n.checked_sub(1);
        let second_page = target.starts_with("/api/v1/pods") && target.contains("continue=more");
        if second_page
            && expirations
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, left)
                .is_ok()
        {
            return Some(failure(410, "the provided continue parameter is too old"));
        }
        cluster(target)
    });
    let facts = DeepFacts::read(&client, Deep::Full).await;
    assert_eq!(on("node-1", &facts), Some(3));
}

#[tokio::test]
async fn an_unreadable_pod_makes_the_count_unknown() {
    let (client, _) = fake_api::client(|target| match target {
        pods if pods.starts_with("/api/v1/pods") => Some(list(
            &json!([pod("a", "node-1"), {"metadata": {"name": "odd"}, "spec": []}]),
            "",
        )),
        other => cluster(other),
    });
    let facts = DeepFacts::read(&client, Deep::Full).await;
    assert!(
        matches!(facts.pods, Known::Unknown(why) if why.starts_with("odd among the pods cannot be read"))
    );
}

#[tokio::test]
async fn a_cheap_world_asks_nothing() {
    let (client, asked) = fake_api::client(cluster);
    assert_eq!(DeepFacts::read(&client, Deep::Cheap).await, DeepFacts::not_read());
    assert!(asked.lock().unwrap().is_empty());
}
