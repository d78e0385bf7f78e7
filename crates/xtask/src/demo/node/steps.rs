//! The steps, in their order.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::Value;
use vpccni_testbed::boxes::traffic::{Echo, seen_as};
use vpccni_testbed::boxes::{INTERNET, INTROSPECTION, METRICS, within};
use vpccni_testbed::wait::until;

use super::ZONES;
use super::cluster::{Cluster, Worker};
use crate::demo::Show;
use crate::demo::error::DemoError;
use crate::terminal::say;

/// The port of the servers that tell who asked.
const PORT: u16 = 7000;
/// The columns of pods that matter here.
const PODS: &str =
    "custom-columns=NAME:.metadata.name,STATUS:.status.phase,IP:.status.podIP,NODE:.spec.nodeName";
/// How long the pool may take for what it does by itself: an interface takes some seconds.
const PATIENCE: Duration = Duration::from_mins(1);
/// Addresses that one interface of an m5.large gives to pods: ten of its own, less the primary one.
const EACH: usize = 9;

/// Plays them.
pub(super) async fn play(cluster: Cluster<'_>, show: &Show) -> Result<(), DemoError> {
    let page = &show.page;
    page.headline("a  two nodes");
    let one = cluster.join(ZONES[0], &[("WARM_ENI_TARGET", "0")]).await?;
    let two = cluster.join(ZONES[1], &[]).await?;
    cluster.show(&["get", "nodes"]).await?;

    page.headline("b  pods talk");
    let near = names("near", 1);
    let far = names("far", 1);
    cluster.create(&one, &near).await?;
    cluster.create(&two, &far).await?;
    let near_address = address(&cluster, &near).await?;
    let far_address = address(&cluster, &far).await?;
    cluster.show(&["get", "pods", "-o", PODS]).await?;
    talk(&cluster, &one, &two, near_address, far_address)?;

    page.headline("c  an interface is full, a second one comes");
    fill(&cluster, &one).await?;

    page.headline("d  a new node in prefix mode");
    page.prose(
        "A node keeps the mode of its first start, so prefix mode comes with new nodes. This one gets blocks of sixteen \
         addresses instead of single ones.",
    );
    let prefix = [("ENABLE_PREFIX_DELEGATION", "true"), ("WARM_PREFIX_TARGET", "1")];
    let three = cluster.join(ZONES[0], &prefix).await?;
    let packed = names("packed", 3);
    cluster.create(&three, &packed).await?;
    cluster.running(&packed).await?;
    let text = enis(page, &three)?;
    if !text.contains("/28") {
        return Err(DemoError::not_shown("the node holds prefixes", &text));
    }

    page.headline("e  ipamd is killed while pods start");
    let two = kill(&cluster, two).await?;

    page.headline("f  what a node shows");
    inside(&cluster, &two)?;
    if show.keep {
        page.prose("It is left running. Ctrl-C ends it and removes everything.");
        page.output(&format!(
            "export KUBECONFIG={}",
            cluster.plane.kubeconfig_path().display()
        ));
        show.lingers.set(true);
        std::future::pending::<()>().await;
    }
    let all: Vec<String> = [near, far, packed].concat();
    cluster.delete(&all).await?;
    say(&format!(
        "\nEvery step showed what it says, in {} s.",
        page.elapsed().as_secs()
    ));
    Ok(())
}

fn names(prefix: &str, count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("{prefix}-{number}")).collect()
}

async fn address(cluster: &Cluster<'_>, names: &[String]) -> Result<IpAddr, DemoError> {
    let addresses = cluster.running(names).await?;
    let first = addresses.into_values().next();
    first.ok_or_else(|| DemoError::not_shown("a pod has an address", &"none"))
}

/// The pods reach each other by their own addresses, and the internet by that of their node.
fn talk(
    cluster: &Cluster<'_>,
    one: &Worker,
    two: &Worker,
    near: IpAddr,
    far: IpAddr,
) -> Result<(), DemoError> {
    let (near_networks, far_networks) = (one.node.pod_networks()?, two.node.pod_networks()?);
    let network = |networks: &std::collections::BTreeMap<IpAddr, std::fs::File>, address: IpAddr| {
        let found = networks.get(&address).map(std::fs::File::try_clone);
        let found = found.and_then(Result::ok);
        found.ok_or_else(|| DemoError::not_shown("the address of the pod is in its namespace", &address))
    };
    let (from, to) = (network(&near_networks, near)?, network(&far_networks, far)?);
    cluster.page.command(&format!("ping -c1 {far}   # in pod near-1"));
    let ping = within(&from, || {
        std::process::Command::new("ping")
            .args(["-c1", "-W2", &far.to_string()])
            .output()
    })?;
    let ping = ping.map_err(|source| DemoError::Shell {
        command: "ping".to_owned(),
        source,
    })?;
    let text = String::from_utf8_lossy(&ping.stdout).into_owned();
    cluster.page.output(&text);
    if !ping.status.success() {
        return Err(DemoError::not_shown("the pods reach each other", &text));
    }
    let server = Echo::start(&to, PORT)?;
    let seen = seen_as(&from, (far, server.port()).into())?;
    let outside = Echo::start(cluster.vpc.fabric().internet().network(), PORT)?;
    let seen_outside = seen_as(&from, (IpAddr::from(INTERNET), outside.port()).into())?;
    cluster.page.prose(&format!(
        "far-1 sees near-1 as {seen}, its own address. A host on the internet sees it as {seen_outside}, the public address \
         of its node {}.",
        one.node.address()
    ));
    let spoofed = cluster.vpc.fabric().spoofed()?;
    if seen != near || !spoofed.is_empty() {
        return Err(DemoError::not_shown(
            "the source address is the pod's",
            &format!("{seen}, {spoofed:?}"),
        ));
    }
    Ok(())
}

/// More pods than one interface has addresses for.
async fn fill(cluster: &Cluster<'_>, one: &Worker) -> Result<(), DemoError> {
    let before = links(one)?;
    let many = names("many", EACH + 2);
    cluster.page.prose(&format!(
        "{} pods for a node whose interface gives {EACH} addresses. WARM_ENI_TARGET is 0, so nothing is kept ahead.",
        many.len() + 1
    ));
    cluster.create(one, &many).await?;
    cluster.running(&many).await?;
    let after = links(one)?;
    cluster.page.prose(&format!(
        "Interfaces of the instance: {before} before, {after} now. What EC2 was asked:"
    ));
    let calls = cluster.vpc.sandbox().calls();
    let writes = calls
        .iter()
        .filter(|call| call.service == "ec2" && !call.action.starts_with("Describe"));
    for call in writes {
        cluster
            .page
            .output(&format!("{:5} {} ({})", call.count, call.action, call.outcome));
    }
    if after <= before {
        return Err(DemoError::not_shown("a second interface is attached", &after));
    }
    enis(cluster.page, one)?;
    cluster.delete(&many).await
}

/// How many interfaces of the instance are plugged in.
fn links(worker: &Worker) -> Result<usize, DemoError> {
    let text = worker.node.run("ip", &["-br", "link"])?;
    Ok(text.lines().filter(|line| line.starts_with("eth")).count())
}

/// Shows what the agent says of its interfaces, in short.
fn enis(page: &crate::demo::page::Page, worker: &Worker) -> Result<String, DemoError> {
    page.command(&format!("curl -s localhost:{INTROSPECTION}/v1/enis"));
    let text = worker.node.get(INTROSPECTION, "/v1/enis")?;
    let all: Value = serde_json::from_str(&text).unwrap_or_default();
    for card in all.as_object().into_iter().flatten() {
        let (number, card) = card;
        page.output(&format!(
            "card {number}: {} addresses, {} assigned",
            card["TotalIPs"], card["AssignedIPs"]
        ));
        for (id, eni) in card["ENIs"].as_object().into_iter().flatten() {
            let cidrs = eni["AvailableIPv4Cidrs"].as_object().into_iter().flatten();
            let cidrs: Vec<&str> = cidrs.map(|(cidr, _)| cidr.as_str()).collect();
            page.output(&format!("  {id}: {}", cidrs.join(" ")));
        }
    }
    Ok(text)
}

/// Pods are created while the agent is down; they wait, start when it is back, and nobody's address changes.
async fn kill(cluster: &Cluster<'_>, worker: Worker) -> Result<Worker, DemoError> {
    let late = names("late", 4);
    cluster
        .page
        .command(&format!("kill -9 {}   # ipamd", worker.agent.pid()));
    let stopped = worker.kill_agent();
    let node = stopped.node.name().to_owned();
    cluster.create_on(&node, &late).await?;
    let events = ["get", "events", "-o", "jsonpath={.items[*].message}"];
    let refused = until("a sandbox is refused while ipamd is down", PATIENCE, || async {
        let text = cluster.plane.kubectl_ok(&events, None).await;
        let text = text.map_err(|error| error.to_string())?;
        if text.contains("aws-cni") {
            Ok(())
        } else {
            Err(text)
        }
    });
    refused
        .await
        .map_err(|error| DemoError::not_shown("the plugin says why", &error))?;
    cluster
        .page
        .prose("The plugin answers with the error that makes the kubelet try again. ipamd is started:");
    let worker = stopped.start_agent().await?;
    let addresses = cluster.running(&late).await?;
    cluster
        .show(&[
            "get",
            "pods",
            "-o",
            PODS,
            "--field-selector",
            &format!("spec.nodeName={node}"),
        ])
        .await?;
    cluster.page.prose(&format!(
        "All {} run, each with an address of its own.",
        addresses.len()
    ));
    cluster.delete(&late).await?;
    Ok(worker)
}

/// The kernel and the metrics of a node.
fn inside(cluster: &Cluster<'_>, worker: &Worker) -> Result<(), DemoError> {
    let page = cluster.page;
    worker.show(page, "ip", &["rule"])?;
    let ruleset = worker.show(page, "nft", &["list", "ruleset"])?;
    if !ruleset.contains("aws-cni") {
        return Err(DemoError::not_shown(
            "the tables of the agent are there",
            &ruleset,
        ));
    }
    page.command(&format!("curl -s localhost:{METRICS}/metrics | grep ^awscni_"));
    let metrics = worker.node.get(METRICS, "/metrics")?;
    let names = [
        "awscni_eni_allocated",
        "awscni_total_ip_addresses",
        "awscni_assigned_ip_addresses",
        "awscni_add_ip_req_count",
    ];
    for line in metrics
        .lines()
        .filter(|line| names.iter().any(|name| line.starts_with(name)))
    {
        page.output(line);
    }
    if !metrics.contains("awscni_assigned_ip_addresses") {
        return Err(DemoError::not_shown("the metrics are served", &metrics));
    }
    Ok(())
}
