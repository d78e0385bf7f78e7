//! Auto Scaling groups in the sandbox, and what ipamd does on their fresh instances.

use std::collections::BTreeMap;
use vpccni_core::ids::{InstanceId, InstanceType};
use vpccni_core::user_data::{Family, encoded_with_max_pods};
use vpccni_sandbox::world::{
    GroupChange, LaunchData, LaunchSource, NewNodegroup, NewScalingGroup, NewTemplate, Settings, Sizes, Tags,
    TemplateKey, TemplateRef, UpdateRules, Want, World,
};

use crate::cloud::{Cloud, CloudError, PodNetwork, parsed, refused, run};
use crate::fleet::BY_HAND_TAG;

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
        let data = launch_data(group.instance_type, group.max_pods)?;
        self.world.write(|now| {
            let template = template(now, group.name, data)?;
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

    /// A managed node group with a launch template of the user, which tells the kubelets their max-pods and leaves the
    /// image to EKS.
    pub fn managed_group(&self, group: &FleetGroup) -> Result<(), CloudError> {
        let zone = self.zones.get(group.zone).ok_or_else(|| CloudError::NoZone {
            zone: group.zone.to_owned(),
        })?;
        let mut data = launch_data(group.instance_type, group.max_pods)?;
        data.image = None;
        self.world.write(|now| {
            let template = template(now, group.name, data)?;
            let new = NewNodegroup {
                cluster: self.cluster.clone(),
                name: group.name.to_owned(),
                sizes: Sizes {
                    min: group.count,
                    max: group.max,
                    desired: group.count,
                },
                rules: UpdateRules::default(),
                subnets: vec![zone.nodes.clone()],
                role: "arn:aws:iam::123456789012:role/node".to_owned(),
                version: None,
                release: None,
                ami_type: None,
                spot: false,
                instance_types: Vec::new(),
                disk_size: None,
                labels: BTreeMap::new(),
                taints: Vec::new(),
                template: Some(template),
                tags: Tags::new(),
            };
            now.create_nodegroup(new)
                .map(drop)
                .map_err(refused("create a managed node group"))
        })
    }

    /// What ipamd does when it starts: on a fresh instance it takes addresses, in prefix mode one prefix, for its primary
    /// interface, or under custom networking for one of the pod subnet; for one that gives single addresses, see
    /// [`Self::flip_to_prefixes`].
    pub fn agent_starts(&self, instance: &str, network: PodNetwork) -> Result<(), CloudError> {
        if !self.pod_addresses(instance)?.is_empty() {
            return if network.prefixes {
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
            let zone = instance.zone.as_str().to_owned();
            let want = network.want(now, instance.instance_type.as_str());
            let Some(primary) = instance.interfaces.get(&(0, 0)).cloned() else {
                return Ok(());
            };
            if network.custom {
                let subnets = self.zones.get(&zone).ok_or(CloudError::NoZone { zone })?;
                return self
                    .add_interface(now, &id, 1, self.place(subnets, network), &want)
                    .map(drop);
            }
            now.assign(&primary, &want, false)
                .map(drop)
                .map_err(refused("assign addresses"))
        })
    }

    /// An instance that somebody launches by hand, with this number of pods in its user data: nobody that is known makes
    /// another one when it goes.
    pub fn by_hand(&self, zone: &str, instance_type: &str, max_pods: u32) -> Result<InstanceId, CloudError> {
        let subnets = self.zones.get(zone).ok_or_else(|| CloudError::NoZone {
            zone: zone.to_owned(),
        })?;
        let mut data = launch_data(instance_type, max_pods)?;
        data.networks = vec![self.primary(&subnets.nodes, Want::default())];
        let tags = data.tags.entry("instance".to_owned()).or_default();
        tags.insert(BY_HAND_TAG.to_owned(), "true".to_owned());
        self.world.write(|now| run(now, data))
    }
}

/// A launch template at its newest version.
fn template(now: &mut World, name: &str, data: LaunchData) -> Result<TemplateRef, CloudError> {
    let new = NewTemplate {
        name: name.to_owned(),
        description: None,
        data,
        tags: Tags::new(),
        token: None,
    };
    let made = now
        .create_template(new)
        .map_err(refused("create a launch template"))?;
    Ok(TemplateRef {
        id_or_name: TemplateKey::Id(made.id.clone()),
        version: Some("$Latest".to_owned()),
    })
}

/// What instances are launched with whose user data tells the kubelet its max-pods.
fn launch_data(instance_type: &str, max_pods: u32) -> Result<LaunchData, CloudError> {
    let user_data =
        encoded_with_max_pods(None, max_pods, Family::Al2023).map_err(|error| CloudError::Invalid {
            what: "user data",
            value: error.to_string(),
        })?;
    Ok(LaunchData {
        image: Some("ami-00000000000000001".to_owned()),
        instance_type: Some(parsed("instance type", instance_type, InstanceType::parse)?),
        settings: Settings([("UserData".to_owned(), user_data)].into()),
        ..LaunchData::default()
    })
}
