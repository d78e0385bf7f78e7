//! CreateCluster, DescribeCluster, ListClusters, DeleteCluster, UpdateClusterVersion, UpdateClusterConfig.

use super::input::{Input, invalid};
use super::operation::{Family, Operation};
use super::render::{present, seconds, texts};
use super::updates::begun;
use crate::error::ApiError;
use crate::world::{Access, Cluster, ClusterChange, ClusterStatus, NewCluster, Subject, Tags, World};
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub(super) const OPERATIONS: Family = &[
    Operation {
        name: "CreateCluster",
        method: Method::POST,
        path: "/clusters",
        query: &[],
        serve: create,
    },
    Operation {
        name: "ListClusters",
        method: Method::GET,
        path: "/clusters",
        query: &["maxResults", "nextToken"],
        serve: list,
    },
    Operation {
        name: "DescribeCluster",
        method: Method::GET,
        path: "/clusters/{clusterName}",
        query: &[],
        serve: describe,
    },
    Operation {
        name: "DeleteCluster",
        method: Method::DELETE,
        path: "/clusters/{clusterName}",
        query: &[],
        serve: delete,
    },
    Operation {
        name: "UpdateClusterVersion",
        method: Method::POST,
        path: "/clusters/{clusterName}/updates",
        query: &[],
        serve: update_version,
    },
    Operation {
        name: "UpdateClusterConfig",
        method: Method::POST,
        path: "/clusters/{clusterName}/update-config",
        query: &[],
        serve: update_config,
    },
];

/// The kinds of logs that a control plane writes.
const LOGS: [&str; 5] = ["api", "audit", "authenticator", "controllerManager", "scheduler"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Create {
    name: String,
    version: Option<String>,
    role_arn: String,
    resources_vpc_config: VpcConfig,
    kubernetes_network_config: Option<NetworkConfig>,
    logging: Option<Logging>,
    #[serde(default)]
    deletion_protection: bool,
    #[serde(default)]
    tags: Tags,
    #[serde(rename = "clientRequestToken")]
    _token: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct VpcConfig {
    subnet_ids: Option<Vec<String>>,
    security_group_ids: Option<Vec<String>>,
    endpoint_public_access: Option<bool>,
    endpoint_private_access: Option<bool>,
    public_access_cidrs: Option<Vec<String>>,
}

impl VpcConfig {
    /// The access that is asked for; what is not said stays.
    fn access(&self, before: Access) -> Result<Access, ApiError> {
        let access = Access {
            public: self.endpoint_public_access.unwrap_or(before.public),
            private: self.endpoint_private_access.unwrap_or(before.private),
            public_cidrs: self.public_access_cidrs.clone().unwrap_or(before.public_cidrs),
        };
        if access.public || access.private {
            return Ok(access);
        }
        Err(invalid(
            "Private and public endpoint access cannot be false at once",
        ))
    }

    fn of_access(&self) -> bool {
        self.endpoint_public_access.is_some()
            || self.endpoint_private_access.is_some()
            || self.public_access_cidrs.is_some()
    }

    fn of_network(&self) -> bool {
        self.subnet_ids.is_some() || self.security_group_ids.is_some()
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NetworkConfig {
    ip_family: Option<String>,
    service_ipv4_cidr: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Logging {
    cluster_logging: Vec<LogSetup>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct LogSetup {
    types: Vec<String>,
    enabled: bool,
}

impl Logging {
    /// The kinds that are on after this.
    fn kinds(&self, mut before: BTreeSet<String>) -> Result<BTreeSet<String>, ApiError> {
        for setup in &self.cluster_logging {
            for kind in &setup.types {
                if !LOGS.contains(&kind.as_str()) {
                    return Err(invalid(format!("The log type {kind} is not valid")));
                }
                if setup.enabled {
                    before.insert(kind.clone());
                } else {
                    before.remove(kind);
                }
            }
        }
        Ok(before)
    }
}

pub(super) fn ids<T: std::str::FromStr>(values: &[String]) -> Result<Vec<T>, ApiError> {
    let read = |value: &String| {
        value
            .parse()
            .map_err(|_| invalid(format!("{value} is not valid")))
    };
    values.iter().map(read).collect()
}

fn create(input: &Input, world: &mut World) -> Result<Value, ApiError> {
    let body: Create = input.json()?;
    let network = body.kubernetes_network_config.unwrap_or_default();
    let vpc = body.resources_vpc_config;
    let logging = body.logging.map(|logging| logging.kinds(BTreeSet::new()));
    let new = NewCluster {
        name: body.name,
        version: body.version,
        role: body.role_arn,
        access: vpc.access(Access::default())?,
        subnets: ids(vpc.subnet_ids.as_deref().unwrap_or_default())?,
        groups: ids(vpc.security_group_ids.as_deref().unwrap_or_default())?,
        ip_family: network.ip_family,
        service_cidr: network.service_ipv4_cidr,
        logging: logging.transpose()?.unwrap_or_default(),
        deletion_protection: body.deletion_protection,
        tags: body.tags,
    };
    let region = world.region.clone();
    let cluster = world.create_cluster(new)?;
    Ok(json!({ "cluster": render(cluster, &region) }))
}

fn describe(input: &Input, world: &mut World) -> Result<Value, ApiError> {
    let cluster = world.cluster(input.cluster())?;
    Ok(json!({ "cluster": render(cluster, &world.region) }))
}

fn list(input: &Input, world: &mut World) -> Result<Value, ApiError> {
    let names = world.clusters.keys();
    input.list("clusters", names.map(|name| (name.clone(), name.as_str())))
}

fn delete(input: &Input, world: &mut World) -> Result<Value, ApiError> {
    let region = world.region.clone();
    let cluster = world.delete_cluster(input.cluster())?;
    Ok(json!({ "cluster": render(cluster, &region) }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdateVersion {
    version: String,
    #[serde(rename = "clientRequestToken")]
    _token: Option<String>,
}

fn update_version(input: &Input, world: &mut World) -> Result<Value, ApiError> {
    let body: UpdateVersion = input.json()?;
    let params = vec![
        ("Version", body.version.clone()),
        ("PlatformVersion", PLATFORM.to_owned()),
    ];
    begin(input, world, ClusterChange::Version(body.version), params)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UpdateConfig {
    resources_vpc_config: Option<VpcConfig>,
    logging: Option<Logging>,
    deletion_protection: Option<bool>,
    #[serde(rename = "clientRequestToken")]
    _token: Option<String>,
}

fn update_config(input: &Input, world: &mut World) -> Result<Value, ApiError> {
    let body: UpdateConfig = input.json()?;
    let cluster = world.cluster(input.cluster())?;
    let (change, params) = match (body.resources_vpc_config, body.logging, body.deletion_protection) {
        (Some(vpc), None, None) if vpc.of_access() && !vpc.of_network() => {
            let access = vpc.access(cluster.access.clone())?;
            let params = vec![
                ("EndpointPublicAccess", access.public.to_string()),
                ("EndpointPrivateAccess", access.private.to_string()),
                ("PublicAccessCidrs", json!(access.public_cidrs).to_string()),
            ];
            (ClusterChange::Access(access), params)
        }
        (Some(vpc), None, None) if vpc.of_network() && !vpc.of_access() => {
            let subnets = vpc.subnet_ids.unwrap_or_else(|| texts(&cluster.subnets));
            let groups = vpc.security_group_ids.unwrap_or_else(|| texts(&cluster.groups));
            let params = vec![
                ("Subnets", json!(subnets).to_string()),
                ("SecurityGroups", json!(groups).to_string()),
            ];
            (ClusterChange::Network(ids(&subnets)?, ids(&groups)?), params)
        }
        (None, Some(logging), None) => {
            let params = vec![("ClusterLogging", json!(logging).to_string())];
            let kinds = logging.kinds(cluster.logging.clone())?;
            (ClusterChange::Logging(kinds), params)
        }
        (None, None, Some(on)) => {
            let params = vec![("DeletionProtection", on.to_string())];
            (ClusterChange::DeletionProtection(on), params)
        }
        _ => return Err(invalid("Only one type of update can be allowed")),
    };
    begin(input, world, change, params)
}

fn begin(
    input: &Input,
    world: &mut World,
    change: ClusterChange,
    params: Vec<(&'static str, String)>,
) -> Result<Value, ApiError> {
    let id = world.update_cluster(input.cluster(), change, params)?;
    begun(world, input.cluster(), &Subject::Cluster, &id)
}

const PLATFORM: &str = "eks.1";

fn render(cluster: &Cluster, region: &str) -> Value {
    // EKS tells where a cluster is only once it is there.
    let there = cluster.status != ClusterStatus::Creating;
    let issuer = format!("https://oidc.eks.{region}.amazonaws.com/id/{}", cluster.oidc);
    present(json!({
        "name": cluster.name,
        "arn": cluster.arn,
        "createdAt": seconds(cluster.created),
        "version": cluster.version,
        "platformVersion": PLATFORM,
        "status": cluster.status.as_str(),
        "roleArn": cluster.role,
        "endpoint": there.then_some(&cluster.endpoint),
        "certificateAuthority": there.then(|| json!({ "data": cluster.authority })),
        "identity": there.then(|| json!({ "oidc": { "issuer": issuer } })),
        "resourcesVpcConfig": {
            "subnetIds": texts(&cluster.subnets),
            "securityGroupIds": texts(&cluster.groups),
            "clusterSecurityGroupId": cluster.cluster_group.to_string(),
            "vpcId": cluster.vpc.to_string(),
            "endpointPublicAccess": cluster.access.public,
            "endpointPrivateAccess": cluster.access.private,
            "publicAccessCidrs": cluster.access.public_cidrs,
        },
        "kubernetesNetworkConfig": network(cluster),
        "logging": logging(cluster),
        "deletionProtection": cluster.deletion_protection,
        "health": { "issues": [] },
        "tags": cluster.tags,
    }))
}

fn network(cluster: &Cluster) -> Value {
    let range = match cluster.ip_family.as_str() {
        "ipv6" => "serviceIpv6Cidr",
        _ => "serviceIpv4Cidr",
    };
    json!({ "ipFamily": cluster.ip_family, range: cluster.service_cidr })
}

/// What is on and what is off, as EKS lists it: each once, and no empty list.
fn logging(cluster: &Cluster) -> Value {
    let kinds = |on: bool| -> Vec<&str> {
        let of = LOGS.into_iter();
        of.filter(|kind| cluster.logging.contains(*kind) == on).collect()
    };
    let setups = [true, false].into_iter().map(|on| (kinds(on), on));
    let listed: Vec<_> = setups
        .filter(|(kinds, _)| !kinds.is_empty())
        .map(|(kinds, on)| json!({ "types": kinds, "enabled": on }))
        .collect();
    json!({ "clusterLogging": listed })
}
