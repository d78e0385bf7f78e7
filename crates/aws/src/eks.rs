//! The port `Eks` over the SDK.

use crate::batches::all_pages;
use crate::classify;
use crate::client::Aws;
use crate::convert;
use aws_sdk_eks::error::ProvideErrorMetadata;
use aws_sdk_eks::types as wire;
use vpccni_core::ports::{Addon, AddonUpdate, Answer, CloudError, Eks, Nodegroup, ResolveConflicts};

const DESCRIBE_ADDON: &str = "eks:DescribeAddon";
const DESCRIBE_ADDON_VERSIONS: &str = "eks:DescribeAddonVersions";
const UPDATE_ADDON: &str = "eks:UpdateAddon";
const LIST_NODEGROUPS: &str = "eks:ListNodegroups";

/// What EKS says of a thing that is not there.
pub(crate) const ABSENT: &str = "ResourceNotFoundException";

impl Eks for Aws {
    fn addon<'a>(&'a self, cluster: &'a str, name: &'a str) -> Answer<'a, Option<Addon>> {
        Box::pin(self.describe_addon(cluster, name))
    }

    fn addon_versions<'a>(&'a self, name: &'a str, kubernetes: &'a str) -> Answer<'a, Vec<String>> {
        Box::pin(self.describe_addon_versions(name, kubernetes))
    }

    fn update_addon<'a>(&'a self, update: &'a AddonUpdate) -> Answer<'a, String> {
        Box::pin(self.send_addon_update(update))
    }

    fn nodegroups<'a>(&'a self, cluster: &'a str) -> Answer<'a, Vec<String>> {
        Box::pin(self.list_nodegroups(cluster))
    }

    fn nodegroup<'a>(&'a self, cluster: &'a str, name: &'a str) -> Answer<'a, Option<Nodegroup>> {
        Box::pin(self.describe_nodegroup(cluster, name))
    }
}

impl Aws {
    async fn describe_addon(&self, cluster: &str, name: &str) -> Result<Option<Addon>, CloudError> {
        let call = self.eks.describe_addon().cluster_name(cluster).addon_name(name);
        match call.send().await {
            Ok(out) => Ok(out.addon().map(|addon| Addon {
                version: addon.addon_version().unwrap_or_default().to_owned(),
                status: addon.status().map_or("", |status| status.as_str()).to_owned(),
                configuration_values: addon.configuration_values().map(str::to_owned),
                issues: addon.health().map(convert::issues).unwrap_or_default(),
            })),
            Err(error) if is_absent_addon(error.code(), error.message()) => Ok(None),
            Err(error) => Err(classify::error(DESCRIBE_ADDON, &error)),
        }
    }
}

impl Aws {
    async fn describe_addon_versions(&self, name: &str, kubernetes: &str) -> Result<Vec<String>, CloudError> {
        let call = self
            .eks
            .describe_addon_versions()
            .addon_name(name)
            .kubernetes_version(kubernetes);
        let pages = call.into_paginator().items().send();
        let addons = all_pages(DESCRIBE_ADDON_VERSIONS, pages).await?;
        let versions = addons.iter().flat_map(wire::AddonInfo::addon_versions);
        Ok(versions
            .filter_map(|version| version.addon_version().map(str::to_owned))
            .collect())
    }

    async fn send_addon_update(&self, update: &AddonUpdate) -> Result<String, CloudError> {
        let AddonUpdate {
            cluster,
            name,
            version,
            configuration_values,
            resolve_conflicts,
            token,
        } = update;
        let call = self
            .eks
            .update_addon()
            .cluster_name(cluster)
            .addon_name(name)
            .set_addon_version(version.clone())
            .configuration_values(configuration_values)
            .resolve_conflicts(match resolve_conflicts {
                ResolveConflicts::None => wire::ResolveConflicts::None,
                ResolveConflicts::Overwrite => wire::ResolveConflicts::Overwrite,
            })
            .client_request_token(token);
        let answer = call.send().await;
        let out = answer.map_err(|error| classify::error(UPDATE_ADDON, &error))?;
        let id = out.update().and_then(|update| update.id());
        Ok(id.unwrap_or_default().to_owned())
    }

    async fn list_nodegroups(&self, cluster: &str) -> Result<Vec<String>, CloudError> {
        let call = self.eks.list_nodegroups().cluster_name(cluster);
        let pages = call.into_paginator().items().send();
        all_pages(LIST_NODEGROUPS, pages).await
    }

    async fn describe_nodegroup(&self, cluster: &str, name: &str) -> Result<Option<Nodegroup>, CloudError> {
        let group = self.wire_group(cluster, name).await?;
        Ok(group.map(|group| convert::nodegroup(name, &group)))
    }
}

/// An absent add-on is an answer; an absent cluster, which has the same code, is an error. EKS says "No addon: NAME
/// found in cluster: NAME" of the one and "No cluster found for name: NAME" of the other.
fn is_absent_addon(code: Option<&str>, message: Option<&str>) -> bool {
    code == Some(ABSENT) && !message.is_some_and(|message| message.starts_with("No cluster found"))
}
