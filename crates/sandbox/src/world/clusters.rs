//! EKS clusters: their life, and what can be changed about them.

use super::eks_rules::{eks_tags, invalid};
use super::updates::{Subject, Update};
use super::{ACCOUNT, Addon, Due, Nodegroup, PodIdentity, Tags, World};
use crate::error::{ApiError, Code};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use vpccni_core::ids::{SecurityGroupId, SubnetId, VpcId};

/// The Kubernetes version of a cluster that names none.
const DEFAULT_VERSION: &str = "1.35";

/// How far a cluster is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are AWS's own")]
pub enum ClusterStatus {
    Creating,
    Active,
    Updating,
    Deleting,
}

impl ClusterStatus {
    /// The status as AWS writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Active => "ACTIVE",
            Self::Updating => "UPDATING",
            Self::Deleting => "DELETING",
        }
    }
}

/// Who reaches the API server from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// From the internet.
    pub public: bool,
    /// From the VPC.
    pub private: bool,
    /// From where in the internet.
    pub public_cidrs: Vec<String>,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            public: true,
            private: false,
            public_cidrs: vec!["0.0.0.0/0".to_owned()],
        }
    }
}

/// A cluster.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// How far it is.
    pub status: ClusterStatus,
    /// Its Kubernetes version.
    pub version: String,
    /// Its role.
    pub role: String,
    /// Its VPC.
    pub vpc: VpcId,
    /// Its subnets.
    pub subnets: Vec<SubnetId>,
    /// Groups it was given.
    pub groups: Vec<SecurityGroupId>,
    /// The group that EKS makes.
    pub cluster_group: SecurityGroupId,
    /// Who reaches its API server.
    pub access: Access,
    /// Where its API server is.
    pub endpoint: String,
    /// The certificate authority of its API server, in base64.
    pub authority: String,
    /// The id of its OpenID Connect issuer.
    pub oidc: String,
    /// `ipv4` or `ipv6`.
    pub ip_family: String,
    /// The range of its services.
    pub service_cidr: String,
    /// The kinds of logs of the control plane that are on.
    pub logging: BTreeSet<String>,
    /// Whether DeleteCluster is refused.
    pub deletion_protection: bool,
    /// Its tags.
    pub tags: Tags,
    /// Since when.
    pub created: Timestamp,
    /// Its add-ons.
    pub addons: BTreeMap<String, Addon>,
    /// Its node groups.
    pub nodegroups: BTreeMap<String, Nodegroup>,
    /// The pods that a new node takes as the CNI is set up now, if the test bed says so.
    pub max_pods: Option<u32>,
    /// Its pod identity associations by id.
    pub identities: BTreeMap<String, PodIdentity>,
    /// Its updates, and those of what it has, the oldest first.
    pub updates: Vec<Update>,
}

/// What CreateCluster asks for.
#[derive(Debug, Clone)]
pub struct NewCluster {
    /// The name.
    pub name: String,
    /// The Kubernetes version.
    pub version: Option<String>,
    /// The role.
    pub role: String,
    /// Subnets in two zones at least.
    pub subnets: Vec<SubnetId>,
    /// Groups.
    pub groups: Vec<SecurityGroupId>,
    /// Who reaches its API server.
    pub access: Access,
    /// `ipv4` or `ipv6`.
    pub ip_family: Option<String>,
    /// The range of the services.
    pub service_cidr: Option<String>,
    /// The kinds of logs that are on.
    pub logging: BTreeSet<String>,
    /// Whether DeleteCluster is refused.
    pub deletion_protection: bool,
    /// Tags.
    pub tags: Tags,
}

/// A change of a cluster.
#[derive(Debug, Clone)]
pub enum ClusterChange {
    /// Another Kubernetes version.
    Version(String),
    /// Who reaches the API server.
    Access(Access),
    /// Its subnets and groups.
    Network(Vec<SubnetId>, Vec<SecurityGroupId>),
    /// The kinds of logs that are on.
    Logging(BTreeSet<String>),
    /// Whether DeleteCluster is refused.
    DeletionProtection(bool),
}

impl World {
    /// Makes a cluster, with the security group that EKS makes for it.
    pub fn create_cluster(&mut self, new: NewCluster) -> Result<&Cluster, ApiError> {
        if self.clusters.contains_key(&new.name) {
            return Err(ApiError::new(
                Code::EksResourceInUse,
                format!("Cluster already exists with name: {}", new.name),
            ));
        }
        check_name(&new.name)?;
        eks_tags(&new.tags)?;
        let version = new.version.unwrap_or_else(|| DEFAULT_VERSION.to_owned());
        if !self.catalogue.has_kubernetes(&version) {
            return Err(invalid(format!("unsupported Kubernetes version {version}")));
        }
        let ip_family = new.ip_family.unwrap_or_else(|| "ipv4".to_owned());
        if !matches!(ip_family.as_str(), "ipv4" | "ipv6") {
            return Err(invalid(format!("ipFamily {ip_family} is not valid")));
        }
        let vpc = self.vpc_of_cluster(&new.subnets, &new.groups)?;
        let group_name = format!("eks-cluster-sg-{}", new.name);
        let cluster_group = self
            .create_group(&vpc, &group_name, "EKS created security group", Tags::new())
            .map_err(|error| invalid(error.message()))?;
        let service_cidr = new
            .service_cidr
            .unwrap_or_else(|| self.free_service_cidr(&vpc, &ip_family));
        let oidc = self.random.hex().to_uppercase();
        let cluster = Cluster {
            arn: format!("arn:aws:eks:{}:{ACCOUNT}:cluster/{}", self.region, new.name),
            status: ClusterStatus::Creating,
            version,
            role: new.role,
            vpc,
            subnets: new.subnets,
            groups: new.groups,
            cluster_group,
            access: new.access,
            endpoint: format!("https://{oidc}.gr7.{}.eks.amazonaws.com", self.region),
            authority: AUTHORITY.to_owned(),
            oidc,
            ip_family,
            service_cidr,
            logging: new.logging,
            deletion_protection: new.deletion_protection,
            tags: new.tags,
            created: self.now,
            addons: BTreeMap::new(),
            nodegroups: BTreeMap::new(),
            max_pods: None,
            identities: BTreeMap::new(),
            updates: Vec::new(),
            name: new.name.clone(),
        };
        self.after(self.timings.cluster_create, Due::Cluster(new.name.clone()));
        Ok(self.clusters.entry(new.name).or_insert(cluster))
    }

    fn vpc_of_cluster(&self, subnets: &[SubnetId], groups: &[SecurityGroupId]) -> Result<VpcId, ApiError> {
        for group in groups {
            self.group(group).map_err(|error| invalid(error.message()))?;
        }
        let found: Vec<_> = subnets
            .iter()
            .map(|id| self.subnet(id).map_err(|error| invalid(error.message())))
            .collect::<Result<_, _>>()?;
        let zones: BTreeSet<_> = found.iter().map(|s| &s.zone).collect();
        let vpcs: BTreeSet<_> = found.iter().map(|s| &s.vpc).collect();
        match (zones.len(), vpcs.first()) {
            (2.., Some(vpc)) if vpcs.len() == 1 => Ok((*vpc).clone()),
            _ => Err(invalid(
                "Subnets specified must be in at least two different AZs of one VPC",
            )),
        }
    }

    /// EKS takes one of two ranges for the services, the one that is not in the VPC; in IPv6 one of its own.
    fn free_service_cidr(&self, vpc: &VpcId, ip_family: &str) -> String {
        if ip_family == "ipv6" {
            return "fd30:1c53:5f8a::/108".to_owned();
        }
        let within_ten = |cidr: &str| cidr.starts_with("10.");
        let taken = self.vpcs.get(vpc).is_some_and(|vpc| {
            let cidrs = vpc.cidrs.iter();
            cidrs
                .map(|association| association.cidr.to_string())
                .any(|cidr| within_ten(&cidr))
        });
        if taken { "172.20.0.0/16" } else { "10.100.0.0/16" }.to_owned()
    }

    pub(crate) fn cluster(&self, name: &str) -> Result<&Cluster, ApiError> {
        self.clusters.get(name).ok_or_else(|| no_cluster(name))
    }

    pub(super) fn cluster_mut(&mut self, name: &str) -> Result<&mut Cluster, ApiError> {
        self.clusters.get_mut(name).ok_or_else(|| no_cluster(name))
    }

    /// Begins to delete a cluster; its add-ons go with it.
    pub fn delete_cluster(&mut self, name: &str) -> Result<&Cluster, ApiError> {
        let cluster = self.cluster(name)?;
        if cluster.deletion_protection {
            return Err(ApiError::new(
                Code::EksInvalidRequest,
                format!("Cluster {name} has deletion protection enabled"),
            ));
        }
        if !cluster.nodegroups.is_empty() {
            return Err(ApiError::new(
                Code::EksResourceInUse,
                "Cluster has nodegroups attached",
            ));
        }
        self.idle_cluster(name)?;
        self.after(self.timings.cluster_delete, Due::Cluster(name.to_owned()));
        let cluster = self.cluster_mut(name)?;
        cluster.status = ClusterStatus::Deleting;
        Ok(cluster)
    }

    /// Begins to change a cluster, and gives the id of the update.
    pub fn update_cluster(
        &mut self,
        name: &str,
        change: ClusterChange,
        params: Vec<(&'static str, String)>,
    ) -> Result<String, ApiError> {
        self.idle_cluster(name)?;
        let cluster = self.cluster(name)?;
        let kind = match &change {
            ClusterChange::Version(version) => {
                self.check_next_version(&cluster.version, version)?;
                "VersionUpdate"
            }
            ClusterChange::Access(_) => "EndpointAccessUpdate",
            ClusterChange::Network(subnets, groups) => {
                if self.vpc_of_cluster(subnets, groups)? != cluster.vpc {
                    return Err(invalid("Provided subnets belong to another VPC than the cluster"));
                }
                "VpcConfigUpdate"
            }
            ClusterChange::Logging(_) => "LoggingUpdate",
            ClusterChange::DeletionProtection(_) => "DeletionProtectionUpdate",
        };
        let id = self.begin_update(name, Subject::Cluster, kind, params)?;
        self.cluster_mut(name)?.status = ClusterStatus::Updating;
        self.change_after(self.timings.cluster_update, name, &id, change);
        Ok(id)
    }

    /// EKS goes up one minor version at a time, and never down.
    fn check_next_version(&self, from: &str, to: &str) -> Result<(), ApiError> {
        if from == to {
            return Err(invalid(format!("Cluster is already at the desired version {to}")));
        }
        let minor = |version: &str| version.strip_prefix("1.").and_then(|m| m.parse::<u32>().ok());
        let next = minor(from).map(|minor| minor + 1);
        if next.is_some() && next == minor(to) && self.catalogue.has_kubernetes(to) {
            return Ok(());
        }
        Err(invalid(format!(
            "Unsupported Kubernetes minor version update from {from} to {to}"
        )))
    }

    pub(super) fn change_cluster(&mut self, name: &str, change: ClusterChange) {
        let Some(cluster) = self.clusters.get_mut(name) else {
            return;
        };
        cluster.status = ClusterStatus::Active;
        match change {
            ClusterChange::Version(version) => cluster.version = version,
            ClusterChange::Access(access) => cluster.access = access,
            ClusterChange::Network(subnets, groups) => {
                cluster.subnets = subnets;
                cluster.groups = groups;
            }
            ClusterChange::Logging(kinds) => cluster.logging = kinds,
            ClusterChange::DeletionProtection(on) => cluster.deletion_protection = on,
        }
    }

    /// What a cluster does by itself: it comes, and it goes with the group that EKS made.
    pub(super) fn step_cluster(&mut self, name: &str) {
        let Some(cluster) = self.clusters.get_mut(name) else {
            return;
        };
        match cluster.status {
            ClusterStatus::Creating => cluster.status = ClusterStatus::Active,
            ClusterStatus::Deleting => {
                let group = cluster.cluster_group.clone();
                self.clusters.remove(name);
                // EKS leaves the group behind where an interface still has it.
                if !self.interfaces.values().any(|i| i.groups.contains(&group)) {
                    self.groups.remove(&group);
                }
            }
            ClusterStatus::Active | ClusterStatus::Updating => {}
        }
    }

    /// Says where the API server of a cluster is, for a test bed that has a real one.
    pub fn set_cluster_endpoint(
        &mut self,
        name: &str,
        endpoint: String,
        authority: Option<String>,
    ) -> Result<(), ApiError> {
        let cluster = self.cluster_mut(name)?;
        cluster.endpoint = endpoint;
        if let Some(authority) = authority {
            cluster.authority = authority;
        }
        Ok(())
    }
}

/// `The sandbox has no API server.`, in base64: what stands for a certificate authority until a test bed names one.
const AUTHORITY: &str = "VGhlIHNhbmRib3ggaGFzIG5vIEFQSSBzZXJ2ZXIu";

/// AWS's rule for the names of clusters: 1-100 letters, digits, hyphens and underscores, the first no sign.
fn check_name(name: &str) -> Result<(), ApiError> {
    let sound = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins && name.len() <= 100 && name.chars().all(sound) {
        return Ok(());
    }
    Err(invalid(format!("The cluster name {name} is not valid")))
}

fn no_cluster(name: &str) -> ApiError {
    ApiError::new(
        Code::EksResourceNotFound,
        format!("No cluster found for name: {name}."),
    )
}
