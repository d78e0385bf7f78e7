//! Nodes whose agent runs and whose pool does not change while a story looks.

use std::collections::BTreeMap;
use std::net::IpAddr;

use vpccni_core::ids::EniId;
use vpccni_testbed::boxes::{Agent, AgentOptions, KernelState, NodeBox, Pod, Vpc};
use vpccni_testbed::wait::until;

use crate::bed::PATIENCE;
use crate::cluster::tail;

/// Two full interfaces of an m5.large and no more: the pool does not change while a story looks.
pub(crate) const STEADY: [(&str, &str); 2] = [("MAX_ENI", "2"), ("WARM_ENI_TARGET", "2")];
/// Addresses for pods on each of them.
pub(crate) const EACH: usize = 9;
/// Where the echo servers of the stories listen.
pub(crate) const PORT: u16 = 7000;

/// Which interface of the node holds which address, as AWS has it.
pub(crate) fn holders(vpc: &Vpc, node: &NodeBox) -> BTreeMap<IpAddr, EniId> {
    vpc.sandbox().world().read(|world| {
        let enis = world.instances[node.instance()].interfaces.values();
        let all = enis.flat_map(|eni| {
            let addresses = world.interfaces[eni].secondary.iter();
            addresses.map(move |address| (IpAddr::from(*address), eni.clone()))
        });
        all.collect()
    })
}

/// A node with its agent, when its pool is full.
pub(crate) async fn steady(vpc: &Vpc, zone: &str) -> (NodeBox, Agent) {
    let node = vpc.launch(zone, "m5.large").await.unwrap();
    let agent = Agent::start(&node, &AgentOptions::new(&STEADY)).await.unwrap();
    let full = || async {
        let held = holders(vpc, &node).len();
        let up = node
            .run("ip", &["-br", "link", "show", "up"])
            .map_err(|error| error.to_string())?;
        // The pool is full when both interfaces are set up, which comes after AWS has attached them.
        let rules = node
            .run("ip", &["route", "show", "table", "all"])
            .map_err(|error| error.to_string())?;
        if held == 2 * EACH && up.contains("eth1") && rules.contains("dev eth1 table 2") {
            Ok(())
        } else {
            Err(format!("{held} addresses\n{up}\n{}", tail(&agent.log())))
        }
    };
    until("a full pool", PATIENCE, full).await.unwrap();
    (node, agent)
}

/// Pods of the node, each after its ADD.
pub(crate) fn add<'a>(node: &'a NodeBox, names: &[String]) -> Vec<Pod<'a>> {
    let one = |name: &String| {
        let mut pod = node.pod("default", name).unwrap();
        pod.add().unwrap();
        pod
    };
    names.iter().map(one).collect()
}

/// `prefix-0` and so on.
pub(crate) fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{prefix}-{number}")).collect()
}

/// Waits until the node is as it was; the kernel takes the links of a namespace away some time after its end.
pub(crate) async fn nothing_left(node: &NodeBox, before: &KernelState) {
    let look = || async {
        let left = node.kernel().map_err(|error| error.to_string())?.since(before);
        left.is_empty().then_some(()).ok_or_else(|| left.to_string())
    };
    if let Err(error) = until("nothing to be left", PATIENCE, look).await {
        panic!("{error}");
    }
}
