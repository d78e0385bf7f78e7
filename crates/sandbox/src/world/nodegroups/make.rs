//! Node groups are made and deleted.

use super::template::node_tags;
use super::{MaxUnavailable, Nodegroup, NodegroupStatus, Nodes, Sizes, Taint, UpdateRules};
use crate::error::{ApiError, Code};
use crate::world::eks_rules::{eks_tags, invalid};
use crate::world::{
    ACCOUNT, Distribution, GroupChange, GroupTag, LaunchData, LaunchSource, Mixed, NewScalingGroup, Override,
    Tags, TemplateKey, TemplateRef, World,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use vpccni_core::ids::{InstanceType, SubnetId};

/// The kind of image where nothing is said; EKS has stopped to make Amazon Linux 2.
const DEFAULT_AMI: &str = "AL2023_x86_64_STANDARD";

/// What CreateNodegroup asks for.
#[derive(Debug, Clone)]
pub struct NewNodegroup {
    /// The cluster.
    pub cluster: String,
    /// The name.
    pub name: String,
    /// How many nodes.
    pub sizes: Sizes,
    /// How updates go about it.
    pub rules: UpdateRules,
    /// Where.
    pub subnets: Vec<SubnetId>,
    /// The role of the nodes.
    pub role: String,
    /// The Kubernetes version; none means the cluster's.
    pub version: Option<String>,
    /// The release of the image; none means the newest.
    pub release: Option<String>,
    /// The kind of the image.
    pub ami_type: Option<String>,
    /// Whether on the spot market.
    pub spot: bool,
    /// The types.
    pub instance_types: Vec<InstanceType>,
    /// In GiB.
    pub disk_size: Option<u32>,
    /// Labels of the nodes.
    pub labels: BTreeMap<String, String>,
    /// Taints of the nodes.
    pub taints: Vec<Taint>,
    /// The user's launch template.
    pub template: Option<TemplateRef>,
    /// Tags.
    pub tags: Tags,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            min: 1,
            max: 2,
            desired: 2,
        }
    }
}

impl Default for UpdateRules {
    /// The API reference: one at a time.
    fn default() -> Self {
        Self {
            max_unavailable: MaxUnavailable::Nodes(1),
            minimal: false,
        }
    }
}

impl World {
    /// Makes a node group with its template and its Auto Scaling group.
    pub fn create_nodegroup(&mut self, new: NewNodegroup) -> Result<&Nodegroup, ApiError> {
        let cluster = new.cluster.clone();
        self.idle_cluster(&cluster)?;
        if self.cluster(&cluster)?.nodegroups.contains_key(&new.name) {
            return Err(ApiError::new(
                Code::EksResourceInUse,
                format!(
                    "NodeGroup already exists with name {} and cluster name {cluster}",
                    new.name
                ),
            ));
        }
        check_sizes(new.sizes)?;
        eks_tags(&new.tags)?;
        self.check_subnets(&new)?;
        let (group, data) = self.planned(new)?;
        let data = self.node_data(&group, data)?;
        let TemplateKey::Name(name) = group.template.clone() else {
            return Err(ApiError::internal());
        };
        let template = self.make_template(name, data, node_tags(&group))?;
        let group = Nodegroup { template, ..group };
        if let Err(error) = self.create_scaling_group(scaling_group(&group)) {
            self.templates
                .retain(|id, _| TemplateKey::Id(id.clone()) != group.template);
            return Err(invalid(error.message()));
        }
        let name = group.name.clone();
        self.nodegroup_owners
            .insert(group.scaling_group.clone(), (cluster.clone(), name.clone()));
        self.cluster_mut(&cluster)?.nodegroups.insert(name.clone(), group);
        // A group of no nodes has nothing to wait for.
        self.wake_nodegroup(Duration::ZERO, &cluster, &name);
        self.wake_nodegroup(self.timings.nodegroup_patience, &cluster, &name);
        self.nodegroup(&cluster, &name)
    }

    fn check_subnets(&self, new: &NewNodegroup) -> Result<(), ApiError> {
        let vpc = &self.cluster(&new.cluster)?.vpc;
        if new.subnets.is_empty() {
            return Err(invalid("A node group needs a subnet"));
        }
        for id in &new.subnets {
            let subnet = self.subnet(id).map_err(|error| invalid(error.message()))?;
            if subnet.vpc != *vpc {
                return Err(invalid(format!("Subnet {id} is not in the VPC of the cluster")));
            }
        }
        Ok(())
    }

    /// The node group as it will be, its template still a name, and what the user's template says.
    fn planned(&mut self, new: NewNodegroup) -> Result<(Nodegroup, LaunchData), ApiError> {
        let given = new.template.as_ref().map(|asked| self.user_template(asked));
        let (user_template, user) = given.transpose()?.unzip();
        let user = user.unwrap_or_default();
        check_against_template(&new, &user)?;
        let cluster = self.cluster(&new.cluster)?;
        let version = new.version.unwrap_or_else(|| cluster.version.clone());
        self.check_node_version(&new.cluster, &version)?;
        let instance_types = self.types_asked(new.instance_types, &user)?;
        let (ami_type, release) = if let Some(image) = user.image.clone() {
            ("CUSTOM".to_owned(), image)
        } else {
            let ami_type = new.ami_type.as_deref().unwrap_or(DEFAULT_AMI);
            let release = self.release_asked(ami_type, &version, new.release.as_deref())?;
            self.check_runs(ami_type, &instance_types)?;
            (ami_type.to_owned(), release)
        };
        let uuid = self.random.request_id();
        let patience = self.timings.nodegroup_patience;
        let mut group = Nodegroup {
            arn: format!(
                "arn:aws:eks:{}:{ACCOUNT}:nodegroup/{}/{}/{uuid}",
                self.region, new.cluster, new.name
            ),
            scaling_group: format!("eks-{}-{uuid}", new.name),
            template: TemplateKey::Name(format!("eks-{uuid}")),
            template_version: 1,
            status: NodegroupStatus::Creating,
            issues: Vec::new(),
            version,
            release,
            ami_type,
            spot: new.spot,
            instance_types,
            disk_size: new.disk_size.or_else(|| new.template.is_none().then_some(20)),
            subnets: new.subnets,
            role: new.role,
            labels: new.labels,
            taints: new.taints,
            sizes: new.sizes,
            rules: new.rules,
            user_template,
            max_pods: 0,
            nodes: Nodes {
                join: true,
                evict: true,
            },
            tags: new.tags,
            created: self.now,
            modified: self.now,
            deadline: self.now.checked_add(patience).unwrap_or(jiff::Timestamp::MAX),
            told: BTreeSet::new(),
            roll: None,
            cluster: new.cluster,
            name: new.name,
        };
        group.max_pods = self.max_pods_now(&group, &user);
        Ok((group, user))
    }

    /// The types of a new node group: none of its own where the user's template has one.
    fn types_asked(
        &self,
        types: Vec<InstanceType>,
        user: &LaunchData,
    ) -> Result<Vec<InstanceType>, ApiError> {
        if user.instance_type.is_some() {
            return Ok(Vec::new());
        }
        // The API reference: t3.medium, where nothing is said.
        if types.is_empty() {
            return Ok(vec![self.known_type("t3.medium")?]);
        }
        for name in &types {
            self.known_type(name.as_str())?;
        }
        Ok(types)
    }

    fn known_type(&self, name: &str) -> Result<InstanceType, ApiError> {
        let known = self.types.get(name).and_then(|_| InstanceType::parse(name).ok());
        known.ok_or_else(|| invalid(format!("[{name}] is not a valid instance type")))
    }

    /// A kubelet is never newer than the API server.
    pub(super) fn check_node_version(&self, cluster: &str, version: &str) -> Result<(), ApiError> {
        let minor = |version: &str| version.strip_prefix("1.").and_then(|m| m.parse::<u32>().ok());
        let limit = &self.cluster(cluster)?.version;
        if self.catalogue.has_kubernetes(version) && minor(version) <= minor(limit) {
            return Ok(());
        }
        Err(invalid(format!(
            "Requested Nodegroup version {version} is not supported in a cluster of version {limit}"
        )))
    }

    /// What a node takes: as the test bed says the CNI is set up, else the least over the types of what EKS reckons
    /// without prefixes, at most 110, or 250 from 30 vCPUs on (user guide, "Amazon EKS recommended maximum Pods").
    pub(super) fn max_pods_now(&self, group: &Nodegroup, user: &LaunchData) -> u32 {
        let said = self
            .cluster(&group.cluster)
            .ok()
            .and_then(|cluster| cluster.max_pods);
        let of_type = |name: &InstanceType| {
            let info = self.types.get(name.as_str())?;
            let enis = info.card_limit(info.default_network_card)?;
            let pods = enis * info.ipv4_per_eni.saturating_sub(1) + 2;
            Some(pods.min(if info.vcpus > Some(30) { 250 } else { 110 }))
        };
        let types = group.instance_types.iter().chain(&user.instance_type);
        said.or_else(|| types.filter_map(of_type).min()).unwrap_or(110)
    }

    /// Begins to delete a node group: its instances go with it.
    pub fn delete_nodegroup(&mut self, cluster: &str, name: &str) -> Result<&Nodegroup, ApiError> {
        let group = self.nodegroup(cluster, name)?;
        if group.status != NodegroupStatus::CreateFailed {
            group.idle()?;
        }
        let scaling = group.scaling_group.clone();
        if self.scaling_group(&scaling).is_ok() {
            self.delete_scaling_group(&scaling, true)?;
        }
        self.wake_nodegroup(Duration::ZERO, cluster, name);
        let group = self.nodegroup_mut(cluster, name)?;
        group.status = NodegroupStatus::Deleting;
        Ok(group)
    }
}

/// The Auto Scaling group of a node group, with the tags by which the cluster autoscaler finds it.
fn scaling_group(group: &Nodegroup) -> NewScalingGroup {
    let mut tags = node_tags(group);
    tags.insert("k8s.io/cluster-autoscaler/enabled".to_owned(), "true".to_owned());
    tags.insert(
        format!("k8s.io/cluster-autoscaler/{}", group.cluster),
        "owned".to_owned(),
    );
    let tag = |(key, value): (String, String)| GroupTag {
        group: group.scaling_group.clone(),
        key,
        value,
        propagate: true,
    };
    NewScalingGroup {
        name: group.scaling_group.clone(),
        setup: GroupChange {
            source: Some(source(group)),
            subnets: Some(group.subnets.clone()),
            min: Some(group.sizes.min),
            max: Some(group.sizes.max),
            desired: Some(group.sizes.desired),
            ..GroupChange::default()
        },
        tags: tags.into_iter().map(tag).collect(),
        hooks: Vec::new(),
    }
}

/// What the Auto Scaling group launches: EKS's template, in the types of the node group.
pub(super) fn source(group: &Nodegroup) -> LaunchSource {
    let of_type = |name: &InstanceType| Override {
        instance_type: Some(name.clone()),
        template: None,
    };
    LaunchSource {
        template: TemplateRef {
            id_or_name: group.template.clone(),
            version: Some(group.template_version.to_string()),
        },
        mixed: Some(Mixed {
            overrides: group.instance_types.iter().map(of_type).collect(),
            distribution: Distribution {
                on_demand_percentage: if group.spot { 0 } else { 100 },
                ..Distribution::default()
            },
        }),
    }
}

pub(super) fn check_sizes(sizes: Sizes) -> Result<(), ApiError> {
    let Sizes { min, max, desired } = sizes;
    if max == 0 {
        return Err(invalid("maxSize must be at least 1"));
    }
    if min > desired {
        return Err(invalid(format!(
            "Minimum capacity {min} can't be greater than desired size {desired}"
        )));
    }
    if desired > max {
        return Err(invalid(format!(
            "desired capacity {desired} can't be greater than max size {max}"
        )));
    }
    Ok(())
}

/// What may be said in the request or in the template, not in both (user guide, "Launch template configuration basics").
fn check_against_template(new: &NewNodegroup, user: &LaunchData) -> Result<(), ApiError> {
    let custom = user.image.is_some();
    for (both, message) in [
        (
            user.instance_type.is_some() && !new.instance_types.is_empty(),
            "Instance types must be specified in either the launch template or the request, not in both",
        ),
        (
            new.template.is_some() && new.disk_size.is_some(),
            "Disk size must be specified within the launch template.",
        ),
        (
            custom && new.ami_type.is_some(),
            "You cannot specify an AMI Type when specifying a custom AMI",
        ),
        (
            custom && (new.version.is_some() || new.release.is_some()),
            "You cannot specify the field kubernetesVersion or releaseVersion when using custom AMIs.",
        ),
    ] {
        if both {
            return Err(invalid(message));
        }
    }
    Ok(())
}
