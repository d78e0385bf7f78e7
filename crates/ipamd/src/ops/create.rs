//! A new interface: made, attached, waited for, set up. What fails half-way is taken back.

use super::{Places, Tools, set_up};
use crate::host::HostError;
use crate::interface::Interface;
use crate::observe;
use std::time::Duration;
use vpccni_core::eni_tags;
use vpccni_core::ids::{SecurityGroupId, SubnetId};
use vpccni_core::node_enis::{CREATED_TAG, groups_for};
use vpccni_core::pool::{Creating, Want};
use vpccni_core::ports::node::{Capacity, Count, Fill, NewInterface, NodeEni, capacity};
use vpccni_core::ports::{CloudError, CloudErrorKind};

/// Device numbers of a card.
const DEVICES: u32 = 100;

/// Looks at the metadata service before EC2 is asked instead: with doubled pauses up to a few seconds, about a minute.
const LOOKS: u32 = 16;
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Attempts to delete what was made in vain. What is left over in the end, the hourly clean-up finds.
const DELETIONS: u32 = 5;

/// Why there is no new interface.
#[derive(Debug, thiserror::Error)]
pub enum NotCreated {
    /// EC2 refused.
    #[error(transparent)]
    Cloud(CloudError),
    /// It did not appear.
    #[error("the interface {0} was attached and did not appear")]
    NotSeen(String),
    /// The host could not be set up; the interface is attached, and is tried again when store and cloud are compared.
    #[error("the host cannot be set up for the new interface: {0}")]
    Host(HostError),
}

/// How it went.
#[derive(Debug)]
pub struct Creation {
    /// The interface.
    pub result: Result<Interface, NotCreated>,
    /// Subnets that were found to have no room.
    pub full: Vec<SubnetId>,
}

/// Makes an interface in the first of the subnets that has room.
pub async fn create(
    tools: &Tools,
    slot: &Creating,
    places: &Places,
    primary_groups: &[SecurityGroupId],
) -> Creation {
    let mut full = Vec::new();
    let groups = groups_for(places.groups.as_deref(), primary_groups);
    let made = make(tools, slot, &places.subnets, groups, &mut full).await;
    let result = match made {
        Ok(made) => finish(tools, slot, &made).await,
        Err(error) => Err(NotCreated::Cloud(error)),
    };
    Creation { result, full }
}

async fn finish(tools: &Tools, slot: &Creating, made: &NodeEni) -> Result<Interface, NotCreated> {
    attach(tools, slot, made).await.map_err(NotCreated::Cloud)?;
    let interface = appear(tools, slot, made).await?;
    set_up(tools, &interface).await.map_err(NotCreated::Host)?;
    Ok(interface)
}

async fn make(
    tools: &Tools,
    slot: &Creating,
    subnets: &[SubnetId],
    groups: &[SecurityGroupId],
    full: &mut Vec<SubnetId>,
) -> Result<NodeEni, CloudError> {
    let node = &tools.node;
    let mut tags = eni_tags::of(&node.settings.effective, &node.identity.instance);
    let created = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    tags.insert(CREATED_TAG.to_owned(), created);
    let mut new = NewInterface {
        subnet: node.primary_subnet.clone(),
        security_groups: groups.to_vec(),
        description: format!("aws-K8S-{}", node.identity.instance),
        tags,
        fill: fill(slot.want, slot.count),
        tracking: node.tracking,
    };
    let mut last = no_subnet();
    for subnet in subnets {
        new.subnet.clone_from(subnet);
        let cloud = &tools.cloud;
        let mut made = cloud
            .call("ec2:CreateNetworkInterface", cloud.ec2.create_interface(&new))
            .await;
        if made.as_ref().err().and_then(capacity) == Some(Capacity::Subnet) && slot.count > 1 {
            // A subnet in fragments may have one block where it has not several.
            let one = NewInterface {
                fill: fill(slot.want, 1),
                ..new.clone()
            };
            made = cloud
                .call("ec2:CreateNetworkInterface", cloud.ec2.create_interface(&one))
                .await;
        }
        match made {
            Ok(made) => return Ok(made),
            Err(error) if capacity(&error) == Some(Capacity::Subnet) => {
                full.push(subnet.clone());
                last = error;
            }
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

fn no_subnet() -> CloudError {
    CloudError {
        kind: CloudErrorKind::Invalid,
        action: "ec2:CreateNetworkInterface",
        code: "NoSubnet".to_owned(),
        message: "there is no subnet for a new interface".to_owned(),
    }
}

fn fill(want: Want, count: u32) -> Fill {
    match want {
        Want::Addresses => Fill::Ipv4(Count::Addresses(count)),
        Want::Prefixes => Fill::Ipv4(Count::Prefixes(count)),
        Want::Ipv6Prefixes => Fill::Ipv6,
    }
}

/// Attaches it, on the next free device number if the foreseen one is taken, and lets it go with the instance.
async fn attach(tools: &Tools, slot: &Creating, made: &NodeEni) -> Result<(), CloudError> {
    let (cloud, instance) = (&tools.cloud, &tools.node.identity.instance);
    let try_at = |device| {
        cloud.call(
            "ec2:AttachNetworkInterface",
            cloud.ec2.attach(&made.id, instance, slot.card, device),
        )
    };
    let mut attached = try_at(slot.device).await;
    if attached.as_ref().is_err_and(is_taken) {
        let devices = cloud.call("ec2:DescribeInstances", cloud.ec2.devices(instance));
        let devices = devices.await?;
        let free = (0..DEVICES).find(|device| !devices.contains(&(slot.card, *device)));
        if let Some(device) = free {
            attached = try_at(device).await;
        }
    }
    let attachment = match attached {
        Ok(attachment) => attachment,
        Err(error) => {
            // An answer that was lost may have attached it; then it stays.
            let seen = observe::one(cloud, &tools.node, &made.id).await;
            let Ok(Some(NodeEni {
                attachment: Some(attachment),
                ..
            })) = seen
            else {
                take_back(tools, made).await;
                return Err(error);
            };
            attachment.id
        }
    };
    let lasting = cloud.call(
        "ec2:ModifyNetworkInterfaceAttribute",
        cloud.ec2.delete_on_termination(&made.id, &attachment),
    );
    if let Err(error) = lasting.await {
        // It would outlive the instance.
        super::free(tools, &made.id).await.ok();
        return Err(error);
    }
    Ok(())
}

fn is_taken(error: &CloudError) -> bool {
    error.code == "InvalidParameterValue" && error.message.to_ascii_lowercase().contains("device index")
}

async fn take_back(tools: &Tools, made: &NodeEni) {
    let cloud = &tools.cloud;
    for attempt in 0..DELETIONS {
        let deleted = cloud
            .call("ec2:DeleteNetworkInterface", cloud.ec2.delete_interface(&made.id))
            .await;
        match deleted {
            Ok(()) => return,
            Err(error) if error.kind == CloudErrorKind::NotFound => return,
            Err(_) => tokio::time::sleep(tools.pace.pause * (1 << attempt)).await,
        }
    }
}

/// Waits until the metadata service shows it with all that it carries. Where that takes too long, EC2 is the judge.
async fn appear(tools: &Tools, slot: &Creating, made: &NodeEni) -> Result<Interface, NotCreated> {
    let (cloud, node) = (&tools.cloud, &tools.node);
    let mut pause = tools.pace.pause;
    let mut seen = None;
    for _ in 0..LOOKS {
        let shown = cloud
            .call("imds:GetMetadata", cloud.imds.interface(made.mac))
            .await;
        if let Ok(Some(shown)) = shown {
            let interface = Interface::new(node.mode, &shown, Some(made));
            let carries = crate::interface::shown_blocks(node.mode, &shown.addresses).len();
            if carries >= interface.blocks.len() || slot.want == Want::Ipv6Prefixes {
                return Ok(interface);
            }
            seen = Some(shown);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    let described = observe::one(cloud, node, &made.id)
        .await
        .map_err(NotCreated::Cloud)?;
    match (seen, described) {
        (Some(shown), Some(described)) => Ok(Interface::new(node.mode, &shown, Some(&described))),
        _ => Err(NotCreated::NotSeen(made.id.to_string())),
    }
}
