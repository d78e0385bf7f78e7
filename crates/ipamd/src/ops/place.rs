//! Where a new interface can be. What EC2 and the API server say is gathered here; core decides.

use super::Tools;
use crate::kubernetes::KubernetesError;
use crate::notice::Notice;
use std::collections::BTreeSet;
use vpccni_core::eniconfig;
use vpccni_core::ids::{EniConfigName, SecurityGroupId, SubnetId};
use vpccni_core::node_enis::{NoSubnet, Placement, is_excluded, subnets_for};
use vpccni_core::ports::{CloudError, Subnet};

/// Subnets for a new interface, and its groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// The best first.
    pub subnets: Vec<SubnetId>,
    /// Its groups; none where it takes those of the primary interface.
    pub groups: Option<Vec<SecurityGroupId>>,
    /// Subnets whose interfaces serve no new pods.
    pub excluded: BTreeSet<SubnetId>,
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
    /// No subnet is suited.
    #[error(transparent)]
    Subnet(NoSubnet),
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
    if tools.node.settings.effective.custom_networking() {
        return by_eni_config(tools).await;
    }
    let found = discovered(tools).await;
    let effective = &tools.node.settings.effective;
    let excluded: BTreeSet<SubnetId> = found
        .iter()
        .flatten()
        .filter(|subnet| is_excluded(&subnet.tags, effective.cluster_name()))
        .map(|subnet| subnet.id.clone())
        .collect();
    let subnets = subnets_for(effective, false, &placement(tools), found.as_deref(), ("", None));
    // Interfaces that are there are excluded all the same where no new one can be made.
    let subnets = subnets.unwrap_or_else(|error| {
        tracing::warn!(%error, "no new interface can be made");
        Vec::new()
    });
    Ok(Places {
        subnets,
        groups: None,
        excluded,
    })
}

fn placement(tools: &Tools) -> Placement {
    Placement {
        vpc: tools.node.vpc.clone(),
        zone: tools.node.identity.zone.clone(),
        primary: tools.node.primary_subnet.clone(),
        primary_excluded: false,
    }
}

/// The subnets of the zone; none where they cannot be read or are not looked for.
async fn discovered(tools: &Tools) -> Option<Vec<Subnet>> {
    let (cloud, node) = (&tools.cloud, &tools.node);
    if !node.settings.effective.subnet_discovery() || !node.may_call_ec2() {
        return None;
    }
    let asked = cloud.ec2.subnets_in(&node.vpc, &node.identity.zone);
    cloud.call("ec2:DescribeSubnets", asked).await.ok()
}

async fn by_eni_config(tools: &Tools) -> Result<Places, NoPlace> {
    let kubernetes = tools.kubernetes.as_ref().ok_or(NoPlace::NoApiServer)?;
    let node = kubernetes.node().ok_or(NoPlace::NoApiServer)?;
    let effective = &tools.node.settings.effective;
    let (label, annotation) = (effective.eni_config_label(), effective.eni_config_annotation());
    let name = eniconfig::resolve(&node.labels, &node.annotations, label, annotation);
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
    let config_name = EniConfigName::parse(name).map_err(|error| unusable(error.to_string()))?;
    let cloud = &tools.cloud;
    let described = cloud.call("ec2:DescribeSubnets", cloud.ec2.subnet(&subnet));
    let described = described.await.map_err(NoPlace::Cloud)?;
    let resolved = (name, described.as_ref().map(|subnet| (&config_name, subnet)));
    let subnets = subnets_for(effective, true, &placement(tools), None, resolved);
    Ok(Places {
        subnets: subnets.map_err(|error| refused(tools, error))?,
        groups: Some(groups),
        excluded: BTreeSet::new(),
    })
}

/// A subnet in another zone is found out here, not by an attachment that fails after the interface was made.
fn refused(tools: &Tools, error: NoSubnet) -> NoPlace {
    let notice = match &error {
        NoSubnet::WrongZone {
            eni_config,
            subnet,
            node_zone,
            ..
        } => Notice::EniConfigZone {
            name: eni_config.to_string(),
            subnet: subnet.to_string(),
            zone: node_zone.to_string(),
        },
        NoSubnet::NoEniConfig(name) => Notice::EniConfigUnusable {
            name: name.clone(),
            problem: "its subnet does not exist".to_owned(),
        },
        NoSubnet::NoneUsable(_) => return NoPlace::Subnet(error),
    };
    tools.cloud.notices().tell(notice);
    NoPlace::Subnet(error)
}
