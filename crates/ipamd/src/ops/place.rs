//! Where a new interface can be: the subnet of the ENIConfig, the tagged subnets of the zone, or that of the primary
//! interface.

use super::Tools;
use crate::kubernetes::KubernetesError;
use crate::notice::Notice;
use vpccni_core::discovery;
use vpccni_core::eniconfig;
use vpccni_core::ids::{SecurityGroupId, SubnetId};
use vpccni_core::ports::{CloudError, Subnet};

/// Subnets for a new interface, and its groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// The best first.
    pub subnets: Vec<SubnetId>,
    /// Its groups; none where it takes those of the primary interface.
    pub groups: Option<Vec<SecurityGroupId>>,
}

/// Why there is no place.
#[derive(Debug, thiserror::Error)]
pub enum NoPlace {
    /// Custom networking without an API server.
    #[error("custom networking needs the API server, which is not there")]
    NoApiServer,
    /// The API server failed.
    #[error(transparent)]
    Kubernetes(KubernetesError),
    /// The ENIConfig cannot be used.
    #[error("ENIConfig {name} cannot be used: {problem}")]
    EniConfig {
        /// Its name.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// EC2 failed.
    #[error(transparent)]
    Cloud(CloudError),
}

/// The places for a new interface now.
pub async fn places(tools: &Tools) -> Result<Places, NoPlace> {
    let effective = &tools.node.settings.effective;
    if effective.custom_networking() {
        return by_eni_config(tools).await;
    }
    if !effective.subnet_discovery() || !tools.node.may_call_ec2() {
        return Ok(only_primary(tools));
    }
    let zone = &tools.node.identity.zone;
    let cloud = &tools.cloud;
    match cloud
        .call("ec2:DescribeSubnets", cloud.ec2.subnets_in(&tools.node.vpc, zone))
        .await
    {
        Ok(subnets) => Ok(discovered(tools, subnets)),
        Err(error) => {
            tracing::warn!(%error, "subnets cannot be discovered; new interfaces go to that of the primary one");
            Ok(only_primary(tools))
        }
    }
}

fn only_primary(tools: &Tools) -> Places {
    Places {
        subnets: vec![tools.node.primary_subnet.clone()],
        groups: None,
    }
}

fn discovered(tools: &Tools, mut subnets: Vec<Subnet>) -> Places {
    let cluster = tools.node.settings.effective.cluster_name();
    subnets.retain(|subnet| {
        let is_primary = subnet.id == tools.node.primary_subnet;
        discovery::is_usable(&subnet.tags, is_primary, cluster)
    });
    // Equal ones in the order of their ids, so that the choice can be foretold.
    subnets.sort_by(|a, b| (b.available, &a.id).cmp(&(a.available, &b.id)));
    Places {
        subnets: subnets.into_iter().map(|subnet| subnet.id).collect(),
        groups: None,
    }
}

async fn by_eni_config(tools: &Tools) -> Result<Places, NoPlace> {
    let kubernetes = tools.kubernetes.as_ref().ok_or(NoPlace::NoApiServer)?;
    let node = kubernetes.node().ok_or(NoPlace::NoApiServer)?;
    let effective = &tools.node.settings.effective;
    let name = eniconfig::resolve(
        &node.labels,
        &node.annotations,
        effective.eni_config_label(),
        effective.eni_config_annotation(),
    );
    let unusable = |problem: String| {
        let name = name.to_owned();
        tools.cloud.notices().tell(Notice::EniConfigUnusable {
            name: name.clone(),
            problem: problem.clone(),
        });
        NoPlace::EniConfig { name, problem }
    };
    let found = kubernetes.eni_config(name).await.map_err(NoPlace::Kubernetes)?;
    let config = found.ok_or_else(|| unusable("there is none of this name".to_owned()))?;
    let subnet = config.subnet.unwrap_or_default();
    let subnet = SubnetId::parse(&subnet).map_err(|error| unusable(error.to_string()))?;
    let groups = config.security_groups.unwrap_or_default();
    let groups: Result<Vec<SecurityGroupId>, _> =
        groups.iter().map(|group| SecurityGroupId::parse(group)).collect();
    let groups = groups.map_err(|error| unusable(error.to_string()))?;
    check_zone(tools, name, &subnet).await?;
    Ok(Places {
        subnets: vec![subnet],
        groups: (!groups.is_empty()).then_some(groups),
    })
}

/// A subnet in another zone is found out here, not by an attachment that fails after the interface was made.
async fn check_zone(tools: &Tools, name: &str, subnet: &SubnetId) -> Result<(), NoPlace> {
    let zone = &tools.node.identity.zone;
    let cloud = &tools.cloud;
    let in_zone = cloud
        .call("ec2:DescribeSubnets", cloud.ec2.subnets_in(&tools.node.vpc, zone))
        .await
        .map_err(NoPlace::Cloud)?;
    if in_zone.iter().any(|known| known.id == *subnet) {
        return Ok(());
    }
    cloud.notices().tell(Notice::EniConfigZone {
        name: name.to_owned(),
        subnet: subnet.to_string(),
        zone: zone.to_string(),
    });
    Err(NoPlace::EniConfig {
        name: name.to_owned(),
        problem: format!("{subnet} is not in {zone}"),
    })
}
