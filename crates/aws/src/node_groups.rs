//! The port `NodeGroups` over the SDK of EKS.

use crate::client::Aws;
use crate::eks::ABSENT;
use crate::{classify, groups_convert};
use aws_sdk_eks::error::ProvideErrorMetadata;
use aws_sdk_eks::types as wire;
use jiff::Timestamp;
use vpccni_core::ports::groups::{
    GroupSize, GroupUpdate, ManagedGroup, NodeGroupCopy, NodeGroupRoll, NodeGroups, TemplateRef, UpdateState,
};
use vpccni_core::ports::{Answer, CloudError, CloudErrorKind};

const DESCRIBE: &str = "eks:DescribeNodegroup";
const CREATE: &str = "eks:CreateNodegroup";
const CONFIG: &str = "eks:UpdateNodegroupConfig";
const VERSION: &str = "eks:UpdateNodegroupVersion";
const DESCRIBE_UPDATE: &str = "eks:DescribeUpdate";
const DELETE: &str = "eks:DeleteNodegroup";

/// Keys that only AWS may set.
const RESERVED: &str = "aws:";

fn scaling(size: GroupSize) -> wire::NodegroupScalingConfig {
    let whole = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    wire::NodegroupScalingConfig::builder()
        .min_size(whole(size.min))
        .max_size(whole(size.max))
        .desired_size(whole(size.desired))
        .build()
}

fn specification(template: &TemplateRef) -> wire::LaunchTemplateSpecification {
    wire::LaunchTemplateSpecification::builder()
        .id(template.id.as_str())
        .version(&template.version)
        .build()
}

/// EKS describes a template by id and name, and takes one of them.
fn by_id(template: &wire::LaunchTemplateSpecification) -> wire::LaunchTemplateSpecification {
    wire::LaunchTemplateSpecification::builder()
        .set_id(template.id().map(str::to_owned))
        .set_version(template.version().map(str::to_owned))
        .build()
}

fn id_of(update: Option<&wire::Update>) -> String {
    update.and_then(wire::Update::id).unwrap_or_default().to_owned()
}

impl Aws {
    pub(crate) async fn wire_group(
        &self,
        cluster: &str,
        name: &str,
    ) -> Result<Option<wire::Nodegroup>, CloudError> {
        let call = self
            .eks
            .describe_nodegroup()
            .cluster_name(cluster)
            .nodegroup_name(name);
        match call.send().await {
            Ok(out) => Ok(out.nodegroup().cloned()),
            Err(error) if error.code() == Some(ABSENT) => Ok(None),
            Err(error) => Err(classify::error(DESCRIBE, &error)),
        }
    }

    async fn read_managed(&self, cluster: &str, name: &str) -> Result<Option<ManagedGroup>, CloudError> {
        let Some(group) = self.wire_group(cluster, name).await? else {
            return Ok(None);
        };
        let read = groups_convert::managed_group(name, &group);
        read.map(Some).map_err(|error| CloudError {
            kind: CloudErrorKind::Internal,
            action: DESCRIBE,
            code: "UnreadableAnswer".to_owned(),
            message: format!("the answer cannot be read: {error}"),
        })
    }

    /// The wire form is copied, so that what core does not know comes along. Where a template is given, EKS takes no
    /// volume and no SSH from the request; where that template names an image, no kind of image either.
    async fn send_copy(&self, copy: &NodeGroupCopy) -> Result<(), CloudError> {
        let NodeGroupCopy {
            cluster,
            like,
            name,
            template,
            size,
            tags,
            token,
        } = copy;
        let like = self.wire_group(cluster, like).await?.ok_or_else(|| CloudError {
            kind: CloudErrorKind::NotFound,
            action: CREATE,
            code: ABSENT.to_owned(),
            message: format!("there is no node group {like} to take the settings from"),
        })?;
        let plain = template.is_none() && like.launch_template().is_none();
        let chosen_by_eks = like.ami_type() != Some(&wire::AmiTypes::Custom);
        let own_tags = like.tags().into_iter().flatten();
        let own_tags = own_tags.filter(|(key, _)| !key.starts_with(RESERVED));
        let tags = own_tags
            .chain(tags)
            .map(|(key, value)| (key.clone(), value.clone()));
        let types = like.instance_types().to_vec();
        let taints = like.taints().to_vec();
        let call = self
            .eks
            .create_nodegroup()
            .cluster_name(cluster)
            .nodegroup_name(name)
            .scaling_config(scaling(*size))
            .set_launch_template(
                template
                    .as_ref()
                    .map(specification)
                    .or_else(|| like.launch_template().map(by_id)),
            )
            .client_request_token(token)
            .set_disk_size(like.disk_size().filter(|_| plain))
            .set_remote_access(like.remote_access().filter(|_| plain).cloned())
            .set_subnets(Some(like.subnets().to_vec()))
            .set_instance_types((!types.is_empty()).then_some(types))
            .set_node_role(like.node_role().map(str::to_owned))
            .set_labels(like.labels().filter(|labels| !labels.is_empty()).cloned())
            .set_taints((!taints.is_empty()).then_some(taints))
            .set_tags(Some(tags.collect()))
            .set_update_config(like.update_config().cloned())
            .set_node_repair_config(like.node_repair_config().cloned())
            .set_capacity_type(like.capacity_type().cloned())
            .set_ami_type(like.ami_type().filter(|_| chosen_by_eks).cloned())
            .set_version(like.version().filter(|_| chosen_by_eks).map(str::to_owned))
            .set_release_version(
                like.release_version()
                    .filter(|_| chosen_by_eks)
                    .map(str::to_owned),
            );
        let done = call.send().await;
        done.map(drop).map_err(|error| classify::error(CREATE, &error))
    }

    async fn send_size(&self, cluster: &str, name: &str, size: GroupSize) -> Result<String, CloudError> {
        let call = self
            .eks
            .update_nodegroup_config()
            .cluster_name(cluster)
            .nodegroup_name(name)
            .scaling_config(scaling(size));
        let out = call
            .send()
            .await
            .map_err(|error| classify::error(CONFIG, &error))?;
        Ok(id_of(out.update()))
    }

    async fn send_roll(&self, roll: &NodeGroupRoll) -> Result<String, CloudError> {
        let NodeGroupRoll {
            cluster,
            name,
            template,
            token,
        } = roll;
        let call = self
            .eks
            .update_nodegroup_version()
            .cluster_name(cluster)
            .nodegroup_name(name)
            .client_request_token(token)
            .set_launch_template(template.as_ref().map(specification));
        let out = call
            .send()
            .await
            .map_err(|error| classify::error(VERSION, &error))?;
        Ok(id_of(out.update()))
    }

    async fn read_update(
        &self,
        cluster: &str,
        name: &str,
        id: &str,
    ) -> Result<Option<GroupUpdate>, CloudError> {
        let call = self.eks.describe_update().name(cluster).nodegroup_name(name);
        let out = match call.update_id(id).send().await {
            Ok(out) => out,
            Err(error) if error.code() == Some(ABSENT) => return Ok(None),
            Err(error) => return Err(classify::error(DESCRIBE_UPDATE, &error)),
        };
        Ok(out.update().map(|update| GroupUpdate {
            state: match update.status() {
                Some(wire::UpdateStatus::Successful) => UpdateState::Successful,
                Some(wire::UpdateStatus::Failed) => UpdateState::Failed,
                Some(wire::UpdateStatus::Cancelled) => UpdateState::Cancelled,
                _ => UpdateState::InProgress,
            },
            // EKS says it of every update; where it does not, the update is from before every resume.
            created: update
                .created_at()
                .and_then(|at| Timestamp::from_second(at.secs()).ok())
                .unwrap_or(Timestamp::UNIX_EPOCH),
            issues: update.errors().iter().map(groups_convert::update_issue).collect(),
        }))
    }

    async fn send_delete(&self, cluster: &str, name: &str) -> Result<(), CloudError> {
        let call = self.eks.delete_nodegroup().cluster_name(cluster);
        match call.nodegroup_name(name).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some(ABSENT) => Ok(()),
            Err(error) => Err(classify::error(DELETE, &error)),
        }
    }
}

impl NodeGroups for Aws {
    fn managed_group<'a>(&'a self, cluster: &'a str, name: &'a str) -> Answer<'a, Option<ManagedGroup>> {
        Box::pin(self.read_managed(cluster, name))
    }

    fn create_like<'a>(&'a self, copy: &'a NodeGroupCopy) -> Answer<'a, ()> {
        Box::pin(self.send_copy(copy))
    }

    fn resize<'a>(&'a self, cluster: &'a str, name: &'a str, size: GroupSize) -> Answer<'a, String> {
        Box::pin(self.send_size(cluster, name, size))
    }

    fn roll<'a>(&'a self, roll: &'a NodeGroupRoll) -> Answer<'a, String> {
        Box::pin(self.send_roll(roll))
    }

    fn group_update<'a>(
        &'a self,
        cluster: &'a str,
        name: &'a str,
        id: &'a str,
    ) -> Answer<'a, Option<GroupUpdate>> {
        Box::pin(self.read_update(cluster, name, id))
    }

    fn delete_group<'a>(&'a self, cluster: &'a str, name: &'a str) -> Answer<'a, ()> {
        Box::pin(self.send_delete(cluster, name))
    }
}
