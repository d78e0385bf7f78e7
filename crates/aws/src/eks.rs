//! The port `Eks` over the SDK.

use crate::classify;
use crate::client::Aws;
use aws_sdk_eks::error::ProvideErrorMetadata;
use vpccni_core::ports::{Addon, Answer, CloudError, Eks};

const DESCRIBE_ADDON: &str = "eks:DescribeAddon";

impl Eks for Aws {
    fn addon<'a>(&'a self, cluster: &'a str, name: &'a str) -> Answer<'a, Option<Addon>> {
        Box::pin(self.describe_addon(cluster, name))
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
            })),
            Err(error) if is_absent_addon(error.code(), error.message()) => Ok(None),
            Err(error) => Err(classify::error(DESCRIBE_ADDON, &error)),
        }
    }
}

/// An absent add-on is an answer; an absent cluster, which has the same code, is an error. EKS says "No addon: NAME
/// found in cluster: NAME" of the one and "No cluster found for name: NAME" of the other.
fn is_absent_addon(code: Option<&str>, message: Option<&str>) -> bool {
    code == Some("ResourceNotFoundException")
        && !message.is_some_and(|message| message.starts_with("No cluster found"))
}
