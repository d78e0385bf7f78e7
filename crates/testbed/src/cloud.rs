//! The AWS side of the simulated nodes: their VPC, subnets, instances and interfaces in a running sandbox.
//!
//! It sets the scene through the world of the sandbox and its rules; what the operator then reads, it reads over HTTP.

mod network;

pub use network::PodNetwork;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use vpccni_core::ids::{EniId, InstanceId, InstanceType, SecurityGroupId, SubnetId, VpcId, Zone};
use vpccni_core::net::Ipv4Net;
use vpccni_sandbox::world::{
    Access, AddonChange, Grant, LaunchData, NetworkSpec, NewCluster, NewInstances, NewInterface, Tags, Want,
    World,
};
use vpccni_sandbox::{ApiError, Sandbox, WorldHandle};

use crate::nodes::SimNode;

/// The scene could not be set.
#[derive(Debug, thiserror::Error)]
pub enum CloudError {
    /// The sandbox refused, as EC2 would.
    #[error("{call}: {code}: {message}")]
    Refused {
        /// What was asked.
        call: &'static str,
        /// The code of EC2.
        code: String,
        /// Its message.
        message: String,
    },
    /// A name that cannot be one.
    #[error("`{value}` is no {what}")]
    Invalid {
        /// What it should be.
        what: &'static str,
        /// What it is.
        value: String,
    },
    /// The cloud was built without this zone.
    #[error("no subnets in the zone {zone}")]
    NoZone {
        /// Which one.
        zone: String,
    },
}

/// The subnets of a zone.
#[derive(Debug, Clone)]
pub struct ZoneSubnets {
    /// Where the instances are.
    pub nodes: SubnetId,
    /// Where pods are under custom networking.
    pub pods: SubnetId,
}

/// A VPC with a node and a pod subnet in each zone.
#[derive(Debug, Clone)]
pub struct Cloud {
    pub(crate) world: WorldHandle,
    /// The name of the cluster in tags.
    pub cluster: String,
    /// The VPC: 10.0.0.0/16 for nodes, 100.64.0.0/16 for pods.
    pub vpc: VpcId,
    /// The security group of nodes.
    pub node_group: SecurityGroupId,
    /// The security group of pods under custom networking.
    pub pod_group: SecurityGroupId,
    /// The subnets by zone.
    pub zones: BTreeMap<String, ZoneSubnets>,
}

impl Cloud {
    /// Makes it in a sandbox: a /20 for nodes and a /19 for pods in each zone, of which there may be eight.
    pub fn build(sandbox: &Sandbox, cluster: &str, zones: &[&str]) -> Result<Self, CloudError> {
        Self::build_with(sandbox, cluster, zones, 20)
    }

    /// The same with node subnets of this prefix length: /18 leaves room for four zones.
    pub fn build_with(
        sandbox: &Sandbox,
        cluster: &str,
        zones: &[&str],
        node_subnets: u8,
    ) -> Result<Self, CloudError> {
        let step = 1_usize << 24_u8.saturating_sub(node_subnets);
        let world = sandbox.world();
        world.clone().write(|now| {
            // A cluster of five thousand nodes has more than AWS's default of five thousand interfaces.
            now.quotas.interfaces = u32::MAX;
            let vpc = now
                .create_vpc(net("10.0.0.0/16")?, Tags::new())
                .map_err(refused("create the VPC"))?;
            now.associate_cidr(&vpc, net("100.64.0.0/16")?)
                .map_err(refused("add the block for pods"))?;
            let mut group = |name: &str| {
                now.create_group(&vpc, name, "of the test bed", Tags::new())
                    .map_err(refused("create a group"))
            };
            let (node_group, pod_group) = (group("nodes")?, group("pods")?);
            let mut subnets = BTreeMap::new();
            for (number, zone) in zones.iter().enumerate() {
                let of = |block: String| net(&block);
                let nodes = subnet(
                    now,
                    &vpc,
                    zone,
                    of(format!("10.0.{}.0/{node_subnets}", number * step))?,
                )?;
                let pods = subnet(now, &vpc, zone, of(format!("100.64.{}.0/19", number * 32))?)?;
                subnets.insert((*zone).to_owned(), ZoneSubnets { nodes, pods });
            }
            let cluster = cluster.to_owned();
            let new = NewCluster {
                name: cluster.clone(),
                version: None,
                role: "arn:aws:iam::123456789012:role/cluster".to_owned(),
                subnets: subnets.values().map(|zone| zone.nodes.clone()).collect(),
                groups: Vec::new(),
                access: Access::default(),
                ip_family: None,
                service_cidr: None,
                logging: BTreeSet::new(),
                deletion_protection: false,
                tags: Tags::new(),
            };
            now.create_cluster(new)
                .map_err(refused("create the EKS cluster"))?;
            now.rest();
            Ok(Self {
                world,
                cluster,
                vpc,
                node_group,
                pod_group,
                zones: subnets,
            })
        })
    }

    /// Launches an instance with its interfaces, and gives the node that it is; its pods get the addresses it holds.
    pub fn launch(
        &self,
        zone: &str,
        instance_type: &str,
        network: PodNetwork,
    ) -> Result<SimNode, CloudError> {
        let subnets = self.zones.get(zone).ok_or_else(|| CloudError::NoZone {
            zone: zone.to_owned(),
        })?;
        self.world.write(|now| {
            let want = network.want(now, instance_type);
            let primary = if network.custom {
                Want::default()
            } else {
                want.clone()
            };
            let data = LaunchData {
                image: Some("ami-00000000000000001".to_owned()),
                instance_type: Some(parsed("instance type", instance_type, InstanceType::parse)?),
                networks: vec![self.primary(&subnets.nodes, primary)],
                ..LaunchData::default()
            };
            let id = run(now, data)?;
            for device in 1..=network.secondary_interfaces {
                self.add_interface(now, &id, device, self.place(subnets, network), &want)?;
            }
            let address = now
                .instances
                .get(&id)
                .map_or(Ipv4Addr::UNSPECIFIED, |instance| instance.private_ip);
            let mut node = SimNode::ec2(0, zone)
                .instance(id.as_str(), address)
                .pods_from(pod_addresses(now, &id));
            instance_type.clone_into(&mut node.instance_type);
            Ok(node)
        })
    }

    /// The configuration document of an add-on of the cluster; none where it has no such add-on.
    pub fn addon_document(&self, name: &str) -> Option<String> {
        self.world.read(|now| {
            let addon = now.clusters.get(&self.cluster)?.addons.get(name)?;
            Some(addon.configuration_values.clone().unwrap_or_default())
        })
    }

    /// Changes the configuration document of an add-on, as a pipeline does.
    pub fn set_addon_document(&self, name: &str, document: &str) -> Result<(), CloudError> {
        let change = AddonChange {
            configuration_values: Some(document.to_owned()),
            ..AddonChange::default()
        };
        self.world.write(|now| {
            now.update_addon(&self.cluster, name, change, Vec::new())
                .map(drop)
                .map_err(refused("update the add-on"))
        })
    }

    /// Ends an instance.
    pub fn terminate(&self, instance: &str) -> Result<(), CloudError> {
        let id = parsed("instance id", instance, InstanceId::parse)?;
        self.world.write(|now| {
            now.terminate(&[id])
                .map(drop)
                .map_err(refused("terminate the instance"))
        })
    }

    /// The addresses that the interfaces of an instance hold for pods.
    pub fn pod_addresses(&self, instance: &str) -> Result<Vec<Ipv4Addr>, CloudError> {
        let id = parsed("instance id", instance, InstanceId::parse)?;
        Ok(self.world.read(|now| pod_addresses(now, &id)))
    }

    /// Gives an interface of an instance one more prefix, as ipamd does when it grows in prefix mode.
    pub fn add_prefix(&self, instance: &str, device: u32) -> Result<Grant, CloudError> {
        let id = parsed("instance id", instance, InstanceId::parse)?;
        self.world.write(|now| {
            let interface = now
                .instances
                .get(&id)
                .and_then(|instance| instance.interfaces.get(&(0, device)).cloned());
            let interface = interface.ok_or_else(|| CloudError::Invalid {
                what: "device of the instance",
                value: device.to_string(),
            })?;
            let want = Want {
                prefix_count: 1,
                ..Want::default()
            };
            now.assign(&interface, &want, false)
                .map_err(refused("assign a prefix"))
        })
    }

    /// What ipamd does when it starts in prefix mode on a node that gave single addresses before: one of them, unused,
    /// is given back, and a prefix takes its slot. An instance that has a prefix already is left alone.
    pub fn flip_to_prefixes(&self, instance: &str) -> Result<(), CloudError> {
        let id = parsed("instance id", instance, InstanceId::parse)?;
        self.world.write(|now| {
            let Some(instance) = now.instances.get(&id) else {
                return Ok(());
            };
            let held: Vec<EniId> = instance.interfaces.values().cloned().collect();
            let of = |eni: &EniId| now.interfaces.get(eni);
            if held
                .iter()
                .filter_map(of)
                .any(|interface| !interface.prefixes.is_empty())
            {
                return Ok(());
            }
            let with_address =
                |eni: &&EniId| of(eni).is_some_and(|interface| !interface.secondary.is_empty());
            let Some(eni) = held.iter().rev().find(with_address).cloned() else {
                return Ok(());
            };
            let free = now
                .interfaces
                .get(&eni)
                .and_then(|interface| interface.secondary.first().copied());
            let grant = Grant {
                addresses: free.into_iter().collect(),
                ..Grant::default()
            };
            now.unassign(&eni, &grant)
                .map_err(refused("give an address back"))?;
            let want = Want {
                prefix_count: 1,
                ..Want::default()
            };
            now.assign(&eni, &want, false)
                .map(drop)
                .map_err(refused("assign a prefix"))
        })
    }

    pub(crate) fn primary(&self, subnet: &SubnetId, want: Want) -> NetworkSpec {
        NetworkSpec {
            device_index: Some(0),
            subnet: Some(subnet.clone()),
            groups: vec![self.node_group.clone()],
            want,
            ..NetworkSpec::default()
        }
    }

    /// Where an interface for pods goes: its subnet and its group.
    pub(crate) fn place<'a>(
        &'a self,
        subnets: &'a ZoneSubnets,
        network: PodNetwork,
    ) -> (&'a SubnetId, &'a SecurityGroupId) {
        if network.custom {
            (&subnets.pods, &self.pod_group)
        } else {
            (&subnets.nodes, &self.node_group)
        }
    }

    pub(crate) fn add_interface(
        &self,
        now: &mut World,
        instance: &InstanceId,
        device: u32,
        (subnet, group): (&SubnetId, &SecurityGroupId),
        want: &Want,
    ) -> Result<EniId, CloudError> {
        // The description and the tags that ipamd writes.
        let tags = [
            ("node.k8s.amazonaws.com/instance_id", instance.as_str()),
            ("node.k8s.amazonaws.com/createdAt", "2026-11-21T00:00:00Z"),
            ("cluster.k8s.amazonaws.com/name", self.cluster.as_str()),
            ("eks:eni:owner", "amazon-vpc-cni"),
        ];
        let new = NewInterface {
            description: format!("aws-K8S-{instance}"),
            groups: vec![group.clone()],
            tags: tags
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
            ..NewInterface::in_subnet(subnet.clone())
        };
        let id = now
            .create_interface(new)
            .map_err(refused("create an interface"))?;
        let attachment = now
            .attach(&id, instance, device, 0)
            .map_err(refused("attach an interface"))?;
        now.set_delete_on_termination(&id, &attachment, true)
            .map_err(refused("let the interface go with the instance"))?;
        // After it is attached, when the limits of the type hold.
        now.assign(&id, want, false)
            .map_err(refused("assign addresses"))?;
        Ok(id)
    }
}

pub(crate) fn run(now: &mut World, data: LaunchData) -> Result<InstanceId, CloudError> {
    let new = NewInstances {
        data,
        min: 1,
        max: 1,
        ..NewInstances::default()
    };
    let made = now.run_instances(&new).map_err(refused("run an instance"))?;
    now.rest();
    made.into_iter().next().ok_or_else(|| CloudError::Invalid {
        what: "launch",
        value: "no instance".to_owned(),
    })
}

fn subnet(now: &mut World, vpc: &VpcId, zone: &str, cidr: Ipv4Net) -> Result<SubnetId, CloudError> {
    let zone = parsed("zone", zone, Zone::parse)?;
    now.create_subnet(vpc, cidr, Some(zone), Tags::new())
        .map_err(refused("create a subnet"))
}

fn pod_addresses(now: &World, instance: &InstanceId) -> Vec<Ipv4Addr> {
    let interfaces = now
        .instances
        .get(instance)
        .into_iter()
        .flat_map(|instance| instance.interfaces.values());
    interfaces
        .filter_map(|id| now.interfaces.get(id))
        .flat_map(|interface| {
            let blocks = interface.prefixes.iter().flat_map(|prefix| prefix.addresses());
            interface.secondary.iter().copied().chain(blocks)
        })
        .collect()
}

fn net(text: &str) -> Result<Ipv4Net, CloudError> {
    text.parse().map_err(|_| CloudError::Invalid {
        what: "network",
        value: text.to_owned(),
    })
}

pub(crate) fn parsed<T, E>(
    what: &'static str,
    text: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<T, CloudError> {
    parse(text).map_err(|_| CloudError::Invalid {
        what,
        value: text.to_owned(),
    })
}

pub(crate) fn refused(call: &'static str) -> impl Fn(ApiError) -> CloudError {
    move |error| CloudError::Refused {
        call,
        code: error.code().to_owned(),
        message: error.message().to_owned(),
    }
}
