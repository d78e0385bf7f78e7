//! Launching from templates, for whoever manages instances: Auto Scaling, node groups, fleets.

use super::launch::NewInstances;
use super::{LaunchData, LaunchTemplate, Tags, TemplateRef, TemplateVersion, World};
use crate::error::ApiError;
use vpccni_core::ids::{InstanceId, InstanceType, SubnetId};

/// Where and as what an instance of a template is launched: what is said here wins over the template.
#[derive(Debug, Clone)]
pub struct LaunchAt {
    /// The subnet of its interfaces.
    pub subnet: SubnetId,
    /// The type.
    pub instance_type: Option<InstanceType>,
    /// The image.
    pub image: Option<String>,
    /// What it runs at its first start, in base 64.
    pub user_data: Option<String>,
    /// On the spot market.
    pub spot: bool,
    /// Tags beside those of the template.
    pub instance_tags: Tags,
    /// Tags of its volumes beside those of the template.
    pub volume_tags: Tags,
    /// Tags that AWS itself sets, such as `aws:autoscaling:groupName`.
    pub system_tags: Tags,
}

impl LaunchAt {
    /// In a subnet, and else as the template says.
    pub fn in_subnet(subnet: SubnetId) -> Self {
        Self {
            subnet,
            instance_type: None,
            image: None,
            user_data: None,
            spot: false,
            instance_tags: Tags::new(),
            volume_tags: Tags::new(),
            system_tags: Tags::new(),
        }
    }

    /// Lays this over what a template says.
    fn complete(&self, mut data: LaunchData) -> LaunchData {
        if self.instance_type.is_some() {
            data.instance_type.clone_from(&self.instance_type);
        }
        if self.image.is_some() {
            data.image.clone_from(&self.image);
        }
        for (name, value) in [
            ("UserData", self.user_data.as_deref()),
            ("InstanceMarketOptions.MarketType", self.spot.then_some("spot")),
        ] {
            if let Some(value) = value {
                data.settings.0.insert(name.to_owned(), value.to_owned());
            }
        }
        for (resource, tags) in [("instance", &self.instance_tags), ("volume", &self.volume_tags)] {
            let all = data.tags.entry(resource.to_owned()).or_default();
            all.extend(tags.clone());
        }
        data.settings.0.remove("Placement.AvailabilityZone");
        if data.networks.is_empty() {
            data.top.subnet = Some(self.subnet.clone());
        }
        for network in &mut data.networks {
            network.subnet = Some(self.subnet.clone());
        }
        data
    }
}

impl World {
    /// Launches one instance of a template. Its tag specifications are merged with those of `at`, and the instance
    /// says by the tags that AWS sets which version it was made from.
    pub fn launch_from(&mut self, template: &TemplateRef, at: &LaunchAt) -> Result<InstanceId, ApiError> {
        let (found, version) = self.template_version(template)?;
        let mut system_tags = origin_tags(found, version);
        system_tags.extend(at.system_tags.clone());
        let new = NewInstances {
            data: at.complete(version.data.clone()),
            min: 1,
            max: 1,
            system_tags,
            token: None,
        };
        let made = self.run_instances(&new)?;
        made.into_iter().next().ok_or_else(ApiError::internal)
    }
}

/// The tags by which AWS says what an instance was launched from.
pub(crate) fn origin_tags(template: &LaunchTemplate, version: &TemplateVersion) -> Tags {
    Tags::from([
        ("aws:ec2launchtemplate:id".to_owned(), template.id.clone()),
        (
            "aws:ec2launchtemplate:version".to_owned(),
            version.number.to_string(),
        ),
    ])
}
