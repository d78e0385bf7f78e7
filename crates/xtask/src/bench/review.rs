//! The time of one review of a change that every rule of prefix mode looks at.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use vpccni_core::config::{CniConfig, Key, Value};
use vpccni_core::ids::{InstanceType, NodeName, Zone};
use vpccni_core::known::Known;
use vpccni_core::limits;
use vpccni_core::safety::{
    CniSetup, Compute, EniFacts, NodeFacts, NodeGroup, NodeMode, NodePodFacts, Os, Provider, World, review,
};
use vpccni_core::version::CniVersion;

/// Rounds of which the median counts.
const ROUNDS: usize = 21;

/// The median time of a review of so many nodes.
pub(super) fn time(nodes: u16) -> Duration {
    let mut world = World::empty();
    world.nodes = (0..nodes).filter_map(node).collect();
    let from = setup(false);
    let to = setup(true);
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            std::hint::black_box(review(&from, &to, std::hint::black_box(&world)));
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    times.get(ROUNDS / 2).copied().unwrap_or_default()
}

fn setup(prefix: bool) -> CniSetup {
    let mut config = CniConfig::default();
    config.set(Key::EnableIpv4, Value::Bool(true));
    config.set(Key::EnablePrefixDelegation, Value::Bool(prefix));
    CniSetup {
        config,
        ..CniSetup::empty(CniVersion::REFERENCE)
    }
}

fn node(number: u16) -> Option<NodeFacts> {
    let instance_type = InstanceType::parse("m5.large").ok()?;
    Some(NodeFacts {
        name: NodeName::parse(&format!("node-{number}")).ok()?,
        os: Os::Linux,
        compute: Compute::Ec2,
        instance: None,
        limits: limits::find(&instance_type).map_or_else(|| Known::not_read("m5.large"), Known::Yes),
        instance_type: Some(instance_type),
        zone: Zone::parse("us-west-2a").ok(),
        group: NodeGroup {
            provider: Provider::ManagedNodeGroup,
            name: format!("group-{}", number % 20),
        },
        mode: NodeMode::SecondaryIp,
        enis: Known::Yes(EniFacts {
            attached: 2,
            secondary_ips: 18,
            ..EniFacts::default()
        }),
        pods: Known::Yes(NodePodFacts {
            pods: 10,
            ..NodePodFacts::default()
        }),
        max_pods: Some(29),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
    })
}
