//! Simulated nodes under the real controllers: the aws-node DaemonSet rolls out, crashes when told, and pods end.

use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use vpccni_testbed::fixtures::{self, AwsNode};
use vpccni_testbed::nodes::{StaticPods, env_is, static_nodes, static_pods};
use vpccni_testbed::{Conduct, ControlPlane, Kubelets, Options, SimNode, wait};

const MINUTE: Duration = Duration::from_mins(1);

async fn aws_node_pods(plane: &ControlPlane) -> Vec<Pod> {
    let wanted = ListParams::default().labels("k8s-app=aws-node");
    Api::<Pod>::namespaced(plane.client(), "kube-system")
        .list(&wanted)
        .await
        .unwrap()
        .items
}

/// Waits until so many aws-node pods are ready, updated and available.
async fn rolled_out(plane: &ControlPlane, nodes: i32) {
    let sets = Api::<DaemonSet>::namespaced(plane.client(), "kube-system");
    wait::until("aws-node to be rolled out", MINUTE, || async {
        let set = sets.get("aws-node").await.map_err(|error| error.to_string())?;
        let status = set.status.unwrap_or_default();
        let seen = (
            status.observed_generation,
            status.updated_number_scheduled,
            status.number_available,
        );
        if seen == (set.metadata.generation, Some(nodes), Some(nodes)) {
            Ok(())
        } else {
            Err(format!("{seen:?}"))
        }
    })
    .await
    .unwrap();
}

/// Three nodes that aws-node is for, and one of each kind that it avoids.
fn all_kinds() -> Vec<SimNode> {
    let zones = ["us-west-2a", "us-west-2b", "us-west-2a"];
    let avoided = [
        SimNode::fargate(11, zones[0]),
        SimNode::auto_mode(12, zones[0]),
        SimNode::hybrid(13, "us-west-2"),
        SimNode::windows(14, zones[0], "win"),
    ];
    (1..=3)
        .zip(zones)
        .map(|(number, zone)| SimNode::ec2(number, zone))
        .chain(avoided)
        .collect()
}

#[tokio::test]
async fn aws_node_runs_on_three_nodes_and_rolls() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    let kubelets = Kubelets::start(plane.client());
    let nodes = all_kinds();
    kubelets.add(&nodes).await.unwrap();
    fixtures::apply_crds(&plane).await.unwrap();
    let begun = Instant::now();
    fixtures::apply_aws_node(&plane, &AwsNode::published())
        .await
        .unwrap();
    rolled_out(&plane, 3).await;
    println!("aws-node on three nodes after {:?}", begun.elapsed());

    let pods = aws_node_pods(&plane).await;
    let mut on: Vec<String> = pods
        .iter()
        .map(|pod| pod.spec.clone().unwrap().node_name.unwrap())
        .collect();
    on.sort();
    assert_eq!(
        on,
        nodes[..3]
            .iter()
            .map(|node| node.name.clone())
            .collect::<Vec<_>>()
    );
    for pod in &pods {
        let status = pod.status.clone().unwrap();
        assert_eq!(status.phase.as_deref(), Some("Running"));
        assert_eq!(status.pod_ip, status.host_ip);
    }
    let set = Api::<DaemonSet>::namespaced(plane.client(), "kube-system")
        .get("aws-node")
        .await
        .unwrap();
    let managers: Vec<_> = set
        .managed_fields()
        .iter()
        .filter_map(|entry| entry.manager.as_deref())
        .collect();
    assert!(managers.contains(&"kubectl-client-side-apply"), "{managers:?}");

    let config = fixtures::eni_config("us-west-2a", "subnet-0a1", &["sg-01"]).to_string();
    plane
        .kubectl_ok(&["apply", "-f", "-"], Some(&config))
        .await
        .unwrap();
    fixtures::apply_aws_node(&plane, &AwsNode::published().env("WARM_ENI_TARGET", "2"))
        .await
        .unwrap();
    rolled_out(&plane, 3).await;
    assert!(
        aws_node_pods(&plane)
            .await
            .iter()
            .all(|pod| env_is(pod, "aws-node", "WARM_ENI_TARGET", "2"))
    );
    plane.shutdown().await;
}

/// Whether the container aws-node waits in CrashLoopBackOff after two restarts.
async fn crashed_twice(plane: &ControlPlane) -> Result<(), String> {
    let pods = aws_node_pods(plane).await;
    let containers = pods
        .first()
        .and_then(|pod| pod.status.clone()?.container_statuses)
        .unwrap_or_default();
    let agent = containers.iter().find(|container| container.name == "aws-node");
    let waits = agent.and_then(|agent| agent.state.clone()?.waiting?.reason);
    let restarts = agent.map_or(0, |agent| agent.restart_count);
    let crashed = waits.as_deref() == Some("CrashLoopBackOff") && restarts >= 2;
    if crashed {
        Ok(())
    } else {
        Err(format!("{waits:?} {restarts}"))
    }
}

#[tokio::test]
async fn a_pod_crashes_when_told_and_recovers_with_a_good_configuration() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    let kubelets = Kubelets::start(plane.client());
    let node = SimNode::ec2(1, "us-west-2a");
    kubelets.add(std::slice::from_ref(&node)).await.unwrap();
    kubelets.conduct(|pod| {
        env_is(pod, "aws-node", "AWS_VPC_K8S_PLUGIN_LOG_FILE", "stdout").then(|| Conduct::CrashLoop {
            container: "aws-node".into(),
            message: "AWS_VPC_K8S_PLUGIN_LOG_FILE cannot be set to stdout".into(),
        })
    });
    let bad = AwsNode::published().env("AWS_VPC_K8S_PLUGIN_LOG_FILE", "stdout");
    fixtures::apply_aws_node(&plane, &bad).await.unwrap();
    wait::until("two restarts of aws-node", MINUTE, || crashed_twice(&plane))
        .await
        .unwrap();
    fixtures::apply_aws_node(&plane, &AwsNode::published())
        .await
        .unwrap();
    rolled_out(&plane, 1).await;
    kubelets.remove(&node.name).await.unwrap();
    assert!(aws_node_pods(&plane).await.is_empty());
    plane.shutdown().await;
}

#[tokio::test]
async fn pods_get_only_the_addresses_there_are() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    let kubelets = Kubelets::start(plane.client());
    let [first, second] = [7, 8].map(|last| std::net::Ipv4Addr::new(10, 0, 64, last));
    let node = SimNode::ec2(1, "us-west-2a").pods_from(vec![first]);
    kubelets.add(std::slice::from_ref(&node)).await.unwrap();
    let web = [
        "create",
        "deployment",
        "web",
        "--image=web",
        "--replicas=2",
        "-n",
        "default",
    ];
    plane.kubectl_ok(&web, None).await.unwrap();
    let pods = Api::<Pod>::namespaced(plane.client(), "default");
    let addressed = async |wanted: Vec<std::net::Ipv4Addr>| {
        let all = pods
            .list(&ListParams::default())
            .await
            .map_err(|error| error.to_string())?
            .items;
        let mut seen: Vec<String> = all.into_iter().filter_map(|pod| pod.status?.pod_ip).collect();
        seen.sort();
        let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        if seen == wanted {
            Ok(())
        } else {
            Err(format!("{seen:?}"))
        }
    };
    wait::until("one of two pods to run", MINUTE, || addressed(vec![first]))
        .await
        .unwrap();
    kubelets.set_pod_addresses(&node.name, &[first, second]);
    wait::until("both pods to run", MINUTE, || addressed(vec![first, second]))
        .await
        .unwrap();
    plane.shutdown().await;
}

#[tokio::test]
async fn static_nodes_and_pods_are_made_in_bulk() {
    let plane = ControlPlane::start(Options::api_only()).await.unwrap();
    let nodes: Vec<SimNode> = (0..200)
        .map(|n| SimNode::ec2(n, "us-west-2a").managed("blue"))
        .collect();
    let begun = Instant::now();
    static_nodes(&plane.client(), &nodes).await.unwrap();
    let wanted = StaticPods {
        namespace: "default",
        prefix: "web",
        count: 400,
        running: true,
        label: ("app", "static"),
    };
    static_pods(&plane.client(), &nodes, &wanted).await.unwrap();
    println!("200 nodes and 400 running pods in {:?}", begun.elapsed());
    let listed = Api::<Node>::all(plane.client())
        .list(&ListParams::default())
        .await
        .unwrap();
    assert_eq!(listed.items.len(), 200);
    let running = ListParams::default()
        .fields("status.phase=Running,spec.nodeName=ip-10-0-0-7.us-west-2.compute.internal");
    let pods = Api::<Pod>::namespaced(plane.client(), "default")
        .list(&running)
        .await
        .unwrap();
    assert_eq!(pods.items.len(), 2);
    plane.shutdown().await;
}
