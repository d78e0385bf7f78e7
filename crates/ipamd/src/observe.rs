//! Looks at the interfaces of the node: the metadata service first, then one call of EC2, whose word counts where the
//! two disagree.

use crate::cloud::Cloud;
use crate::interface::Interface;
use crate::node::Node;
use std::collections::BTreeMap;
use vpccni_core::assign::Mode;
use vpccni_core::ids::{EniId, InstanceId};
use vpccni_core::ports::CloudError;
use vpccni_core::ports::node::{ImdsEni, NodeEni};

/// The interfaces that the metadata service shows whole, the primary first.
pub async fn shown(cloud: &Cloud) -> Result<Vec<ImdsEni>, CloudError> {
    let macs = cloud.call("imds:GetMetadata", cloud.imds.macs()).await?;
    let mut all = Vec::with_capacity(macs.len());
    for mac in macs {
        let eni = cloud.call("imds:GetMetadata", cloud.imds.interface(mac)).await?;
        all.extend(eni);
    }
    all.sort_by_key(|eni| (eni.network_card, eni.device_index));
    Ok(all)
}

/// The interfaces that EC2 describes, by id.
pub async fn described(cloud: &Cloud, instance: &InstanceId) -> Result<BTreeMap<EniId, NodeEni>, CloudError> {
    let all = cloud
        .call("ec2:DescribeNetworkInterfaces", cloud.ec2.interfaces_of(instance))
        .await?;
    Ok(all.into_iter().map(|eni| (eni.id.clone(), eni)).collect())
}

/// Both views of every interface that both have; one that only the metadata service shows is on its way out, one that
/// only EC2 has is on its way in.
pub fn joined(mode: Mode, shown: &[ImdsEni], described: Option<&BTreeMap<EniId, NodeEni>>) -> Vec<Interface> {
    shown
        .iter()
        .filter_map(|eni| match described {
            None => Some(Interface::new(mode, eni, None)),
            Some(all) => all
                .get(&eni.id)
                .map(|known| Interface::new(mode, eni, Some(known))),
        })
        .collect()
}

/// One interface anew.
pub async fn one(cloud: &Cloud, node: &Node, eni: &EniId) -> Result<Option<NodeEni>, CloudError> {
    let found = cloud
        .call("ec2:DescribeNetworkInterfaces", cloud.ec2.interface(eni))
        .await?;
    let instance = &node.identity.instance;
    Ok(found.filter(|eni| {
        eni.attachment
            .as_ref()
            .is_some_and(|attachment| attachment.instance == *instance)
    }))
}
