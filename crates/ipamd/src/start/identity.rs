//! Who the instance is. Nothing can be done before that is known, so the metadata service is asked until it answers.

use crate::cloud::Cloud;
use crate::node::Pace;
use tokio_util::sync::CancellationToken;
use vpccni_core::limits::{self, InstanceLimits};
use vpccni_core::ports::node::{Identity, Imds};
use vpccni_core::ports::{CloudError, Ec2};

/// The instance, and what its type carries.
#[derive(Debug, Clone)]
pub struct Who {
    /// Who it is.
    pub identity: Identity,
    /// What its type carries.
    pub limits: InstanceLimits,
}

/// Asks until there is an answer, or the end.
pub async fn who(imds: &dyn Imds, pace: &Pace, stop: &CancellationToken) -> Option<Identity> {
    loop {
        match imds.identity().await {
            Ok(identity) => return Some(identity),
            Err(error) => tracing::error!(%error, "the metadata service does not say who the instance is"),
        }
        tokio::select! {
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(pace.tick) => {}
        }
    }
}

impl Who {
    /// With the limits of the table, or those that EC2 tells of a newer type.
    pub async fn with_limits(identity: Identity, cloud: &Cloud, ec2: &dyn Ec2) -> Result<Self, CloudError> {
        if let Some(limits) = limits::find(&identity.instance_type) {
            return Ok(Self { identity, limits });
        }
        let types = [identity.instance_type.clone()];
        let told = cloud
            .call("ec2:DescribeInstanceTypes", ec2.instance_types(&types))
            .await?;
        let limits = told.get(&identity.instance_type).copied();
        let limits = limits.ok_or_else(|| CloudError {
            kind: vpccni_core::ports::CloudErrorKind::NotFound,
            action: "ec2:DescribeInstanceTypes",
            code: "UnknownInstanceType".to_owned(),
            message: format!("nobody knows the limits of {}", identity.instance_type),
        })?;
        Ok(Self { identity, limits })
    }
}
