//! What the agent is held against: the reference plugins, the bare work of the kernel, and the start of a process.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use vpccni_testbed::boxes::{REFERENCE_PLUGINS, Space};

use super::call::{BURST, Call, Namespace, burst, inside, namespaces, remove, row};
use super::sample::Sample;

/// The name of each, as ratios say it.
pub(super) const PTP: &str = "ptp with host-local";
pub(super) const KERNEL: &str = "ip -batch";

/// The times of the baselines.
#[derive(Debug)]
pub(super) struct Baselines {
    pub(super) start: Sample,
    pub(super) kernel: Sample,
    pub(super) ptp: Sample,
    pub(super) ptp_burst: Sample,
}

pub(super) fn measure(
    space: &Space,
    next: &mut usize,
    count: usize,
    bursts: usize,
) -> Result<Baselines, String> {
    Ok(Baselines {
        start: start(space, count)?,
        kernel: kernel(space, next, count)?,
        ptp: ptp(space, next, count)?,
        ptp_burst: ptp_bursts(space, next, bursts)?,
    })
}

fn start(space: &Space, count: usize) -> Result<Sample, String> {
    let call = Call::program("true", &[], "")?;
    row(space, &vec![call; count]).map(|(times, _)| Sample::new(times))
}

/// The links, addresses, routes and rules of a pod by two processes of `ip`, one on the node and one in the pod.
fn kernel(space: &Space, next: &mut usize, count: usize) -> Result<Sample, String> {
    let pods = namespaces(space, next, count)?;
    let mut times = Vec::new();
    for (number, pod) in pods.iter().enumerate() {
        times.push(by_hand(space, number, *pod)?);
    }
    let lines: Vec<String> = (0..count)
        .map(address)
        .map(|address| format!("rule del to {address} prio 512\nrule del from {address} prio 1536\n"))
        .collect();
    let clean = Call::program("ip", &["-batch", "-"], &lines.concat())?;
    inside(space, || clean.run())?;
    remove(space, &pods)?;
    Ok(Sample::new(times))
}

fn address(number: usize) -> String {
    format!("10.98.{}.{}", number / 250, number % 250 + 1)
}

fn by_hand(space: &Space, number: usize, pod: Namespace) -> Result<Duration, String> {
    let (address, name, link) = (address(number), pod.name(), format!("hand{number}"));
    let outside = format!(
        "link add {link} mtu 9001 type veth peer name eth0 mtu 9001 netns {name}\nlink set {link} up\n\
         route add {address} dev {link}\nrule add to {address} table main prio 512\n\
         rule add from {address} table 2 prio 1536\n"
    );
    let in_pod = format!(
        "link set eth0 up\naddr add {address}/32 dev eth0\nroute add 169.254.1.1 dev eth0\n\
         route add default via 169.254.1.1 dev eth0\n\
         neigh add 169.254.1.1 lladdr 02:00:00:00:00:01 dev eth0 nud permanent\n"
    );
    let first = Call::program("ip", &["-batch", "-"], &outside)?;
    let second = Call::program("ip", &["-batch", "-"], &in_pod)?;
    let network = File::open(space.path(Path::new("/run/netns").join(&name)))
        .map_err(|error| format!("open {name}: {error}"))?;
    let (on_node, _) = inside(space, || first.run())?;
    let inside_pod = space.enter_at(&network, || second.run());
    let (in_pod, _) = inside_pod.map_err(|error| error.to_string())??;
    Ok(on_node + in_pod)
}

fn conf(previous: Option<&Value>) -> Value {
    let mut conf = json!({
        "cniVersion": "1.0.0", "name": "ptp", "type": "ptp", "ipMasq": false, "mtu": 9001,
        "ipam": {"type": "host-local", "subnet": "10.97.0.0/16", "dataDir": "/run/host-local"},
    });
    if let Some(previous) = previous {
        conf["prevResult"] = previous.clone();
    }
    conf
}

fn adds(pods: &[Namespace]) -> Vec<Call> {
    let program = Path::new(REFERENCE_PLUGINS).join("ptp");
    let add = |pod: &Namespace| Call::plugin(&program, "ADD", *pod, &conf(None));
    pods.iter().map(add).collect()
}

fn ptp(space: &Space, next: &mut usize, count: usize) -> Result<Sample, String> {
    let pods = namespaces(space, next, count)?;
    let (times, results) = row(space, &adds(&pods))?;
    delete(space, &pods, &results)?;
    Ok(Sample::new(times))
}

fn ptp_bursts(space: &Space, next: &mut usize, bursts: usize) -> Result<Sample, String> {
    let mut times = Vec::new();
    for _ in 0..bursts {
        let pods = namespaces(space, next, BURST)?;
        let (took, results) = burst(space, &adds(&pods))?;
        times.push(took);
        delete(space, &pods, &results)?;
    }
    Ok(Sample::new(times))
}

fn delete(space: &Space, pods: &[Namespace], results: &[Value]) -> Result<(), String> {
    let program = Path::new(REFERENCE_PLUGINS).join("ptp");
    let both = pods.iter().zip(results);
    let calls: Vec<_> = both
        .map(|(pod, result)| Call::plugin(&program, "DEL", *pod, &conf(Some(result))))
        .collect();
    row(space, &calls)?;
    remove(space, pods)
}
