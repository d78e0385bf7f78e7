//! Auto Scaling groups in the sandbox, and what ipamd does on their fresh instances.

use vpccni_core::ids::{InstanceId, InstanceType};
use vpccni_core::user_data::{Family, encoded_with_max_pods};
use vpccni_sandbox::world::{
    GroupChange, LaunchData, LaunchSource, NewScalingGroup, NewTemplate, Settings, Tags, TemplateKey,
    TemplateRef, Want,
};

use crate::cloud::{Cloud, CloudError, parsed, refused};

/// An Auto Scaling group of nodes.
#[derive(Debug, Clone)]
pub struct FleetGroup {
    /// Its name.
    pub name: &'static str,
    /// The zone of its nodes.
    pub zone: &'static str,
    /// Their type.
    pub instance_type: &'static str,
    /// What its user data tells their kubelets.
    pub max_pods: u32,
    /// Its nodes at the start, which are also its minimum.
    pub count: u32,
    /// Never more nodes.
    pub max: u32,
}

impl Cloud {
    /// An Auto Scaling group with a launch template of its own, whose user data tells the kubelets their max-pods.
    pub fn scaling_group(&self, group: &FleetGroup) -> Result<(), CloudError> {
        let zone = self.zones.get(group.zone).ok_or_else(|| CloudError::NoZone {
            zone: group.zone.to_owned(),
        })?;
        let user_data = encoded_with_max_pods(None, group.max_pods, Family::Al2023).map_err(|error| {
            CloudError::Invalid {
                what: "user data",
                value: error.to_string(),
            }
        })?;
        let settings = Settings([("UserData".to_owned(), user_data)].into());
        let data = LaunchData {
            image: Some("ami-00000000000000001".to_owned()),
            instance_type: Some(parsed("instance type", group.instance_type, InstanceType::parse)?),
            settings,
            ..LaunchData::default()
        };
        self.world.write(|now| {
            let template = NewTemplate {
                name: group.name.to_owned(),
                description: None,
                data,
                tags: Tags::new(),
                token: None,
            };
            let made = now
                .create_template(template)
                .map_err(refused("create a launch template"))?;
            let template = TemplateRef {
                id_or_name: TemplateKey::Id(made.id.clone()),
                version: Some("$Latest".to_owned()),
            };
            let source = LaunchSource {
                template,
                mixed: None,
            };
            let setup = GroupChange {
                source: Some(source),
                subnets: Some(vec![zone.nodes.clone()]),
                min: Some(group.count),
                max: Some(group.max),
                desired: Some(group.count),
                ..GroupChange::default()
            };
            let new = NewScalingGroup {
                name: group.name.to_owned(),
                setup,
                ..NewScalingGroup::default()
            };
            now.create_scaling_group(new)
                .map_err(refused("create an Auto Scaling group"))
        })
    }

    /// What ipamd does when it starts: on a fresh instance it takes addresses for its primary interface, in prefix mode
    /// one prefix; for one that gives single addresses, see [`Self::flip_to_prefixes`].
    pub fn agent_starts(&self, instance: &str, prefixes: bool) -> Result<(), CloudError> {
        if !self.pod_addresses(instance)?.is_empty() {
            return if prefixes {
                self.flip_to_prefixes(instance)
            } else {
                Ok(())
            };
        }
        let id = parsed("instance id", instance, InstanceId::parse)?;
        self.world.write(|now| {
            let Some(instance) = now.instances.get(&id) else {
                return Ok(());
            };
            let kind = instance.instance_type.as_str();
            let all = now.types.get(kind).map_or(0, |kind| kind.ipv4_per_eni);
            let Some(primary) = instance.interfaces.get(&(0, 0)).cloned() else {
                return Ok(());
            };
            let want = if prefixes {
                Want {
                    prefix_count: 1,
                    ..Want::default()
                }
            } else {
                Want {
                    count: all.saturating_sub(1),
                    ..Want::default()
                }
            };
            now.assign(&primary, &want, false)
                .map(drop)
                .map_err(refused("assign addresses"))
        })
    }
}
