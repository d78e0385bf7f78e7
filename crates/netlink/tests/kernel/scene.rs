//! A node and its pods as namespaces, and the witnesses.

use std::path::PathBuf;
use std::process::Command;
use vpccni_core::datapath::{MAIN_TABLE, PodNetwork, host_mac, host_veth_name};
use vpccni_netlink::netns::{self, NetNs};

/// The node's own address.
pub(crate) const NODE_IP: &str = "10.0.0.10";

/// What does not run is said; the runner counts it under the test's name.
pub(crate) fn skip(why: &str) {
    println!("SKIPPED: {why}");
}

/// Whether the witnesses are there; if not, the test is skipped.
pub(crate) fn has(programs: &[&str]) -> bool {
    for program in programs {
        let is_there = std::env::var_os("PATH")
            .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()));
        if !is_there {
            skip(&format!("there is no {program}"));
            return false;
        }
    }
    true
}

/// Runs the body on a node of its own: a namespace with `lo` up and a primary interface `eth0`.
pub(crate) fn on_a_node(body: impl FnOnce() + Send) {
    if !nix::unistd::geteuid().is_root() {
        skip("needs root");
        return;
    }
    if !has(&["ip", "sysctl"]) {
        return;
    }
    let node = netns::create().unwrap();
    netns::within(&node, || {
        run("ip link set lo up");
        run("ip link add eth0 type veth peer name fabric0");
        run("ip link set eth0 up");
        run("ip link set fabric0 up");
        run(&format!("ip addr add {NODE_IP}/24 dev eth0"));
        run("sysctl -qw net.ipv4.ip_forward=1");
        body();
    })
    .unwrap();
}

/// The namespace of a pod.
#[derive(Debug)]
pub(crate) struct Sandbox(pub(crate) NetNs);

impl Sandbox {
    pub(crate) fn new() -> Self {
        let namespace = netns::create().unwrap();
        netns::within(&namespace, || run("ip link set lo up")).unwrap();
        Self(namespace)
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path()
    }

    pub(crate) fn run(&self, command: &str) -> String {
        netns::within(&self.0, || run(command)).unwrap()
    }

    pub(crate) fn succeeds(&self, command: &str) -> bool {
        netns::within(&self.0, || succeeds(command)).unwrap()
    }
}

fn command(line: &str) -> Command {
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().unwrap());
    command.args(words);
    command
}

/// Runs a witness in the namespace of the calling thread; it must succeed.
pub(crate) fn run(line: &str) -> String {
    let output = command(line).output().unwrap();
    assert!(
        output.status.success(),
        "{line}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Whether a program succeeds.
pub(crate) fn succeeds(line: &str) -> bool {
    command(line).output().unwrap().status.success()
}

/// A pod of a secondary interface whose table is 2.
pub(crate) fn pod(name: &str, address: &str) -> PodNetwork {
    PodNetwork {
        container_if: "eth0".to_owned(),
        host_veth: host_veth_name("eni", "default", name, 0),
        host_mac: host_mac(name, 0),
        address: address.parse().unwrap(),
        index: 0,
        mtu: 9001,
        table: 2,
        branch: None,
    }
}

/// A pod of the primary interface.
pub(crate) fn pod_of_primary(name: &str, address: &str) -> PodNetwork {
    PodNetwork {
        table: MAIN_TABLE,
        ..pod(name, address)
    }
}

/// Rules and routes of both families, as the witness prints them. What the kernel does for link-local addresses and
/// multicast comes and goes with carriers, in its own time.
pub(crate) fn routing() -> Vec<String> {
    let commands = [
        "ip -4 rule",
        "ip -6 rule",
        "ip -4 route show table all",
        "ip -6 route show table all",
    ];
    let printed: String = commands.iter().map(|command| run(command)).collect();
    printed
        .lines()
        .map(str::trim_end)
        .filter(|line| !["fe80:", "ff00:"].iter().any(|own| line.contains(own)))
        .map(str::to_owned)
        .collect()
}
