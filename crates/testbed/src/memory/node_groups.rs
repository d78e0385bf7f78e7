//! The port of managed node groups over the world of a sandbox, without HTTP.

use super::cloud::WorldPorts;
use super::groups::key;
use vpccni_core::ids::LaunchTemplateId;
use vpccni_core::ports::Answer;
use vpccni_core::ports::groups::{
    AtOnce, GroupIssue, GroupSize, GroupTaint, GroupUpdate, ManagedGroup, ManagedStatus, NodeGroupCopy,
    NodeGroupRoll, NodeGroups, TemplateRef, UpdateState,
};
use vpccni_sandbox::world::{
    Issue, MaxUnavailable, NewNodegroup, Nodegroup, NodegroupChange, NodegroupStatus, NodegroupVersion,
    Sizes, Subject, TemplateKey, UpdateStatus,
};

/// The kind of image of a group whose template names the image.
const CUSTOM: &str = "CUSTOM";

impl NodeGroups for WorldPorts {
    fn managed_group<'a>(&'a self, cluster: &'a str, name: &'a str) -> Answer<'a, Option<ManagedGroup>> {
        self.answer(move |now| now.nodegroup(cluster, name).ok().map(managed))
    }

    fn create_like<'a>(&'a self, copy: &'a NodeGroupCopy) -> Answer<'a, ()> {
        self.change("eks:CreateNodegroup", move |now| {
            let like = now.nodegroup(&copy.cluster, &copy.like)?.clone();
            let its = like
                .user_template
                .as_ref()
                .map(|its| vpccni_sandbox::world::TemplateRef {
                    id_or_name: TemplateKey::Id(its.id.clone()),
                    version: Some(its.version.to_string()),
                });
            let template = copy.template.as_ref().map(key).or(its);
            let by_eks = like.ami_type != CUSTOM;
            let mut tags = like.tags.clone();
            tags.extend(copy.tags.clone());
            let new = NewNodegroup {
                cluster: copy.cluster.clone(),
                name: copy.name.clone(),
                sizes: sizes(copy.size),
                rules: like.rules,
                subnets: like.subnets,
                role: like.role,
                version: by_eks.then_some(like.version),
                release: by_eks.then_some(like.release),
                ami_type: by_eks.then_some(like.ami_type),
                spot: like.spot,
                instance_types: like.instance_types,
                disk_size: like.disk_size.filter(|_| template.is_none()),
                labels: like.labels,
                taints: like.taints,
                template,
                tags,
            };
            now.create_nodegroup(new).map(drop)
        })
    }

    fn resize<'a>(&'a self, cluster: &'a str, name: &'a str, size: GroupSize) -> Answer<'a, String> {
        self.change("eks:UpdateNodegroupConfig", move |now| {
            let change = NodegroupChange {
                sizes: Some(sizes(size)),
                ..NodegroupChange::default()
            };
            let asked = vec![
                ("MinSize", size.min.to_string()),
                ("MaxSize", size.max.to_string()),
                ("DesiredSize", size.desired.to_string()),
            ];
            now.update_nodegroup(cluster, name, change, asked)
        })
    }

    fn roll<'a>(&'a self, roll: &'a NodeGroupRoll) -> Answer<'a, String> {
        self.change("eks:UpdateNodegroupVersion", move |now| {
            let asked = NodegroupVersion {
                version: None,
                release: None,
                template: roll.template.as_ref().map(key),
                force: false,
            };
            now.update_nodegroup_version(&roll.cluster, &roll.name, &asked)
        })
    }

    fn group_update<'a>(
        &'a self,
        cluster: &'a str,
        name: &'a str,
        id: &'a str,
    ) -> Answer<'a, Option<GroupUpdate>> {
        self.answer(move |now| {
            let subject = Subject::Nodegroup(name.to_owned());
            let update = now.update(cluster, &subject, id).ok()?;
            Some(GroupUpdate {
                state: match update.status {
                    UpdateStatus::InProgress => UpdateState::InProgress,
                    UpdateStatus::Failed => UpdateState::Failed,
                    UpdateStatus::Successful => UpdateState::Successful,
                },
                created: update.created,
                issues: update.errors.iter().map(issue).collect(),
            })
        })
    }

    fn delete_group<'a>(&'a self, cluster: &'a str, name: &'a str) -> Answer<'a, ()> {
        self.change("eks:DeleteNodegroup", move |now| {
            if now.nodegroup(cluster, name).is_err() {
                return Ok(());
            }
            now.delete_nodegroup(cluster, name).map(drop)
        })
    }
}

fn sizes(size: GroupSize) -> Sizes {
    Sizes {
        min: size.min,
        max: size.max,
        desired: size.desired,
    }
}

fn issue(issue: &Issue) -> GroupIssue {
    GroupIssue {
        code: issue.code.clone(),
        message: issue.message.clone(),
        resources: issue.resources.clone(),
    }
}

fn managed(group: &Nodegroup) -> ManagedGroup {
    let template = group.user_template.as_ref().and_then(|its| {
        Some(TemplateRef {
            id: LaunchTemplateId::parse(&its.id).ok()?,
            version: its.version.to_string(),
        })
    });
    let taints = group.taints.iter().map(|taint| GroupTaint {
        key: taint.key.clone(),
        value: taint.value.clone(),
        effect: taint.effect.clone(),
    });
    ManagedGroup {
        name: group.name.clone(),
        status: status(group.status),
        size: GroupSize {
            min: group.sizes.min,
            max: group.sizes.max,
            desired: group.sizes.desired,
        },
        scaling_groups: vec![group.scaling_group.clone()],
        template,
        ami_type: Some(group.ami_type.clone()),
        version: Some(group.version.clone()),
        release: Some(group.release.clone()),
        instance_types: group.instance_types.clone(),
        subnets: group.subnets.clone(),
        disk_gib: group.disk_size,
        remote_access: false,
        at_once: Some(match group.rules.max_unavailable {
            MaxUnavailable::Nodes(nodes) => AtOnce::Nodes(nodes),
            MaxUnavailable::Percent(share) => AtOnce::Percent(share),
        }),
        labels: group.labels.clone(),
        taints: taints.collect(),
        tags: group.tags.clone(),
        issues: group.issues.iter().map(issue).collect(),
    }
}

fn status(status: NodegroupStatus) -> ManagedStatus {
    match status.as_str() {
        "ACTIVE" => ManagedStatus::Active,
        "CREATING" => ManagedStatus::Creating,
        "UPDATING" => ManagedStatus::Updating,
        "DELETING" => ManagedStatus::Deleting,
        "CREATE_FAILED" => ManagedStatus::CreateFailed,
        "DELETE_FAILED" => ManagedStatus::DeleteFailed,
        "DEGRADED" => ManagedStatus::Degraded,
        other => ManagedStatus::Other(other.to_owned()),
    }
}
