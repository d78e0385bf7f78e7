//! The launch template that EKS makes for a node group: the user's, if there is one, with what EKS adds.

use super::{Nodegroup, UserTemplate};
use crate::error::ApiError;
use crate::world::clusters::invalid;
use crate::world::{BlockDevice, LaunchData, NewTemplate, Settings, Tags, TemplateKey, TemplateRef, World};
use std::collections::BTreeMap;

impl World {
    /// The version of the user's template that is meant now, and what it says.
    pub(super) fn user_template(&self, asked: &TemplateRef) -> Result<(UserTemplate, LaunchData), ApiError> {
        let (template, version) = self
            .template_version(asked)
            .map_err(|error| invalid(error.message()))?;
        let user = UserTemplate {
            id: template.id.clone(),
            name: template.name.clone(),
            version: version.number,
        };
        let data = version.data.clone();
        check_user_data(&data)?;
        Ok((user, data))
    }

    /// What the user's template of a node group says; nothing where there is none.
    pub(super) fn user_data_of(&self, user: Option<&UserTemplate>) -> Result<LaunchData, ApiError> {
        let Some(user) = user else {
            return Ok(LaunchData::default());
        };
        let version = TemplateRef {
            id_or_name: TemplateKey::Id(user.id.clone()),
            version: Some(user.version.to_string()),
        };
        Ok(self.user_template(&version)?.1)
    }

    /// What the instances of a node group are launched with.
    pub(super) fn node_data(&self, group: &Nodegroup, user: LaunchData) -> Result<LaunchData, ApiError> {
        let cluster = self.cluster(&group.cluster)?;
        let mut data = user;
        if data.image.is_none() {
            data.image = Some(self.image_of(&group.ami_type, &group.version, &group.release)?);
        }
        if data.top.groups.is_empty() && data.networks.iter().all(|network| network.groups.is_empty()) {
            let groups = vec![cluster.cluster_group.clone()];
            match data
                .networks
                .iter_mut()
                .find(|n| n.device_index.unwrap_or(0) == 0)
            {
                Some(first) => first.groups = groups,
                None => data.top.groups = groups,
            }
        }
        if let Some(size) = group.disk_size {
            let ebs = [("VolumeSize", size.to_string()), ("VolumeType", "gp3".to_owned())];
            data.devices = vec![BlockDevice {
                device: "/dev/xvda".to_owned(),
                ebs: Some(Settings(ebs.map(|(k, v)| (k.to_owned(), v)).into())),
                ..BlockDevice::default()
            }];
        }
        let hop_limit = "MetadataOptions.HttpPutResponseHopLimit";
        if !data
            .settings
            .0
            .keys()
            .any(|name| name.starts_with("MetadataOptions."))
        {
            data.settings.0.insert(hop_limit.to_owned(), "2".to_owned());
        }
        let tags = data.tags.entry("instance".to_owned()).or_default();
        tags.extend(node_tags(group));
        Ok(data)
    }

    /// Makes EKS's template.
    pub(super) fn make_template(
        &mut self,
        name: String,
        data: LaunchData,
        tags: Tags,
    ) -> Result<TemplateKey, ApiError> {
        let new = NewTemplate {
            name,
            description: None,
            data,
            tags,
            token: None,
        };
        let made = self
            .create_template(new)
            .map_err(|error| invalid(error.message()))?;
        Ok(TemplateKey::Id(made.id.clone()))
    }
}

/// The tags of a node group's instances.
pub(super) fn node_tags(group: &Nodegroup) -> Tags {
    BTreeMap::from([
        ("eks:cluster-name".to_owned(), group.cluster.clone()),
        ("eks:nodegroup-name".to_owned(), group.name.clone()),
        (
            format!("kubernetes.io/cluster/{}", group.cluster),
            "owned".to_owned(),
        ),
    ])
}

/// What the user guide forbids in a template for a node group.
fn check_user_data(data: &LaunchData) -> Result<(), ApiError> {
    let has = |name: &str| data.settings.0.keys().any(|setting| setting.starts_with(name));
    let in_subnet = data.top.subnet.is_some() || data.networks.iter().any(|n| n.subnet.is_some());
    for (forbidden, what) in [
        (in_subnet, "a subnet"),
        (has("IamInstanceProfile"), "an IAM instance profile"),
        (has("InstanceMarketOptions"), "a request for Spot Instances"),
        (has("InstanceInitiatedShutdownBehavior"), "a shutdown behavior"),
        (has("HibernationOptions"), "a hibernation behavior"),
    ] {
        if forbidden {
            return Err(invalid(format!("Launch template should not specify {what}")));
        }
    }
    Ok(())
}
