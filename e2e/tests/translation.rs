//! Source translation as the settings ask for it, and what the list of plugins chains. The fabric and `nft` are the
//! witnesses; each change of settings is a new start of the agent with the pods running.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use vpccni_testbed::boxes::traffic::{Echo, seen_as};
use vpccni_testbed::boxes::{Agent, AgentOptions, CONFLIST, Egress, INTERNET, NAT_ADDRESS, NodeBox, Pod};
use vpccni_testbed::wait::until;

use crate::bed::{PATIENCE, ZONES, vpc};
use crate::steady::{PORT, STEADY, add, names, steady};

/// The agent again, with these settings besides.
async fn again(node: &NodeBox, agent: Agent, env: &[(&str, &str)]) -> Agent {
    assert!(agent.stop(Duration::from_secs(10)), "it did not end in time");
    // The list of the agent before it would say that this one is ready.
    std::fs::remove_file(node.path(CONFLIST)).unwrap();
    Agent::start(node, &AgentOptions::new(&[&STEADY[..], env].concat()))
        .await
        .unwrap()
}

/// The lines of the ruleset that translate.
fn translations(node: &NodeBox) -> Vec<String> {
    let text = node.space().tool("nft", &["list", "ruleset"], "").unwrap();
    let lines = text.lines().filter(|line| line.contains("snat to"));
    lines.map(|line| line.trim().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn translation_follows_the_settings() {
    let Some(vpc) = vpc(Egress::NatGateway).await else {
        return;
    };
    let (node, agent) = steady(&vpc, ZONES[0]).await;
    let pods = add(&node, &names("pod", 2));
    let outside = Echo::start(vpc.fabric().internet().network(), PORT).unwrap();
    let to = SocketAddr::new(INTERNET.into(), outside.port());
    // The source on the wire of the VPC, before the NAT gateway.
    let sources = |pod: &Pod<'_>| {
        let count = |source: IpAddr| -> u64 {
            let flows = vpc.fabric().flows().unwrap();
            let of = flows
                .iter()
                .filter(|flow| flow.source == source && flow.destination == IpAddr::from(INTERNET));
            of.map(|flow| flow.packets).sum()
        };
        let own = pod.address().unwrap();
        let before = (count(own), count(node.address()));
        assert_eq!(seen_as(pod.network(), to).unwrap(), IpAddr::from(NAT_ADDRESS));
        (count(own) > before.0, count(node.address()) > before.1)
    };
    let (as_pod, as_node) = ((true, false), (false, true));
    let word = |node: &NodeBox, word: &str| {
        let lines = translations(node);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!(
            lines[0].contains("fully-random"),
            word == "fully-random",
            "{lines:?}"
        );
        assert_eq!(lines[0].contains(" random "), word == "random", "{lines:?}");
    };
    for pod in &pods {
        assert_eq!(sources(pod), as_node);
    }
    word(&node, "fully-random");

    let agent = again(&node, agent, &[("AWS_VPC_K8S_CNI_RANDOMIZESNAT", "hashrandom")]).await;
    assert_eq!(sources(&pods[0]), as_node);
    word(&node, "random");
    let agent = again(&node, agent, &[("AWS_VPC_K8S_CNI_RANDOMIZESNAT", "none")]).await;
    assert_eq!(sources(&pods[0]), as_node);
    word(&node, "none");

    let excluded = format!("203.0.113.0/31,{INTERNET}/32");
    let agent = again(&node, agent, &[("AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS", &excluded)]).await;
    for pod in &pods {
        assert_eq!(sources(pod), as_pod);
    }
    assert_eq!(translations(&node).len(), 1);

    let agent = again(&node, agent, &[("AWS_VPC_K8S_CNI_EXTERNALSNAT", "true")]).await;
    for pod in &pods {
        assert_eq!(sources(pod), as_pod);
    }
    assert_eq!(translations(&node), Vec::<String>::new());

    let _agent = again(&node, agent, &[]).await;
    for pod in &pods {
        assert_eq!(sources(pod), as_node);
    }
    assert_eq!(vpc.fabric().spoofed().unwrap(), []);
}

/// The plugins of the list that the agent wrote.
fn types(node: &NodeBox) -> Vec<String> {
    let text = std::fs::read_to_string(node.path(CONFLIST)).unwrap();
    let list: serde_json::Value = serde_json::from_str(&text).unwrap();
    let plugins = list["plugins"].as_array().into_iter().flatten();
    plugins
        .filter_map(|plugin| plugin["type"].as_str().map(str::to_owned))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn chained_plugins_are_called_and_take_back_what_they_did() {
    let Some(vpc) = vpc(Egress::InternetGateway).await else {
        return;
    };
    let (node, agent) = steady(&vpc, ZONES[0]).await;
    let _agent = again(
        &node,
        agent,
        &[("ENABLE_BANDWIDTH_PLUGIN", "true"), ("DISABLE_POD_V6", "true")],
    )
    .await;
    let types = types(&node);
    assert_eq!(types, ["aws-cni", "egress-cni", "portmap", "bandwidth", "tuning"]);
    let there = |name: &str| node.path(format!("/opt/cni/bin/{name}")).is_file();
    if !types.iter().all(|name| there(name)) {
        println!(
            "SKIPPED: reference plugins not found (Debian: apt-get install containernetworking-plugins)"
        );
        return;
    }
    let before = node.kernel().unwrap();
    let mut pod = node.pod("default", "chained").unwrap();
    pod.runtime(
        "portMappings",
        serde_json::json!([
            {"hostPort": 8088, "containerPort": PORT, "protocol": "tcp"},
        ]),
    );
    pod.runtime("bandwidth", serde_json::json!({
        "ingressRate": 8_000_000, "ingressBurst": 800_000, "egressRate": 8_000_000, "egressBurst": 800_000,
    }));
    pod.add().unwrap();
    let off = pod
        .run("cat", &["/proc/sys/net/ipv6/conf/default/disable_ipv6"])
        .unwrap();
    assert_eq!(off.trim(), "1");
    let qdiscs = node.run("tc", &["qdisc", "show"]).unwrap();
    assert!(qdiscs.contains("tbf"), "{qdiscs}");
    let server = Echo::start(pod.network(), PORT).unwrap();
    let mapped = SocketAddr::new(vpccni_testbed::boxes::public(node.primary()).into(), 8088);
    assert!(seen_as(vpc.fabric().internet().network(), mapped).is_ok());
    // Its sockets would keep the namespace alive.
    drop(server);
    pod.del().unwrap();
    pod.remove().unwrap();
    // The kernel takes the link away a moment after the namespace.
    let gone = || async {
        let left = node.kernel().unwrap().since(&before);
        let of_it =
            |line: &&String| line.contains("chained") || line.contains("8088") || !line.starts_with("nft:");
        match left.new.iter().filter(of_it).count() {
            0 => Ok(()),
            _ => Err(left.to_string()),
        }
    };
    until("nothing of the pod to be left", PATIENCE, gone)
        .await
        .unwrap();
}
