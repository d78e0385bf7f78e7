//! CreateCluster, DescribeCluster, ListClusters.

use super::{Route, seconds};
use crate::error::{ApiError, Code};
use crate::world::{Cluster, NewCluster, Tags, World};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Create {
    name: String,
    version: Option<String>,
    role_arn: String,
    resources_vpc_config: VpcConfig,
    kubernetes_network_config: Option<NetworkConfig>,
    client_request_token: Option<String>,
    #[serde(default)]
    tags: Tags,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct VpcConfig {
    subnet_ids: Vec<String>,
    #[serde(default)]
    security_group_ids: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NetworkConfig {
    ip_family: Option<String>,
    service_ipv4_cidr: Option<String>,
}

fn ids<T: std::str::FromStr>(values: &[String]) -> Result<Vec<T>, ApiError> {
    let read = |value: &String| {
        value
            .parse()
            .map_err(|_| ApiError::new(Code::EksInvalidParameter, format!("{value} is not valid")))
    };
    values.iter().map(read).collect()
}

pub(super) fn create(route: &Route, world: &mut World) -> Result<Value, ApiError> {
    route.only(&[])?;
    let body: Create = route.json()?;
    let network = body.kubernetes_network_config.unwrap_or_default();
    let new = NewCluster {
        name: body.name,
        version: body.version,
        role: body.role_arn,
        subnets: ids(&body.resources_vpc_config.subnet_ids)?,
        groups: ids(&body.resources_vpc_config.security_group_ids)?,
        ip_family: network.ip_family,
        service_cidr: network.service_ipv4_cidr,
        tags: body.tags,
        client_token: body.client_request_token,
    };
    let region = world.region.clone();
    let cluster = world.create_cluster(new)?;
    Ok(json!({ "cluster": render(cluster, &region, "CREATING") }))
}

pub(super) fn describe(route: &Route, world: &World) -> Result<Value, ApiError> {
    route.only(&[])?;
    let cluster = world.cluster(route.name(0))?;
    Ok(json!({ "cluster": render(cluster, &world.region, "ACTIVE") }))
}

pub(super) fn list(route: &Route, world: &World) -> Result<Value, ApiError> {
    route.only(&[])?;
    Ok(json!({ "clusters": world.clusters.keys().collect::<Vec<_>>() }))
}

fn texts<T: ToString>(ids: &[T]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

fn render(cluster: &Cluster, region: &str, status: &str) -> Value {
    json!({
        "name": cluster.name,
        "arn": cluster.arn,
        "createdAt": seconds(cluster.created),
        "version": cluster.version,
        "platformVersion": "eks.1",
        "status": status,
        "roleArn": cluster.role,
        "endpoint": format!("https://{}.gr7.{region}.eks.amazonaws.com", cluster.name),
        "resourcesVpcConfig": {
            "subnetIds": texts(&cluster.subnets),
            "securityGroupIds": texts(&cluster.groups),
            "clusterSecurityGroupId": cluster.cluster_group.to_string(),
            "vpcId": cluster.vpc.to_string(),
            "endpointPublicAccess": true,
            "endpointPrivateAccess": false,
            "publicAccessCidrs": ["0.0.0.0/0"],
        },
        "kubernetesNetworkConfig": {
            "ipFamily": cluster.ip_family,
            "serviceIpv4Cidr": cluster.service_cidr,
        },
        "identity": { "oidc": { "issuer": format!("https://oidc.eks.{region}.amazonaws.com/id/{}", cluster.name) } },
        "tags": cluster.tags,
    })
}
