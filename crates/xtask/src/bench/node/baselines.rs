//! What the agent is held against: the reference plugins, the bare work of the kernel, and the start of a process.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vpccni_testbed::boxes::{REFERENCE_PLUGINS, within};

use super::call::{Call, Namespace, burst, namespaces, remove};
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

pub(super) fn measure(next: &mut usize, count: usize, bursts: usize) -> Result<Baselines, String> {
    Ok(Baselines {
        start: start(count)?,
        kernel: kernel(next, count)?,
        ptp: ptp(next, count)?,
        ptp_burst: ptp_bursts(next, bursts)?,
    })
}

fn start(count: usize) -> Result<Sample, String> {
    let call = Call::program("true", &[], "")?;
    let times = (0..count).map(|_| call.run().map(|(took, _)| took));
    times.collect::<Result<Vec<_>, _>>().map(Sample::new)
}

/// The links, addresses, routes and rules of a pod by two processes of `ip`, one on the node and one in the pod.
fn kernel(next: &mut usize, count: usize) -> Result<Sample, String> {
    let pods = namespaces(next, count)?;
    let mut times = Vec::new();
    for (number, pod) in pods.iter().enumerate() {
        times.push(by_hand(number, *pod)?);
    }
    for number in 0..count {
        let address = address(number);
        let text = format!("rule del to {address} prio 512\nrule del from {address} prio 1536\n");
        Call::program("ip", &["-batch", "-"], &text)?.run()?;
    }
    remove(&pods)?;
    Ok(Sample::new(times))
}

fn address(number: usize) -> String {
    format!("10.98.{}.{}", number / 250, number % 250 + 1)
}

fn by_hand(number: usize, pod: Namespace) -> Result<Duration, String> {
    let (address, name, link) = (address(number), pod.name(), format!("hand{number}"));
    let outside = format!(
        "link add {link} mtu 9001 type veth peer name eth0 mtu 9001 netns {name}\nlink set {link} up\n\
         route add {address} dev {link}\nrule add to {address} table main prio 512\n\
         rule add from {address} table 2 prio 1536\n"
    );
    let inside = format!(
        "link set eth0 up\naddr add {address}/32 dev eth0\nroute add 169.254.1.1 dev eth0\n\
         route add default via 169.254.1.1 dev eth0\n\
         neigh add 169.254.1.1 lladdr 02:00:00:00:00:01 dev eth0 nud permanent\n"
    );
    let first = Call::program("ip", &["-batch", "-"], &outside)?;
    let second = Call::program("ip", &["-batch", "-"], &inside)?;
    let network = File::open(pod.path()).map_err(|error| format!("open {name}: {error}"))?;
    let begun = Instant::now();
    first.run()?;
    within(&network, || second.run()).map_err(|error| error.to_string())??;
    Ok(begun.elapsed())
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

fn ptp(next: &mut usize, count: usize) -> Result<Sample, String> {
    let program = Path::new(REFERENCE_PLUGINS).join("ptp");
    let pods = namespaces(next, count)?;
    let mut times = Vec::new();
    let mut results = Vec::new();
    for pod in &pods {
        let (took, result) = Call::plugin(&program, "ADD", pod, &conf(None)).answer()?;
        times.push(took);
        results.push(result);
    }
    delete(&program, &pods, &results)?;
    Ok(Sample::new(times))
}

fn ptp_bursts(next: &mut usize, bursts: usize) -> Result<Sample, String> {
    let program = Path::new(REFERENCE_PLUGINS).join("ptp");
    let mut times = Vec::new();
    for _ in 0..bursts {
        let pods = namespaces(next, super::scene::BURST)?;
        let calls: Vec<_> = pods
            .iter()
            .map(|pod| Call::plugin(&program, "ADD", pod, &conf(None)))
            .collect();
        let (took, results) = burst(&calls)?;
        times.push(took);
        delete(&program, &pods, &results)?;
    }
    Ok(Sample::new(times))
}

fn delete(program: &Path, pods: &[Namespace], results: &[Value]) -> Result<(), String> {
    for (pod, result) in pods.iter().zip(results) {
        Call::plugin(program, "DEL", pod, &conf(Some(result))).run()?;
    }
    remove(pods)
}
