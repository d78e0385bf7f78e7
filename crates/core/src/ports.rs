//! The world outside as narrow traits in domain types. Errors are sorted by what the caller can do.

pub mod groups;
pub mod node;
mod table;

use crate::datapath::{Change, CleanUp, Desired, Link, Mac, Route, Rule};
use crate::ids::{EniId, InstanceId, InstanceType, SecurityGroupId, SubnetId, VpcId, Zone};
use crate::known::Known;
use crate::limits::InstanceLimits;
use crate::net::{Ipv4Net, Ipv4Prefix};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;

/// What a caller can do about a failed call to the cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CloudErrorKind {
    /// Somebody must grant a permission, or credentials are missing.
    Denied,
    /// Wait and call less.
    Throttled,
    /// No answer in time: the effect is unknown.
    TimedOut,
    /// The endpoint was not reached.
    Unreachable,
    /// The thing does not exist.
    NotFound,
    /// The request was wrong: a mistake of ours, or of the configuration.
    Invalid,
    /// Their fault: try again.
    Internal,
}

/// A failed call to the cloud.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to call {action}: {code}: {message}")]
pub struct CloudError {
    /// What the caller can do.
    pub kind: CloudErrorKind,
    /// The API action, such as `ec2:DescribeSubnets`.
    pub action: &'static str,
    /// The code AWS gave, or a word of ours for what failed before an answer came.
    pub code: String,
    /// What it said.
    pub message: String,
}

impl CloudError {
    /// A bounded label for metrics and conditions.
    pub fn category(&self) -> &'static str {
        match self.kind {
            CloudErrorKind::Denied => "denied",
            CloudErrorKind::Throttled => "throttled",
            CloudErrorKind::TimedOut => "timed_out",
            CloudErrorKind::Unreachable => "unreachable",
            CloudErrorKind::NotFound => "not_found",
            CloudErrorKind::Invalid => "invalid",
            CloudErrorKind::Internal => "internal",
        }
    }
}

/// The answer of a port: boxed, so that the traits can be used as `dyn`.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, CloudError>> + Send + 'a>>;

/// A subnet as EC2 describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// Its id.
    pub id: SubnetId,
    /// Its VPC.
    pub vpc: VpcId,
    /// Its zone.
    pub zone: Zone,
    /// Its IPv4 network.
    pub cidr: Ipv4Net,
    /// `AvailableIpAddressCount`.
    pub available: u32,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The account that owns it; a RAM-shared subnet has another than ours.
    pub owner: String,
}

/// The kind of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EniKind {
    /// An ordinary interface.
    Interface,
    /// A trunk.
    Trunk,
    /// A branch of a trunk.
    Branch,
    /// An EFA that also carries IP.
    Efa,
    /// An EFA that carries no IP.
    EfaOnly,
    /// Anything else: a load balancer, a NAT gateway, an endpoint.
    Other,
}

/// Where an interface is attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The instance.
    pub instance: InstanceId,
    /// 0 is the primary interface.
    pub device_index: u32,
    /// The network card.
    pub network_card: u32,
}

/// A network interface as EC2 describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Eni {
    /// Its id.
    pub id: EniId,
    /// Its kind.
    pub kind: EniKind,
    /// Its subnet.
    pub subnet: SubnetId,
    /// Where it is attached.
    pub attachment: Option<Attachment>,
    /// Its primary address.
    pub primary_ip: Option<Ipv4Addr>,
    /// Its secondary addresses.
    pub secondary_ips: Vec<Ipv4Addr>,
    /// Its prefixes.
    pub prefixes: Vec<Ipv4Prefix>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its groups.
    pub security_groups: Vec<SecurityGroupId>,
}

/// What a reservation of a range in a subnet is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReservationKind {
    /// For prefixes: single addresses are not chosen from it.
    Prefix,
    /// For explicit requests: nothing is chosen from it.
    Explicit,
}

/// A CIDR reservation of a subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// The range.
    pub cidr: Ipv4Net,
    /// What it is for.
    pub kind: ReservationKind,
}

/// A security group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityGroup {
    /// Its id.
    pub id: SecurityGroupId,
    /// Its VPC.
    pub vpc: VpcId,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// An instance, as far as it tells type and VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// Its type.
    pub instance_type: InstanceType,
    /// Its VPC.
    pub vpc: VpcId,
    /// The subnet of its primary interface.
    pub subnet: SubnetId,
    /// Its tags: an Auto Scaling group names itself there.
    pub tags: BTreeMap<String, String>,
}

/// Reading EC2. Every call reads all pages; implementations time out and back off, callers only see the outcome.
pub trait Ec2: Send + Sync + std::fmt::Debug {
    /// The subnets of a VPC.
    fn subnets<'a>(&'a self, vpc: &'a VpcId) -> Answer<'a, Vec<Subnet>>;
    /// These subnets, wherever they are; one that does not exist is left out.
    fn subnets_by_id<'a>(&'a self, ids: &'a [SubnetId]) -> Answer<'a, Vec<Subnet>>;
    /// The reservations of a subnet.
    fn reservations<'a>(&'a self, subnet: &'a SubnetId) -> Answer<'a, Vec<Reservation>>;
    /// Every interface of a VPC, whoever owns it.
    fn interfaces<'a>(&'a self, vpc: &'a VpcId) -> Answer<'a, Vec<Eni>>;
    /// The interfaces that are attached to these instances.
    fn interfaces_of<'a>(&'a self, instances: &'a [InstanceId]) -> Answer<'a, Vec<Eni>>;
    /// The security groups of a VPC.
    fn security_groups<'a>(&'a self, vpc: &'a VpcId) -> Answer<'a, Vec<SecurityGroup>>;
    /// These groups, wherever they are; one that does not exist is left out.
    fn security_groups_by_id<'a>(&'a self, ids: &'a [SecurityGroupId]) -> Answer<'a, Vec<SecurityGroup>>;
    /// These instances; one that does not exist is left out.
    fn instances<'a>(&'a self, ids: &'a [InstanceId]) -> Answer<'a, Vec<Instance>>;
    /// The limits of types our table does not have.
    fn instance_types<'a>(
        &'a self,
        types: &'a [InstanceType],
    ) -> Answer<'a, BTreeMap<InstanceType, InstanceLimits>>;
}

/// An EKS add-on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addon {
    /// Its version, such as `v1.23.0-eksbuild.1`.
    pub version: String,
    /// Its status, such as `ACTIVE`.
    pub status: String,
    /// Its configuration document as text.
    pub configuration_values: Option<String>,
    /// What EKS says is wrong with it: a code and a sentence each.
    pub issues: Vec<String>,
}

/// What becomes of values in the cluster that differ from what an add-on would write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResolveConflicts {
    /// The update fails.
    None,
    /// They are overwritten.
    Overwrite,
}

/// A change of an add-on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddonUpdate {
    /// The cluster.
    pub cluster: String,
    /// The add-on.
    pub name: String,
    /// The version to change to; none leaves it.
    pub version: Option<String>,
    /// The whole configuration document.
    pub configuration_values: String,
    /// What becomes of values that others changed.
    pub resolve_conflicts: ResolveConflicts,
    /// The same token with the same change is the same update.
    pub token: String,
}

/// A managed node group, as far as it tells where nodes can come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nodegroup {
    /// Its name.
    pub name: String,
    /// The subnets of its nodes.
    pub subnets: Vec<SubnetId>,
    /// The most nodes it may have.
    pub max_size: u32,
}

/// The node groups of a cluster, or why they are not known.
pub type Nodegroups = Known<Vec<Nodegroup>>;

/// EKS.
pub trait Eks: Send + Sync + std::fmt::Debug {
    /// The names of the node groups of a cluster.
    fn nodegroups<'a>(&'a self, cluster: &'a str) -> Answer<'a, Vec<String>>;
    /// A node group, or none where it is gone by now.
    fn nodegroup<'a>(&'a self, cluster: &'a str, name: &'a str) -> Answer<'a, Option<Nodegroup>>;
    /// The add-on, or none where the cluster has it not.
    fn addon<'a>(&'a self, cluster: &'a str, name: &'a str) -> Answer<'a, Option<Addon>>;
    /// The versions of an add-on that a Kubernetes version such as `1.35` can run.
    fn addon_versions<'a>(&'a self, name: &'a str, kubernetes: &'a str) -> Answer<'a, Vec<String>>;
    /// Changes an add-on, and gives the id of the update; it is done when the add-on says so.
    fn update_addon<'a>(&'a self, update: &'a AddonUpdate) -> Answer<'a, String>;
}

/// A failed call to the kernel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KernelError {
    /// The kernel said no.
    #[error("failed to {call} {object}: {reason}")]
    Call {
        /// What was to be done.
        call: &'static str,
        /// To what.
        object: String,
        /// The kernel's number for it.
        errno: i32,
        /// The kernel's words.
        reason: String,
    },
    /// The kernel cannot make such a thing: a module is missing.
    #[error("the kernel has no {what}")]
    Unsupported {
        /// What it lacks, such as `VLAN links`.
        what: &'static str,
    },
    /// A link is not there.
    #[error("there is no link {name}")]
    NoLink {
        /// Its name or its Ethernet address.
        name: String,
    },
    /// There is no such namespace.
    #[error("there is no network namespace {path}")]
    NoNamespace {
        /// Its path.
        path: String,
    },
    /// What the kernel sent could not be understood.
    #[error("the kernel's answer to {call} is not understood: {reason}")]
    Answer {
        /// What was asked.
        call: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// What another agent left cannot be removed.
    #[error("what another agent left stays: {reason}")]
    LeftBehind {
        /// Why.
        reason: String,
    },
    /// All changes were made, and the kernel is still not as it should be.
    #[error("the kernel did not keep: {left}")]
    NotKept {
        /// The changes that would be needed.
        left: String,
    },
}

/// The kernel of one network namespace. Calls block for microseconds, not for a network.
pub trait Kernel: Send + Sync + std::fmt::Debug {
    /// All links.
    fn links(&self) -> Result<Vec<Link>, KernelError>;
    /// The unicast routes of a table, of both families.
    fn routes(&self, table: u32) -> Result<Vec<Route>, KernelError>;
    /// The rules that lead to a table, of both families.
    fn rules(&self) -> Result<Vec<Rule>, KernelError>;
    /// What is to change so that the kernel is as desired.
    fn plan(&self, desired: &Desired) -> Result<Vec<Change>, KernelError>;
    /// Makes the changes, reads back, and gives what was changed; nothing where all is as desired.
    fn apply(&self, desired: &Desired) -> Result<Vec<Change>, KernelError>;
    /// Removes what is ours: the way back to the stock agent. Links of pods die with their pods.
    fn clean(&self, how: CleanUp) -> Result<Vec<Change>, KernelError>;
    /// Removes what the stock agent left that does once more what is ours, where ours is there already; gives what was
    /// removed, in words.
    fn take_over(&self) -> Result<Vec<String>, KernelError>;
    /// Forgets connections of addresses whose pods have ended: for minutes the next pod of an address would get the
    /// answers meant for the last one. Gives how many there were.
    fn forget(&self, addresses: &BTreeSet<IpAddr>) -> Result<usize, KernelError>;

    /// The link with this Ethernet address.
    fn link_by_mac(&self, mac: Mac) -> Result<Option<Link>, KernelError> {
        Ok(self.links()?.into_iter().find(|link| link.mac == Some(mac)))
    }
}
