//! Managed node groups. Each owns an Auto Scaling group of the sandbox with a launch template that EKS makes, and so real
//! instances. There is no Kubernetes here: that a node joins and that its pods go is taken for granted unless the test
//! bed says otherwise (`Nodes`), and what is asked of nodes is told as events.
//!
//! Sources: the EKS user guide ("Managed node group update behavior", "Customizing managed nodes with launch
//! templates") and API reference. Not modelled: the lifecycle hooks that EKS puts on its groups, and user data.

mod ami;
mod change;
mod make;
mod roll;
mod step;
mod template;

pub use change::NodegroupChange;
pub use make::NewNodegroup;
pub use roll::NodegroupVersion;

use super::updates::{Issue, Subject};
use super::{Due, Tags, TemplateKey, World};
use crate::error::{ApiError, Code};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use vpccni_core::ids::{InstanceId, InstanceType, SubnetId};

/// How far a node group is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are AWS's own")]
pub enum NodegroupStatus {
    Creating,
    Active,
    Updating,
    Deleting,
    CreateFailed,
    Degraded,
}

impl NodegroupStatus {
    /// The status as AWS writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Active => "ACTIVE",
            Self::Updating => "UPDATING",
            Self::Deleting => "DELETING",
            Self::CreateFailed => "CREATE_FAILED",
            Self::Degraded => "DEGRADED",
        }
    }
}

/// How many nodes there shall be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are AWS's own")]
pub struct Sizes {
    pub min: u32,
    pub max: u32,
    pub desired: u32,
}

/// How many nodes an update may take at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxUnavailable {
    /// So many.
    Nodes(u32),
    /// So many per cent of the group, rounded up.
    Percent(u32),
}

impl MaxUnavailable {
    /// So many of a group of this size; one at least.
    pub fn of(self, size: u32) -> u32 {
        match self {
            Self::Nodes(count) => count,
            Self::Percent(share) => size.saturating_mul(share).div_ceil(100),
        }
        .max(1)
    }
}

/// How an update goes about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpdateRules {
    /// How many nodes at once.
    pub max_unavailable: MaxUnavailable,
    /// `MINIMAL`: nodes go before their replacements come, and no more are launched than there were.
    pub minimal: bool,
}

/// A taint of the nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of Kubernetes")]
pub struct Taint {
    pub key: String,
    pub value: Option<String>,
    pub effect: String,
}

/// What the test bed says of the nodes of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nodes {
    /// Whether instances become nodes.
    pub join: bool,
    /// Whether pods go when a node is drained.
    pub evict: bool,
}

/// The launch template that the user gave: its id and name, and the version by its number.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct UserTemplate {
    pub id: String,
    pub name: String,
    pub version: u64,
}

/// A managed node group.
#[derive(Debug, Clone)]
pub struct Nodegroup {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its cluster.
    pub cluster: String,
    /// How far it is.
    pub status: NodegroupStatus,
    /// What is wrong with it.
    pub issues: Vec<Issue>,
    /// Its Kubernetes version.
    pub version: String,
    /// The release of its image; the image's id where the user's template has one.
    pub release: String,
    /// The kind of its image; `CUSTOM` where the user's template has one.
    pub ami_type: String,
    /// Whether its instances are spot ones.
    pub spot: bool,
    /// The types, the best first; empty where the user's template has one.
    pub instance_types: Vec<InstanceType>,
    /// In GiB; none where the user's template says it.
    pub disk_size: Option<u32>,
    /// Where its instances are.
    pub subnets: Vec<SubnetId>,
    /// The role of its nodes.
    pub role: String,
    /// Labels of its nodes.
    pub labels: BTreeMap<String, String>,
    /// Taints of its nodes.
    pub taints: Vec<Taint>,
    /// How many there shall be.
    pub sizes: Sizes,
    /// How updates go about it.
    pub rules: UpdateRules,
    /// The template that the user gave.
    pub user_template: Option<UserTemplate>,
    /// EKS's own launch template.
    pub template: TemplateKey,
    /// The version of it that new instances have.
    pub template_version: u64,
    /// Its Auto Scaling group.
    pub scaling_group: String,
    /// The pods that a new node takes: what the test bed says of the CNI, or EKS's own reckoning.
    pub max_pods: u32,
    /// What the test bed says of its nodes.
    pub nodes: Nodes,
    /// Its tags.
    pub tags: Tags,
    /// Since when.
    pub created: Timestamp,
    /// When it changed last.
    pub modified: Timestamp,
    /// Until when it may wait for its instances.
    pub(super) deadline: Timestamp,
    /// Instances that were told as nodes.
    pub(super) told: BTreeSet<InstanceId>,
    pub(super) roll: Option<roll::Roll>,
}

impl Nodegroup {
    /// AWS refuses a change while another one is made.
    fn idle(&self) -> Result<(), ApiError> {
        match self.status {
            NodegroupStatus::Active | NodegroupStatus::Degraded => Ok(()),
            _ => Err(ApiError::new(
                Code::EksResourceInUse,
                "Nodegroup cannot be updated as it is currently not in Active State",
            )),
        }
    }

    fn subject(&self) -> Subject {
        Subject::Nodegroup(self.name.clone())
    }
}

impl World {
    /// A node group.
    pub fn nodegroup(&self, cluster: &str, name: &str) -> Result<&Nodegroup, ApiError> {
        self.cluster(cluster)?
            .nodegroups
            .get(name)
            .ok_or_else(|| no_nodegroup(name, cluster))
    }

    fn nodegroup_mut(&mut self, cluster: &str, name: &str) -> Result<&mut Nodegroup, ApiError> {
        self.cluster_mut(cluster)?
            .nodegroups
            .get_mut(name)
            .ok_or_else(|| no_nodegroup(name, cluster))
    }

    fn wake_nodegroup(&mut self, delay: Duration, cluster: &str, name: &str) {
        let due = Due::Nodegroup {
            cluster: cluster.to_owned(),
            nodegroup: name.to_owned(),
        };
        self.after(delay, due);
    }

    /// An Auto Scaling group did something: the node group that owns it looks.
    pub(super) fn tell_nodegroup(&mut self, scaling_group: &str) {
        if let Some((cluster, name)) = self.nodegroup_owners.get(scaling_group).cloned() {
            self.step_nodegroup(&cluster, &name);
        }
    }

    /// Says what becomes of the nodes of a group.
    pub fn set_nodes(&mut self, cluster: &str, name: &str, nodes: Nodes) -> Result<(), ApiError> {
        self.nodegroup_mut(cluster, name)?.nodes = nodes;
        self.wake_nodegroup(Duration::ZERO, cluster, name);
        Ok(())
    }

    /// Says how many pods nodes take as the CNI of a cluster is set up now; node groups take it when they make or change
    /// their launch template, so nodes that are there keep theirs. None goes back to EKS's own reckoning.
    pub fn set_max_pods(&mut self, cluster: &str, pods: Option<u32>) -> Result<(), ApiError> {
        self.cluster_mut(cluster)?.max_pods = pods;
        Ok(())
    }
}

fn no_nodegroup(name: &str, cluster: &str) -> ApiError {
    ApiError::new(
        Code::EksResourceNotFound,
        format!("No node group found for name: {name} in cluster: {cluster}."),
    )
}
