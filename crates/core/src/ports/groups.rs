//! Groups of nodes and what they launch from: Auto Scaling groups, launch templates, EKS managed node groups.
//!
//! Every method is one question or one change. Changes are not tried again by callers without a look: each says what
//! makes a second try harmless.

use super::Answer;
use crate::ids::{InstanceId, InstanceType, LaunchTemplateId, SubnetId, Zone};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// How many instances a group may have, and how many it is to have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupSize {
    /// At least.
    pub min: u32,
    /// At most.
    pub max: u32,
    /// Wanted now.
    pub desired: u32,
}

/// A launch template at a version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TemplateRef {
    /// The template.
    pub id: LaunchTemplateId,
    /// The version: a number, `$Latest` or `$Default`.
    pub version: String,
}

/// What an Auto Scaling group launches from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LaunchSource {
    /// A launch template.
    Template(TemplateRef),
    /// A mixed instances policy.
    Mixed {
        /// The template of all types that have none of their own.
        template: TemplateRef,
        /// The types it may launch; empty where they are chosen by their properties.
        types: Vec<InstanceType>,
        /// The templates that single types have of their own.
        own: Vec<TemplateRef>,
    },
    /// A launch configuration, which cannot be changed.
    Configuration(String),
    /// Nothing that is known.
    Unknown,
}

impl LaunchSource {
    /// The template of the group, where it has one.
    pub fn template(&self) -> Option<&TemplateRef> {
        match self {
            Self::Template(template) | Self::Mixed { template, .. } => Some(template),
            Self::Configuration(_) | Self::Unknown => None,
        }
    }
}

/// Where an instance of an Auto Scaling group is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MemberState {
    /// It is being launched.
    Pending,
    /// It serves.
    InService,
    /// It is being ended or taken out.
    Leaving,
    /// In standby, in the warm pool, or anywhere else that does not count as serving.
    Aside,
}

/// An instance of an Auto Scaling group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The instance.
    pub id: InstanceId,
    /// Its zone.
    pub zone: Zone,
    /// Its type.
    pub instance_type: Option<InstanceType>,
    /// Where it is in its life.
    pub state: MemberState,
    /// Whether its health checks pass.
    pub healthy: bool,
    /// Whether it is protected from scale-in.
    pub protected: bool,
    /// What it was launched from; the version is a number.
    pub template: Option<TemplateRef>,
}

/// An Auto Scaling group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScalingGroup {
    /// Its name.
    pub name: String,
    /// Its size.
    pub size: GroupSize,
    /// What it launches from.
    pub launch: LaunchSource,
    /// The subnets it launches into.
    pub subnets: Vec<SubnetId>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The processes that are suspended, such as `AZRebalance`.
    pub suspended: BTreeSet<String>,
    /// Whether new instances are protected from scale-in.
    pub protects_new: bool,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Its instances.
    pub members: Vec<Member>,
}

/// Auto Scaling groups. Every list is read to its end.
pub trait AutoScaling: Send + Sync + std::fmt::Debug {
    /// These groups with their instances; one that does not exist is left out.
    fn groups<'a>(&'a self, names: &'a [String]) -> Answer<'a, Vec<ScalingGroup>>;
    /// The groups of these instances; one that is in none is left out.
    fn groups_of<'a>(&'a self, instances: &'a [InstanceId]) -> Answer<'a, BTreeMap<InstanceId, String>>;
    /// Sets how many instances a group is to have. The same number again changes nothing.
    fn set_desired<'a>(&'a self, group: &'a str, desired: u32) -> Answer<'a, ()>;
    /// Sets the least and the most; none leaves it. The same again changes nothing.
    fn set_bounds<'a>(&'a self, group: &'a str, min: Option<u32>, max: Option<u32>) -> Answer<'a, ()>;
    /// Protects instances from scale-in, or no longer. The same again changes nothing.
    fn protect<'a>(&'a self, group: &'a str, instances: &'a [InstanceId], on: bool) -> Answer<'a, ()>;
    /// Suspends these processes. The same again changes nothing.
    fn suspend<'a>(&'a self, group: &'a str, processes: &'a [String]) -> Answer<'a, ()>;
    /// Resumes these processes. The same again changes nothing.
    fn resume<'a>(&'a self, group: &'a str, processes: &'a [String]) -> Answer<'a, ()>;
    /// Ends this very instance, and wants one less where asked to. A second try of one on its way is an error, and takes
    /// nothing else.
    fn terminate<'a>(&'a self, instance: &'a InstanceId, decrement: bool) -> Answer<'a, ()>;
    /// Launches from this template from now on; a mixed instances policy keeps everything else.
    fn use_template<'a>(&'a self, group: &'a str, template: &'a TemplateRef) -> Answer<'a, ()>;
    /// Sets tags of the group that its instances do not get.
    fn tag<'a>(&'a self, group: &'a str, tags: &'a BTreeMap<String, String>) -> Answer<'a, ()>;
    /// Removes tags of the group. One that is not there is no error.
    fn untag<'a>(&'a self, group: &'a str, keys: &'a [String]) -> Answer<'a, ()>;
}

/// A version of a launch template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateVersion {
    /// The template.
    pub id: LaunchTemplateId,
    /// Its name.
    pub name: String,
    /// Who made the version: the ARN of a role or user.
    pub created_by: String,
    /// The number of the version.
    pub number: u64,
    /// The version that `$Default` stands for.
    pub default: u64,
    /// The version that `$Latest` stands for.
    pub latest: u64,
    /// The tags of the template: who owns it is told there.
    pub tags: BTreeMap<String, String>,
    /// The user data, base64 as EC2 keeps it.
    pub user_data: Option<String>,
    /// The image, where the template names one.
    pub image: Option<String>,
    /// The type, where the template names one.
    pub instance_type: Option<InstanceType>,
    /// What was said of the version.
    pub description: Option<String>,
}

/// A new version: its source with other user data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewVersion {
    /// The template.
    pub id: LaunchTemplateId,
    /// The version everything else is taken from.
    pub source: u64,
    /// The user data, base64.
    pub user_data: String,
    /// What it is for.
    pub description: String,
    /// The same token with the same content is the same version.
    pub token: String,
}

/// A new launch template with nothing but what is said here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTemplate {
    /// Its name.
    pub name: String,
    /// The user data, base64.
    pub user_data: String,
    /// The root volume, as the name of its device and its size in GiB.
    pub volume: Option<(String, u32)>,
    /// The tags of the template.
    pub tags: BTreeMap<String, String>,
    /// The same token with the same content is the same template.
    pub token: String,
}

/// Launch templates.
pub trait LaunchTemplates: Send + Sync + std::fmt::Debug {
    /// A version with its template, or none where either does not exist.
    fn template_version<'a>(&'a self, which: &'a TemplateRef) -> Answer<'a, Option<TemplateVersion>>;
    /// Makes a version, and gives its number.
    fn create_version<'a>(&'a self, new: &'a NewVersion) -> Answer<'a, u64>;
    /// Makes a template, and gives it at its first version.
    fn create_template<'a>(&'a self, new: &'a NewTemplate) -> Answer<'a, TemplateRef>;
}

/// What EKS says is wrong, in its own code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupIssue {
    /// The code, such as `PodEvictionFailure`.
    pub code: String,
    /// The sentence.
    pub message: String,
    /// What it is about.
    pub resources: Vec<String>,
}

/// Where a managed node group is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManagedStatus {
    /// It is being made.
    Creating,
    /// It is as it should be.
    Active,
    /// EKS is changing it.
    Updating,
    /// It is being deleted.
    Deleting,
    /// It could not be made.
    CreateFailed,
    /// It could not be deleted.
    DeleteFailed,
    /// Something of it is missing or wrong.
    Degraded,
    /// A word that is not known here.
    Other(String),
}

/// How many nodes EKS may take out at once in an update of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtOnce {
    /// So many.
    Nodes(u32),
    /// So many in a hundred.
    Percent(u32),
}

/// A taint of a group's nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupTaint {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: Option<String>,
    /// Its effect in EKS's words, such as `NO_SCHEDULE`.
    pub effect: String,
}

/// An EKS managed node group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedGroup {
    /// Its name.
    pub name: String,
    /// Where it is in its life.
    pub status: ManagedStatus,
    /// Its size.
    pub size: GroupSize,
    /// The Auto Scaling groups it is made of.
    pub scaling_groups: Vec<String>,
    /// The launch template the user gave; EKS's own is not told.
    pub template: Option<TemplateRef>,
    /// Its kind of image, such as `AL2023_x86_64_STANDARD` or `CUSTOM`.
    pub ami_type: Option<String>,
    /// The Kubernetes version, where EKS chooses the image.
    pub version: Option<String>,
    /// The release of the image, where EKS chooses it.
    pub release: Option<String>,
    /// Its types, where its template does not name one.
    pub instance_types: Vec<InstanceType>,
    /// The subnets of its nodes.
    pub subnets: Vec<SubnetId>,
    /// The size of the volume in GiB, where its template does not name one.
    pub disk_gib: Option<u32>,
    /// Whether EKS opens SSH to its nodes.
    pub remote_access: bool,
    /// How many nodes EKS takes out at once.
    pub at_once: Option<AtOnce>,
    /// The labels of its nodes.
    pub labels: BTreeMap<String, String>,
    /// The taints of its nodes.
    pub taints: Vec<GroupTaint>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// What is wrong with it.
    pub issues: Vec<GroupIssue>,
}

/// A node group like another one, from another launch template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeGroupCopy {
    /// The cluster.
    pub cluster: String,
    /// The group whose settings it gets.
    pub like: String,
    /// Its name.
    pub name: String,
    /// What it launches from; none takes what the other one launches from.
    pub template: Option<TemplateRef>,
    /// Its size.
    pub size: GroupSize,
    /// Tags beside those of the other one.
    pub tags: BTreeMap<String, String>,
    /// The same token with the same content is the same group.
    pub token: String,
}

/// A roll of a node group by EKS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeGroupRoll {
    /// The cluster.
    pub cluster: String,
    /// The group.
    pub name: String,
    /// The launch template to go to; none takes the newest image instead.
    pub template: Option<TemplateRef>,
    /// The same token with the same content is the same update.
    pub token: String,
}

/// How an update of EKS stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateState {
    /// Under way.
    InProgress,
    /// Done.
    Successful,
    /// Ended without success.
    Failed,
    /// Given up.
    Cancelled,
}

/// An update of EKS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupUpdate {
    /// How it stands.
    pub state: UpdateState,
    /// When it was begun.
    pub created: Timestamp,
    /// What went wrong.
    pub issues: Vec<GroupIssue>,
}

/// EKS managed node groups.
pub trait NodeGroups: Send + Sync + std::fmt::Debug {
    /// A node group, or none where the cluster has it not.
    fn managed_group<'a>(&'a self, cluster: &'a str, name: &'a str) -> Answer<'a, Option<ManagedGroup>>;
    /// Makes a node group like another one.
    fn create_like<'a>(&'a self, copy: &'a NodeGroupCopy) -> Answer<'a, ()>;
    /// Changes its size, and gives the id of the update. Another update under way is an error.
    fn resize<'a>(&'a self, cluster: &'a str, name: &'a str, size: GroupSize) -> Answer<'a, String>;
    /// Rolls its nodes, and gives the id of the update; EKS cannot be stopped then.
    fn roll<'a>(&'a self, roll: &'a NodeGroupRoll) -> Answer<'a, String>;
    /// How an update stands, or none where there is no such update.
    fn group_update<'a>(
        &'a self,
        cluster: &'a str,
        name: &'a str,
        id: &'a str,
    ) -> Answer<'a, Option<GroupUpdate>>;
    /// Begins to delete a node group with all its nodes. One that is gone is no error.
    fn delete_group<'a>(&'a self, cluster: &'a str, name: &'a str) -> Answer<'a, ()>;
}

/// A token by which AWS knows a request again: the same parts are the same request.
pub fn request_token(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        // No part holds this byte: AB and C are not A and BC.
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let digest = hash.finalize();
    let mut token = "vpccni-".to_owned();
    for byte in digest.iter().take(16) {
        // Writing to a String cannot fail.
        if write!(token, "{byte:02x}").is_err() {
            break;
        }
    }
    token
}
