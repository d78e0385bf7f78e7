//! What a launch is told: by a request, by a version of a launch template, or by one laid over the other.

use super::{InterfaceKind, Settings, Tags, Want, Want6};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use vpccni_core::ids::{InstanceType, SecurityGroupId, SubnetId};

/// A volume that a launch asks for, and what is left away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BlockDevice {
    /// The device, such as `/dev/xvda`.
    pub device: String,
    /// No volume here, although the image has one.
    pub none: bool,
    /// The settings of the volume by AWS's names, such as `VolumeSize`; none where it is not EBS.
    pub ebs: Option<Settings>,
    /// The name of an instance store volume.
    pub virtual_name: Option<String>,
}

/// One interface of a launch, as far as it is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the parameters")]
pub struct NetworkSpec {
    pub device_index: Option<u32>,
    pub network_card: Option<u32>,
    pub subnet: Option<SubnetId>,
    pub groups: Vec<SecurityGroupId>,
    pub description: Option<String>,
    pub kind: Option<InterfaceKind>,
    pub primary: Option<Ipv4Addr>,
    pub want: Want,
    pub want6: Want6,
    pub primary_ipv6: bool,
    pub tracking: Settings,
    pub delete_on_termination: Option<bool>,
    /// Only `false` is modelled: there are no public addresses here.
    pub public_address: Option<bool>,
}

/// What a launch is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LaunchData {
    /// The image.
    pub image: Option<String>,
    /// The type.
    pub instance_type: Option<InstanceType>,
    /// What is said of the primary interface outside the list of interfaces: groups, and in a request the subnet and
    /// addresses.
    pub top: NetworkSpec,
    /// Interfaces.
    pub networks: Vec<NetworkSpec>,
    /// Volumes.
    pub devices: Vec<BlockDevice>,
    /// Tags by the type of resource.
    pub tags: BTreeMap<String, Tags>,
    /// Everything with one value.
    pub settings: Settings,
}

impl LaunchData {
    /// This, with another laid over it: what the other says wins, lists are replaced, tags are merged by key.
    #[must_use]
    pub fn overlaid(mut self, over: &Self) -> Self {
        let Self {
            image,
            instance_type,
            top,
            networks,
            devices,
            tags,
            settings,
        } = over;
        replace(&mut self.image, image.as_ref());
        replace(&mut self.instance_type, instance_type.as_ref());
        if top.groups.is_empty() {
            let groups = std::mem::take(&mut self.top.groups);
            self.top = NetworkSpec {
                groups,
                ..top.clone()
            };
        } else {
            self.top = top.clone();
        }
        if !networks.is_empty() {
            self.networks.clone_from(networks);
        }
        if !devices.is_empty() {
            self.devices.clone_from(devices);
        }
        for (resource, tags) in tags {
            self.tags
                .entry(resource.clone())
                .or_default()
                .extend(tags.clone());
        }
        self.settings.overlay(settings);
        self
    }

    /// Tags of a type of resource.
    pub fn tags_of(&self, resource: &str) -> Tags {
        self.tags.get(resource).cloned().unwrap_or_default()
    }
}

fn replace<T: Clone>(old: &mut Option<T>, new: Option<&T>) {
    if let Some(new) = new {
        *old = Some(new.clone());
    }
}
