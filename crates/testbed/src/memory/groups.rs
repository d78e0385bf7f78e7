//! The ports of Auto Scaling and launch templates over the world of a sandbox, without HTTP.

use super::cloud::{WAY, WorldPorts};
use std::collections::BTreeMap;
use tokio::time::sleep;
use vpccni_core::ids::{InstanceId, LaunchTemplateId};
use vpccni_core::ports::groups::{
    AutoScaling, GroupSize, LaunchSource, LaunchTemplates, Member, MemberState, NewTemplate, NewVersion,
    ScalingGroup, TemplateRef, TemplateVersion,
};
use vpccni_core::ports::{Answer, CloudError, CloudErrorKind};
use vpccni_sandbox::ApiError;
use vpccni_sandbox::world::{
    self, BlockDevice, GroupChange, GroupTag, LaunchData, Process, Settings, TemplateKey, World,
};

/// The name of the setting that holds the user data.
const USER_DATA: &str = "UserData";

fn refused(action: &'static str) -> impl FnOnce(ApiError) -> CloudError {
    move |error| {
        let code = error.code().to_owned();
        let kind = if code.ends_with("NotFound") || code == "ResourceNotFoundException" {
            CloudErrorKind::NotFound
        } else {
            CloudErrorKind::Invalid
        };
        CloudError {
            kind,
            action,
            code,
            message: error.message().to_owned(),
        }
    }
}

impl WorldPorts {
    pub(super) fn change<'a, T: Send + 'a>(
        &'a self,
        action: &'static str,
        change: impl FnOnce(&mut World) -> Result<T, ApiError> + Send + 'a,
    ) -> Answer<'a, T> {
        Box::pin(async move {
            sleep(WAY).await;
            let done = self.0.write(|world| {
                let done = change(world);
                world.rest();
                done
            });
            done.map_err(refused(action))
        })
    }
}

impl AutoScaling for WorldPorts {
    fn groups<'a>(&'a self, names: &'a [String]) -> Answer<'a, Vec<ScalingGroup>> {
        self.answer(move |now| {
            let found = names.iter().filter_map(|name| now.scaling.groups.get(name));
            found.map(|group| scaling_group(now, group)).collect()
        })
    }

    fn groups_of<'a>(&'a self, instances: &'a [InstanceId]) -> Answer<'a, BTreeMap<InstanceId, String>> {
        self.answer(move |now| {
            let found = instances.iter();
            found
                .filter_map(|id| Some((id.clone(), now.scaling.group_of(id)?.name.clone())))
                .collect()
        })
    }

    fn set_desired<'a>(&'a self, group: &'a str, desired: u32) -> Answer<'a, ()> {
        self.change("autoscaling:SetDesiredCapacity", move |now| {
            now.set_desired(group, desired, false)
        })
    }

    fn set_bounds<'a>(&'a self, group: &'a str, min: Option<u32>, max: Option<u32>) -> Answer<'a, ()> {
        let change = GroupChange {
            min,
            max,
            ..GroupChange::default()
        };
        self.change("autoscaling:UpdateAutoScalingGroup", move |now| {
            now.update_scaling_group(group, change)
        })
    }

    fn protect<'a>(&'a self, group: &'a str, instances: &'a [InstanceId], on: bool) -> Answer<'a, ()> {
        self.change("autoscaling:SetInstanceProtection", move |now| {
            now.set_protection(group, instances, on)
        })
    }

    fn suspend<'a>(&'a self, group: &'a str, processes: &'a [String]) -> Answer<'a, ()> {
        self.change("autoscaling:SuspendProcesses", move |now| {
            let named: Vec<_> = processes.iter().filter_map(|name| Process::parse(name)).collect();
            now.suspend_processes(group, &named)
        })
    }

    fn resume<'a>(&'a self, group: &'a str, processes: &'a [String]) -> Answer<'a, ()> {
        self.change("autoscaling:ResumeProcesses", move |now| {
            let named: Vec<_> = processes.iter().filter_map(|name| Process::parse(name)).collect();
            now.resume_processes(group, &named)
        })
    }

    fn terminate<'a>(&'a self, instance: &'a InstanceId, decrement: bool) -> Answer<'a, ()> {
        self.change("autoscaling:TerminateInstanceInAutoScalingGroup", move |now| {
            now.terminate_in_group(instance, decrement).map(drop)
        })
    }

    fn use_template<'a>(&'a self, group: &'a str, template: &'a TemplateRef) -> Answer<'a, ()> {
        self.change("autoscaling:UpdateAutoScalingGroup", move |now| {
            let mut source = now.scaling_group(group)?.source.clone();
            let own = source.mixed.iter_mut().flat_map(|mixed| &mut mixed.overrides);
            let all = own.filter_map(|way| way.template.as_mut());
            let ids: Vec<_> = all
                .chain([&mut source.template])
                .filter(|known| known.id_or_name == TemplateKey::Id(template.id.to_string()))
                .collect();
            for known in ids {
                known.version = Some(template.version.clone());
            }
            let change = GroupChange {
                source: Some(source),
                ..GroupChange::default()
            };
            now.update_scaling_group(group, change)
        })
    }

    fn tag<'a>(&'a self, group: &'a str, tags: &'a BTreeMap<String, String>) -> Answer<'a, ()> {
        self.change("autoscaling:CreateOrUpdateTags", move |now| {
            let tags = tags.iter().map(|(key, value)| GroupTag {
                group: group.to_owned(),
                key: key.clone(),
                value: value.clone(),
                propagate: false,
            });
            now.tag_scaling_groups(&tags.collect::<Vec<_>>())
        })
    }

    fn untag<'a>(&'a self, group: &'a str, keys: &'a [String]) -> Answer<'a, ()> {
        self.change("autoscaling:DeleteTags", move |now| {
            let gone = keys.iter().map(|key| (group.to_owned(), key.clone()));
            now.untag_scaling_groups(&gone.collect::<Vec<_>>())
        })
    }
}

fn scaling_group(now: &World, group: &world::ScalingGroup) -> ScalingGroup {
    ScalingGroup {
        name: group.name.clone(),
        size: GroupSize {
            min: group.min,
            max: group.max,
            desired: group.desired,
        },
        launch: launch(now, &group.source),
        subnets: group.subnets.iter().map(|(id, _)| id.clone()).collect(),
        tags: group.tags.clone(),
        suspended: group
            .suspended
            .keys()
            .map(|process| process.as_str().to_owned())
            .collect(),
        protects_new: group.protect_new,
        deleting: group.deleting,
        members: group.members.values().map(member).collect(),
    }
}

fn launch(now: &World, source: &world::LaunchSource) -> LaunchSource {
    let Some(template) = reference(now, &source.template) else {
        return LaunchSource::Unknown;
    };
    match &source.mixed {
        None => LaunchSource::Template(template),
        Some(mixed) => LaunchSource::Mixed {
            template,
            types: mixed
                .overrides
                .iter()
                .filter_map(|way| way.instance_type.clone())
                .collect(),
            own: mixed
                .overrides
                .iter()
                .filter_map(|way| reference(now, way.template.as_ref()?))
                .collect(),
        },
    }
}

fn reference(now: &World, template: &world::TemplateRef) -> Option<TemplateRef> {
    let found = now.template(&template.id_or_name).ok()?;
    Some(TemplateRef {
        id: LaunchTemplateId::parse(&found.id).ok()?,
        version: template.version.clone().unwrap_or_else(|| "$Default".to_owned()),
    })
}

fn member(member: &world::Member) -> Member {
    let template = member.template.as_ref().and_then(|its| {
        Some(TemplateRef {
            id: LaunchTemplateId::parse(&its.id).ok()?,
            version: its.version.to_string(),
        })
    });
    Member {
        id: member.id.clone(),
        zone: member.zone.clone(),
        instance_type: Some(member.instance_type.clone()),
        state: match member.lifecycle.as_str() {
            "InService" => MemberState::InService,
            state if state.starts_with("Pending") => MemberState::Pending,
            state if state.starts_with("Terminating") || state == "Detaching" => MemberState::Leaving,
            _ => MemberState::Aside,
        },
        healthy: member.unhealthy.is_none(),
        protected: member.protected,
        template,
    }
}

pub(super) fn key(template: &TemplateRef) -> world::TemplateRef {
    world::TemplateRef {
        id_or_name: TemplateKey::Id(template.id.to_string()),
        version: Some(template.version.clone()),
    }
}

fn data(user_data: &str) -> LaunchData {
    LaunchData {
        settings: Settings([(USER_DATA.to_owned(), user_data.to_owned())].into()),
        ..LaunchData::default()
    }
}

impl LaunchTemplates for WorldPorts {
    fn template_version<'a>(&'a self, which: &'a TemplateRef) -> Answer<'a, Option<TemplateVersion>> {
        self.answer(move |now| {
            let (template, version) = now.template_version(&key(which)).ok()?;
            Some(TemplateVersion {
                id: which.id.clone(),
                name: template.name.clone(),
                created_by: version.created_by.clone(),
                number: version.number,
                default: template.default_version,
                latest: template.latest_version,
                tags: template.tags.clone(),
                user_data: version.data.settings.get(USER_DATA).map(str::to_owned),
                image: version.data.image.clone(),
                instance_type: version.data.instance_type.clone(),
                description: version.description.clone(),
            })
        })
    }

    fn create_version<'a>(&'a self, new: &'a NewVersion) -> Answer<'a, u64> {
        self.change("ec2:CreateLaunchTemplateVersion", move |now| {
            let token = Some((new.token.clone(), format!("{new:?}")));
            let key = TemplateKey::Id(new.id.to_string());
            let source = new.source.to_string();
            let description = Some(new.description.clone());
            now.create_template_version(&key, Some(&source), description, &data(&new.user_data), token)
        })
    }

    fn create_template<'a>(&'a self, new: &'a NewTemplate) -> Answer<'a, TemplateRef> {
        const ACTION: &str = "ec2:CreateLaunchTemplate";
        let made = self.change(ACTION, move |now| {
            let device = new.volume.as_ref().map(|(device, gib)| BlockDevice {
                device: device.clone(),
                none: false,
                ebs: Some(Settings([("VolumeSize".to_owned(), gib.to_string())].into())),
                virtual_name: None,
            });
            let made = now.create_template(world::NewTemplate {
                name: new.name.clone(),
                description: None,
                data: LaunchData {
                    devices: device.into_iter().collect(),
                    ..data(&new.user_data)
                },
                tags: new.tags.clone(),
                token: Some((new.token.clone(), format!("{new:?}"))),
            })?;
            Ok((made.id.clone(), made.latest_version.to_string()))
        });
        Box::pin(async move {
            let (id, version) = made.await?;
            let id = LaunchTemplateId::parse(&id).map_err(|error| CloudError {
                kind: CloudErrorKind::Internal,
                action: ACTION,
                code: "UnreadableAnswer".to_owned(),
                message: error.to_string(),
            })?;
            Ok(TemplateRef { id, version })
        })
    }
}
