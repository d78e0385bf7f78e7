//! EKS clusters and their add-ons, as far as a reader meets them. Changes take no time yet, so there are no updates.

use super::{ACCOUNT, Tags, World};
use crate::error::{ApiError, Code};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use vpccni_core::ids::{SecurityGroupId, SubnetId, VpcId};

/// The Kubernetes version of a cluster that names none.
const DEFAULT_VERSION: &str = "1.35";

/// An add-on of a cluster.
#[derive(Debug, Clone)]
pub struct Addon {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its ARN.
    pub arn: String,
    /// Its configuration document.
    pub configuration_values: Option<String>,
    /// Its role.
    pub service_account_role: Option<String>,
    /// Its tags.
    pub tags: Tags,
    /// Since when.
    pub created: Timestamp,
    /// The token it was made with.
    pub client_token: Option<String>,
}

/// A cluster.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
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
    /// `ipv4` or `ipv6`.
    pub ip_family: String,
    /// The range of its services.
    pub service_cidr: String,
    /// Its tags.
    pub tags: Tags,
    /// Since when.
    pub created: Timestamp,
    /// The token it was made with.
    pub client_token: Option<String>,
    /// Its add-ons.
    pub addons: BTreeMap<String, Addon>,
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
    /// `ipv4` or `ipv6`.
    pub ip_family: Option<String>,
    /// The range of the services.
    pub service_cidr: Option<String>,
    /// Tags.
    pub tags: Tags,
    /// A client token: the same one again is the same request again.
    pub client_token: Option<String>,
}

/// What CreateAddon asks for.
#[derive(Debug, Clone)]
pub struct NewAddon {
    /// The cluster.
    pub cluster: String,
    /// The name.
    pub name: String,
    /// The version; none means the default of the cluster's Kubernetes version.
    pub version: Option<String>,
    /// The configuration document.
    pub configuration_values: Option<String>,
    /// The role.
    pub service_account_role: Option<String>,
    /// Tags.
    pub tags: Tags,
    /// A client token: the same one again is the same request again.
    pub client_token: Option<String>,
}

impl World {
    /// Makes a cluster, with the security group that EKS makes for it.
    pub fn create_cluster(&mut self, new: NewCluster) -> Result<&Cluster, ApiError> {
        let again = self
            .clusters
            .get(&new.name)
            .map(|known| known.client_token.is_some() && known.client_token == new.client_token);
        if again == Some(true) {
            return self.cluster(&new.name);
        }
        if again == Some(false) {
            return Err(ApiError::new(
                Code::EksResourceInUse,
                format!("Cluster already exists with name: {}", new.name),
            ));
        }
        let ip_family = new.ip_family.unwrap_or_else(|| "ipv4".to_owned());
        if !matches!(ip_family.as_str(), "ipv4" | "ipv6") {
            return Err(invalid(format!("ipFamily {ip_family} is not valid")));
        }
        let vpc = self.vpc_of_cluster(&new.subnets)?;
        for group in &new.groups {
            self.group(group).map_err(|error| invalid(error.message()))?;
        }
        let group_name = format!("eks-cluster-sg-{}", new.name);
        let cluster_group = self
            .create_group(&vpc, &group_name, "EKS created security group", Tags::new())
            .map_err(|error| invalid(error.message()))?;
        let cluster = Cluster {
            arn: format!("arn:aws:eks:{}:{ACCOUNT}:cluster/{}", self.region, new.name),
            version: new.version.unwrap_or_else(|| DEFAULT_VERSION.to_owned()),
            role: new.role,
            vpc,
            subnets: new.subnets,
            groups: new.groups,
            cluster_group,
            ip_family,
            service_cidr: new.service_cidr.unwrap_or_else(|| "172.20.0.0/16".to_owned()),
            tags: new.tags,
            created: self.now,
            client_token: new.client_token,
            addons: BTreeMap::new(),
            name: new.name.clone(),
        };
        Ok(self.clusters.entry(new.name).or_insert(cluster))
    }

    fn vpc_of_cluster(&self, subnets: &[SubnetId]) -> Result<VpcId, ApiError> {
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

    pub(crate) fn cluster(&self, name: &str) -> Result<&Cluster, ApiError> {
        self.clusters.get(name).ok_or_else(|| no_cluster(name))
    }

    /// Makes an add-on.
    pub fn create_addon(&mut self, new: NewAddon) -> Result<&Addon, ApiError> {
        let version = self.addon_version(&new)?;
        let (region, created) = (self.region.clone(), self.now);
        let id = self.random.request_id();
        let cluster = self
            .clusters
            .get_mut(&new.cluster)
            .ok_or_else(|| no_cluster(&new.cluster))?;
        let again = cluster
            .addons
            .get(&new.name)
            .is_some_and(|known| known.client_token.is_some() && known.client_token == new.client_token);
        if !again && cluster.addons.contains_key(&new.name) {
            return Err(ApiError::new(Code::EksResourceInUse, "Addon already exists."));
        }
        let addon = Addon {
            arn: format!(
                "arn:aws:eks:{region}:{ACCOUNT}:addon/{}/{}/{id}",
                new.cluster, new.name
            ),
            version,
            client_token: new.client_token,
            configuration_values: new.configuration_values,
            service_account_role: new.service_account_role,
            tags: new.tags,
            created,
            name: new.name.clone(),
        };
        Ok(cluster.addons.entry(new.name).or_insert(addon))
    }

    fn addon_version(&self, new: &NewAddon) -> Result<String, ApiError> {
        let kubernetes = &self.cluster(&new.cluster)?.version;
        let offer = self.catalogue.get(&new.name, kubernetes).ok_or_else(|| {
            invalid(format!(
                "Addon {} specified is not supported in {kubernetes}",
                new.name
            ))
        })?;
        match &new.version {
            None => Ok(offer.default.clone()),
            Some(version) if offer.versions.contains(version) => Ok(version.clone()),
            Some(_) => Err(invalid("Addon version specified is not supported")),
        }
    }

    pub(crate) fn addon(&self, cluster: &str, name: &str) -> Result<&Addon, ApiError> {
        self.cluster(cluster)?
            .addons
            .get(name)
            .ok_or_else(|| no_addon(cluster, name))
    }

    /// Deletes an add-on and gives what it was.
    pub fn delete_addon(&mut self, cluster: &str, name: &str) -> Result<Addon, ApiError> {
        self.clusters
            .get_mut(cluster)
            .ok_or_else(|| no_cluster(cluster))?
            .addons
            .remove(name)
            .ok_or_else(|| no_addon(cluster, name))
    }
}

fn no_cluster(name: &str) -> ApiError {
    ApiError::new(
        Code::EksResourceNotFound,
        format!("No cluster found for name: {name}."),
    )
}

fn no_addon(cluster: &str, name: &str) -> ApiError {
    ApiError::new(
        Code::EksResourceNotFound,
        format!("No addon: {name} found in cluster: {cluster}"),
    )
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(Code::EksInvalidParameter, message)
}
