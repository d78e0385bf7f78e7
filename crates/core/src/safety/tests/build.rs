//! A small world to change one thing at a time in: one m5.large in us-west-2a of an IPv4 cluster, all facts known.

use crate::capacity::BlockMap;
use crate::config::{Key, Value};
use crate::ids::{EniConfigName, InstanceType, NodeName, SecurityGroupId, SubnetId, VpcId, Zone};
use crate::known::Known;
use crate::limits;
use crate::safety::*;
use crate::version::CniVersion;
use std::collections::BTreeMap;

pub(crate) const ZONE_LABEL: &str = "topology.kubernetes.io/zone";

pub(crate) fn subnet_id(name: &str) -> SubnetId {
    SubnetId::parse(&format!("subnet-{name}")).unwrap()
}

pub(crate) fn group_id(name: &str) -> SecurityGroupId {
    SecurityGroupId::parse(&format!("sg-{name}")).unwrap()
}

pub(crate) fn zone(letter: &str) -> Zone {
    Zone::parse(&format!("us-west-2{letter}")).unwrap()
}

pub(crate) fn vpc(name: &str) -> VpcId {
    VpcId::parse(&format!("vpc-{name}")).unwrap()
}

pub(crate) fn unknown<T>() -> Known<T> {
    Known::not_read("it")
}

/// An IPv4 cluster with the published manifest's settings.
pub(crate) fn setup() -> CniSetup {
    let mut setup = CniSetup::empty(CniVersion::REFERENCE);
    setup.node_agent = Some(CniVersion::new(1, 4, 2));
    setup.on(Key::EnableIpv4).int(Key::WarmPrefixTarget, 1)
}

/// The same in prefix mode.
pub(crate) fn prefix() -> CniSetup {
    setup().on(Key::EnablePrefixDelegation)
}

/// The same with custom networking by zone, and ENIConfigs for both zones.
pub(crate) fn custom() -> CniSetup {
    setup()
        .on(Key::CustomNetworkCfg)
        .text(Key::EniConfigLabelDef, ZONE_LABEL)
        .eni_config("us-west-2a", "poda")
        .eni_config("us-west-2b", "podb")
}

/// The same with security groups for pods.
pub(crate) fn pod_eni() -> CniSetup {
    setup().on(Key::EnablePodEni)
}

/// Changes of a set-up, one at a time.
pub(crate) trait Setting: Sized {
    fn set(self, key: Key, value: Value) -> Self;
    fn without(self, key: Key) -> Self;
    fn at(self, version: (u16, u16, u16)) -> Self;
    fn eni_config(self, name: &str, subnet: &str) -> Self;
    fn on(self, key: Key) -> Self {
        self.set(key, Value::Bool(true))
    }
    fn off(self, key: Key) -> Self {
        self.set(key, Value::Bool(false))
    }
    fn int(self, key: Key, value: i64) -> Self {
        self.set(key, Value::Int(value))
    }
    fn text(self, key: Key, value: &str) -> Self {
        self.set(key, Value::Text(value.to_owned()))
    }
}

impl Setting for CniSetup {
    fn set(mut self, key: Key, value: Value) -> Self {
        self.config.set(key, value);
        self
    }

    fn without(mut self, key: Key) -> Self {
        self.config.unset(key);
        self
    }

    fn at(mut self, (major, minor, patch): (u16, u16, u16)) -> Self {
        self.version = CniVersion::new(major, minor, patch);
        self
    }

    fn eni_config(mut self, name: &str, subnet: &str) -> Self {
        let spec = EniConfigSpec {
            subnet: subnet_id(subnet),
            security_groups: vec![group_id("pods")],
            zone: None,
        };
        self.eni_configs.insert(EniConfigName::parse(name).unwrap(), spec);
        self
    }
}

/// A half-filled m5.large in secondary mode: 2 interfaces, 18 addresses, 5 pods.
pub(crate) fn node(name: &str) -> NodeFacts {
    let node = NodeFacts {
        name: NodeName::parse(name).unwrap(),
        os: Os::Linux,
        compute: Compute::Ec2,
        instance: None,
        instance_type: None,
        limits: unknown(),
        zone: Some(zone("a")),
        group: NodeGroup {
            provider: Provider::ManagedNodeGroup,
            name: "blue".to_owned(),
        },
        mode: NodeMode::SecondaryIp,
        enis: Known::Yes(EniFacts {
            attached: 2,
            secondary_ips: 18,
            secondary_ips_not_primary: 9,
            pod_subnets: vec![subnet_id("a")],
            primary_subnet: Some(subnet_id("a")),
            ..EniFacts::default()
        }),
        pods: Known::Yes(NodePodFacts {
            pods: 5,
            ..NodePodFacts::default()
        }),
        max_pods: Some(20),
        labels: BTreeMap::from([(ZONE_LABEL.to_owned(), "us-west-2a".to_owned())]),
        annotations: BTreeMap::new(),
    };
    node.of_type("m5.large")
}

/// The same, made in prefix mode: one prefix, max-pods 110.
pub(crate) fn prefix_node(name: &str) -> NodeFacts {
    let mut node = node(name).enis(|enis| {
        enis.attached = 1;
        enis.secondary_ips = 0;
        enis.secondary_ips_not_primary = 0;
        enis.prefixes = 1;
    });
    node.mode = NodeMode::Prefix;
    node.max_pods = Some(110);
    node
}

/// Changes of a node, one at a time.
pub(crate) trait Node: Sized {
    fn of_type(self, instance_type: &str) -> Self;
    fn max_pods(self, max: u32) -> Self;
    fn in_group(self, group: &str) -> Self;
    fn enis(self, change: impl FnOnce(&mut EniFacts)) -> Self;
    fn pods(self, change: impl FnOnce(&mut NodePodFacts)) -> Self;
}

impl Node for NodeFacts {
    fn of_type(mut self, instance_type: &str) -> Self {
        let instance_type = InstanceType::parse(instance_type).unwrap();
        self.limits = limits::find(&instance_type).map_or_else(unknown, Known::Yes);
        self.instance_type = Some(instance_type);
        self
    }

    fn max_pods(mut self, max: u32) -> Self {
        self.max_pods = Some(max);
        self
    }

    fn in_group(mut self, group: &str) -> Self {
        self.group.name = group.to_owned();
        self
    }

    fn enis(mut self, change: impl FnOnce(&mut EniFacts)) -> Self {
        if let Known::Yes(enis) = &mut self.enis {
            change(enis);
        }
        self
    }

    fn pods(mut self, change: impl FnOnce(&mut NodePodFacts)) -> Self {
        if let Known::Yes(pods) = &mut self.pods {
            change(pods);
        }
        self
    }
}

fn subnet(name: &str, in_zone: &str, cidr: &str) -> (SubnetId, SubnetFacts) {
    let blocks = BlockMap::of(cidr.parse().unwrap(), [], [], &[], 251);
    let facts = SubnetFacts {
        id: subnet_id(name),
        vpc: vpc("0"),
        zone: zone(in_zone),
        available: 251,
        blocks,
        tags: BTreeMap::new(),
    };
    (subnet_id(name), facts)
}

/// A world with these nodes.
pub(crate) fn world(nodes: impl IntoIterator<Item = NodeFacts>) -> World {
    let nodes: Vec<NodeFacts> = nodes.into_iter().collect();
    World {
        cluster: ClusterFacts {
            ip_family: Known::Yes(IpFamily::V4),
            vpc: Known::Yes(vpc("0")),
            may_manage_branches: Known::Yes(true),
        },
        zones: vec![ZoneFacts {
            zone: zone("a"),
            nodes: u32::try_from(nodes.len()).unwrap(),
            because: vec!["node group blue".to_owned()],
        }],
        nodes,
        subnets: Known::Yes(BTreeMap::from([
            subnet("a", "a", "10.0.0.0/24"),
            subnet("b", "b", "10.0.1.0/24"),
            subnet("poda", "a", "10.64.0.0/24"),
            subnet("podb", "b", "10.64.1.0/24"),
        ])),
        security_groups: Known::Yes(BTreeMap::from([(
            group_id("pods"),
            SecurityGroupFacts {
                id: group_id("pods"),
                vpc: vpc("0"),
            },
        )])),
        workloads: WorkloadFacts {
            security_group_policies: Known::Yes(0),
            network_policies: Known::Yes(0),
            local_traffic_services: Known::Yes(0),
            node_local_dns: Known::Yes(false),
            kube_proxy_ipvs: Known::Yes(false),
            probed_security_group_pods: Known::Yes(0),
        },
        hand_edits: Vec::new(),
        invisible: Vec::new(),
        eni_configs_in_use: BTreeMap::new(),
    }
}

/// A world with one node.
pub(crate) fn one() -> World {
    world([node("one")])
}

/// A world with none.
pub(crate) fn empty() -> World {
    world([])
}

/// Changes of a world, one at a time.
pub(crate) trait Facts: Sized {
    fn but(self, change: impl FnOnce(&mut World)) -> Self;
    fn subnet(self, name: &str, change: impl FnOnce(&mut SubnetFacts)) -> Self;
    /// A subnet of so many free blocks.
    fn blocks(self, name: &str, cidr: &str) -> Self {
        let size = 1_u32 << (32 - cidr.rsplit('/').next().unwrap().parse::<u32>().unwrap());
        self.subnet(name, |subnet| {
            subnet.blocks = BlockMap::of(cidr.parse().unwrap(), [], [], &[], size - 5);
        })
    }
}

impl Facts for World {
    fn but(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn subnet(mut self, name: &str, change: impl FnOnce(&mut SubnetFacts)) -> Self {
        if let Known::Yes(subnets) = &mut self.subnets {
            change(subnets.get_mut(&subnet_id(name)).unwrap());
        }
        self
    }
}
