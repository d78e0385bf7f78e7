//! What was seen when a change is reviewed: nodes, zones, subnets, workloads, and what could not be read.
//!
//! Everything the rules may use is here; a new fact is added here, and the compiler says that `observe` must supply it.

use crate::capacity::BlockMap;
use crate::ids::{
    EniConfigName, EniId, InstanceId, InstanceType, NodeName, SecurityGroupId, SubnetId, VpcId, Zone,
};
use crate::known::Known;
use crate::limits::InstanceLimits;
use std::collections::BTreeMap;
use std::fmt;

/// The IP family of a cluster, fixed at its creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IpFamily {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// The operating system of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Os {
    /// Linux.
    Linux,
    /// Windows: addresses come from the VPC resource controller, not from aws-node.
    Windows,
}

/// What a node runs on. aws-node runs on EC2 only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Compute {
    /// An instance of the user's.
    Ec2,
    /// Fargate.
    Fargate,
    /// EKS Auto Mode.
    AutoMode,
    /// EKS Hybrid Nodes.
    Hybrid,
}

/// Who makes and removes the nodes of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provider {
    /// An EKS managed node group.
    ManagedNodeGroup,
    /// An Auto Scaling group of the user's own.
    AutoScalingGroup,
    /// A Karpenter NodePool.
    Karpenter,
    /// None that we know.
    SelfManaged,
}

/// The group a node belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeGroup {
    /// Who makes its nodes.
    pub provider: Provider,
    /// Its name.
    pub name: String,
}

impl NodeGroup {
    /// The name of a group that could not be read.
    const UNKNOWN: &'static str = "unknown";

    /// Of a node of which nobody could tell yet who makes it. It is no node that nobody makes: that one would be emptied
    /// without a replacement.
    pub fn unknown() -> Self {
        Self {
            provider: Provider::SelfManaged,
            name: Self::UNKNOWN.to_owned(),
        }
    }

    /// Whether it could be told.
    pub fn is_known(&self) -> bool {
        self.provider != Provider::SelfManaged || self.name != Self::UNKNOWN
    }
}

impl fmt::Display for NodeGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.provider {
            Provider::ManagedNodeGroup => "nodegroup",
            Provider::AutoScalingGroup => "asg",
            Provider::Karpenter => "nodepool",
            Provider::SelfManaged if !self.is_known() => return f.write_str("unknown group"),
            Provider::SelfManaged => return f.write_str("self-managed"),
        };
        write!(f, "{kind}/{}", self.name)
    }
}

/// How a node gives addresses, as its interfaces show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeMode {
    /// Only secondary addresses.
    SecondaryIp,
    /// Only prefixes.
    Prefix,
    /// Both: changed in place.
    Mixed,
    /// Nothing to tell it by.
    Unknown,
}

/// What the interfaces of one node hold, from EC2.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EniFacts {
    /// Interfaces attached, the primary and the trunk included.
    pub attached: u32,
    /// Of those, interfaces that ipamd does not manage (`no_manage`, EFA only).
    pub unmanaged: u32,
    /// Whether one of them is a trunk.
    pub trunk: bool,
    /// Secondary IPv4 addresses, primaries not counted, over all managed interfaces.
    pub secondary_ips: u32,
    /// The same without the primary interface, which custom networking takes out of use.
    pub secondary_ips_not_primary: u32,
    /// /28 prefixes.
    pub prefixes: u32,
    /// Branch interfaces: pods with security groups of their own.
    pub branches: u32,
    /// Subnets of the managed interfaces other than the primary.
    pub pod_subnets: Vec<SubnetId>,
    /// The subnet of the primary interface.
    pub primary_subnet: Option<SubnetId>,
}

/// The pods of one node, hostNetwork pods left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NodePodFacts {
    /// Pods that hold an address.
    pub pods: u32,
    /// Of those, pods on branch interfaces.
    pub with_security_groups: u32,
    /// Of those, pods with an address on several network cards.
    pub multi_nic: u32,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeFacts {
    /// Its name.
    pub name: NodeName,
    /// Its operating system.
    pub os: Os,
    /// What it runs on.
    pub compute: Compute,
    /// Its instance.
    pub instance: Option<InstanceId>,
    /// Its type.
    pub instance_type: Option<InstanceType>,
    /// The limits of that type: our table, else DescribeInstanceTypes.
    pub limits: Known<InstanceLimits>,
    /// Its zone.
    pub zone: Option<Zone>,
    /// Its group.
    pub group: NodeGroup,
    /// How it gives addresses.
    pub mode: NodeMode,
    /// Its interfaces.
    pub enis: Known<EniFacts>,
    /// Its pods.
    pub pods: Known<NodePodFacts>,
    /// `status.allocatable.pods`: fixed when the kubelet started.
    pub max_pods: Option<u32>,
    /// Its labels: they can name an ENIConfig.
    pub labels: BTreeMap<String, String>,
    /// Its annotations, as far as they can name an ENIConfig.
    pub annotations: BTreeMap<String, String>,
}

impl NodeFacts {
    /// Whether aws-node runs there: Linux on EC2.
    pub fn takes_part(&self) -> bool {
        self.os == Os::Linux && self.compute == Compute::Ec2
    }
}

/// A zone that can receive a node, and why we think so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneFacts {
    /// The zone.
    pub zone: Zone,
    /// Nodes that take part there now.
    pub nodes: u32,
    /// Who can put one there: `nodegroup blue`, `NodePool default`.
    pub because: Vec<String>,
}

/// A subnet, from EC2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubnetFacts {
    /// Its id.
    pub id: SubnetId,
    /// Its VPC.
    pub vpc: VpcId,
    /// Its zone.
    pub zone: Zone,
    /// `AvailableIpAddressCount`: a cross-check, never the capacity.
    pub available: u32,
    /// The /28 map.
    pub blocks: Known<BlockMap>,
    /// Its tags, as far as subnet discovery reads them (`kubernetes.io/role/cni`, `cni.networking.k8s.aws/cluster/*`).
    pub tags: BTreeMap<String, String>,
}

/// A security group, from EC2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityGroupFacts {
    /// Its id.
    pub id: SecurityGroupId,
    /// Its VPC.
    pub vpc: VpcId,
}

/// The cluster as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterFacts {
    /// Its IP family.
    pub ip_family: Known<IpFamily>,
    /// The VPC of its nodes.
    pub vpc: Known<VpcId>,
    /// Whether the cluster role may manage branch interfaces: what it may do, not what its policy is called.
    pub may_manage_branches: Known<bool>,
}

/// What runs in the cluster, as far as rules ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkloadFacts {
    /// SecurityGroupPolicy objects.
    pub security_group_policies: Known<u32>,
    /// NetworkPolicy objects.
    pub network_policies: Known<u32>,
    /// Services with externalTrafficPolicy Local.
    pub local_traffic_services: Known<u32>,
    /// Whether NodeLocal DNS runs.
    pub node_local_dns: Known<bool>,
    /// Whether kube-proxy runs in IPVS mode.
    pub kube_proxy_ipvs: Known<bool>,
    /// Pods with TCP or HTTP probes on branch interfaces, where counted.
    pub probed_security_group_pods: Known<u32>,
}

/// Everything a review may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct World {
    /// The cluster.
    pub cluster: ClusterFacts,
    /// Its nodes, by name.
    pub nodes: Vec<NodeFacts>,
    /// Zones that can receive a node that takes part.
    pub zones: Vec<ZoneFacts>,
    /// Subnets of the VPC.
    pub subnets: Known<BTreeMap<SubnetId, SubnetFacts>>,
    /// Security groups of the VPC, and those that ENIConfigs name.
    pub security_groups: Known<BTreeMap<SecurityGroupId, SecurityGroupFacts>>,
    /// What runs.
    pub workloads: WorkloadFacts,
    /// Keys of the DaemonSet that a person wrote and no declared manager owns: what an overwrite would reset.
    pub hand_edits: Vec<String>,
    /// Interfaces whose owner or subnet could not be seen, for messages.
    pub invisible: Vec<EniId>,
    /// ENIConfigs that nodes use now: name to the number of nodes.
    pub eni_configs_in_use: BTreeMap<EniConfigName, u32>,
}

impl World {
    /// A cluster without nodes of which nothing was read.
    pub fn empty() -> Self {
        Self {
            cluster: ClusterFacts {
                ip_family: Known::not_read("the IP family"),
                vpc: Known::not_read("the VPC"),
                may_manage_branches: Known::not_read("the cluster role"),
            },
            nodes: Vec::new(),
            zones: Vec::new(),
            subnets: Known::not_read("the subnets"),
            security_groups: Known::not_read("the security groups"),
            workloads: WorkloadFacts {
                security_group_policies: Known::not_read("the SecurityGroupPolicies"),
                network_policies: Known::not_read("the NetworkPolicies"),
                local_traffic_services: Known::not_read("the Services"),
                node_local_dns: Known::not_read("NodeLocal DNS"),
                kube_proxy_ipvs: Known::not_read("the mode of kube-proxy"),
                probed_security_group_pods: Known::not_read("the pods"),
            },
            hand_edits: Vec::new(),
            invisible: Vec::new(),
            eni_configs_in_use: BTreeMap::new(),
        }
    }
}
