//! The cloud of a run: the real one from the standard environment, or one that answers why there is none; and the
//! count of every call, whoever answers it.

use crate::context::Settings;
use crate::metrics::Metrics;
use std::collections::BTreeMap;
use std::sync::Arc;
use vpccni_aws::{Aws, Metered, Overrides};
use vpccni_core::ids::{InstanceId, InstanceType, SecurityGroupId, SubnetId, VpcId};
use vpccni_core::limits::InstanceLimits;
use vpccni_core::ports::{
    Addon, AddonUpdate, Answer, CloudError, CloudErrorKind, Ec2, Eks, Eni, Instance, Nodegroup, Reservation,
    SecurityGroup, Subnet,
};

/// The ports of a run.
#[derive(Debug, Clone)]
pub struct Cloud {
    /// EC2.
    pub ec2: Arc<dyn Ec2>,
    /// EKS.
    pub eks: Arc<dyn Eks>,
}

impl Cloud {
    /// The real one, within the budget of calls. Where the environment names no region it is none, with the reason.
    pub async fn from_environment(settings: &Settings) -> Self {
        let overrides = Overrides {
            region: settings.aws_region.clone(),
            ..Overrides::default()
        };
        match Aws::from_environment(overrides).await {
            Ok(aws) => {
                tracing::info!(region = aws.region(), "reading AWS");
                let per_minute = usize::try_from(settings.ec2_calls_per_minute).unwrap_or(usize::MAX);
                let metered = Arc::new(Metered::new(aws, per_minute));
                Self {
                    ec2: metered.clone(),
                    eks: metered,
                }
            }
            Err(error) => {
                tracing::warn!(%error, "going on without AWS");
                Self::none(&error.message)
            }
        }
    }

    /// None: every call is answered with what is missing, so that the conditions say it and everything that rests on
    /// Kubernetes alone goes on.
    pub fn none(why: &str) -> Self {
        let none = Arc::new(NoCloud { why: why.to_owned() });
        Self {
            ec2: none.clone(),
            eks: none,
        }
    }

    /// The same, with every call counted.
    pub(super) fn counted(self, metrics: &Arc<Metrics>) -> Self {
        let counted = Arc::new(Counted {
            inner: self,
            metrics: metrics.clone(),
        });
        Self {
            ec2: counted.clone(),
            eks: counted,
        }
    }
}

#[derive(Debug)]
struct NoCloud {
    why: String,
}

impl NoCloud {
    fn refuse<T: Send + 'static>(&self, action: &'static str) -> Answer<'static, T> {
        let error = CloudError {
            kind: CloudErrorKind::Denied,
            action,
            code: "NotConfigured".to_owned(),
            message: self.why.clone(),
        };
        Box::pin(std::future::ready(Err(error)))
    }
}

#[derive(Debug)]
struct Counted {
    inner: Cloud,
    metrics: Arc<Metrics>,
}

impl Counted {
    fn count<'a, T: Send + 'a>(&'a self, action: &'static str, call: Answer<'a, T>) -> Answer<'a, T> {
        Box::pin(async move {
            let result = call.await;
            let outcome = result.as_ref().err().map_or("ok", CloudError::category);
            self.metrics.cloud_call(action, outcome);
            result
        })
    }
}

/// Both kinds of ports, call by call: what is counted is exactly what is refused.
macro_rules! ports {
    ($port:ident as $field:ident { $($call:ident($argument:ty) -> $answer:ty = $action:literal;)+ }) => {
        impl $port for NoCloud {
            $(fn $call<'a>(&'a self, _about: $argument) -> Answer<'a, $answer> {
                self.refuse($action)
            })+
        }

        impl $port for Counted {
            $(fn $call<'a>(&'a self, about: $argument) -> Answer<'a, $answer> {
                self.count($action, self.inner.$field.$call(about))
            })+
        }
    };
}

ports! {
    Ec2 as ec2 {
        subnets(&'a VpcId) -> Vec<Subnet> = "ec2:DescribeSubnets";
        subnets_by_id(&'a [SubnetId]) -> Vec<Subnet> = "ec2:DescribeSubnets";
        reservations(&'a SubnetId) -> Vec<Reservation> = "ec2:GetSubnetCidrReservations";
        interfaces(&'a VpcId) -> Vec<Eni> = "ec2:DescribeNetworkInterfaces";
        security_groups(&'a VpcId) -> Vec<SecurityGroup> = "ec2:DescribeSecurityGroups";
        security_groups_by_id(&'a [SecurityGroupId]) -> Vec<SecurityGroup> = "ec2:DescribeSecurityGroups";
        instances(&'a [InstanceId]) -> Vec<Instance> = "ec2:DescribeInstances";
        instance_types(&'a [InstanceType]) -> BTreeMap<InstanceType, InstanceLimits> = "ec2:DescribeInstanceTypes";
    }
}

const DESCRIBE_ADDON: &str = "eks:DescribeAddon";
const DESCRIBE_ADDON_VERSIONS: &str = "eks:DescribeAddonVersions";
const UPDATE_ADDON: &str = "eks:UpdateAddon";
const DESCRIBE_NODEGROUP: &str = "eks:DescribeNodegroup";
const LIST_NODEGROUPS: &str = "eks:ListNodegroups";

impl Eks for NoCloud {
    fn addon<'a>(&'a self, _cluster: &'a str, _name: &'a str) -> Answer<'a, Option<Addon>> {
        self.refuse(DESCRIBE_ADDON)
    }

    fn addon_versions<'a>(&'a self, _name: &'a str, _kubernetes: &'a str) -> Answer<'a, Vec<String>> {
        self.refuse(DESCRIBE_ADDON_VERSIONS)
    }

    fn update_addon<'a>(&'a self, _update: &'a AddonUpdate) -> Answer<'a, String> {
        self.refuse(UPDATE_ADDON)
    }

    fn nodegroups<'a>(&'a self, _cluster: &'a str) -> Answer<'a, Vec<String>> {
        self.refuse(LIST_NODEGROUPS)
    }

    fn nodegroup<'a>(&'a self, _cluster: &'a str, _name: &'a str) -> Answer<'a, Option<Nodegroup>> {
        self.refuse(DESCRIBE_NODEGROUP)
    }
}

impl Eks for Counted {
    fn addon<'a>(&'a self, cluster: &'a str, name: &'a str) -> Answer<'a, Option<Addon>> {
        self.count(DESCRIBE_ADDON, self.inner.eks.addon(cluster, name))
    }

    fn addon_versions<'a>(&'a self, name: &'a str, kubernetes: &'a str) -> Answer<'a, Vec<String>> {
        self.count(
            DESCRIBE_ADDON_VERSIONS,
            self.inner.eks.addon_versions(name, kubernetes),
        )
    }

    fn update_addon<'a>(&'a self, update: &'a AddonUpdate) -> Answer<'a, String> {
        self.count(UPDATE_ADDON, self.inner.eks.update_addon(update))
    }

    fn nodegroups<'a>(&'a self, cluster: &'a str) -> Answer<'a, Vec<String>> {
        self.count(LIST_NODEGROUPS, self.inner.eks.nodegroups(cluster))
    }

    fn nodegroup<'a>(&'a self, cluster: &'a str, name: &'a str) -> Answer<'a, Option<Nodegroup>> {
        self.count(DESCRIBE_NODEGROUP, self.inner.eks.nodegroup(cluster, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_a_cloud_every_call_says_why_and_is_counted() {
        let metrics = Arc::new(Metrics::default());
        let cloud = Cloud::none("no region: set AWS_REGION").counted(&metrics);
        let vpc = VpcId::parse("vpc-0123456789abcdef0").unwrap();
        let error = cloud.ec2.subnets(&vpc).await.unwrap_err();
        assert_eq!(
            (error.kind, error.action),
            (CloudErrorKind::Denied, "ec2:DescribeSubnets")
        );
        assert!(error.to_string().contains("set AWS_REGION"), "{error}");
        cloud.eks.addon("prod", "vpc-cni").await.unwrap_err();
        let text = metrics.registry().encode().unwrap();
        for action in ["ec2:DescribeSubnets", "eks:DescribeAddon"] {
            let line = format!("vpccni_cloud_calls_total{{action=\"{action}\",outcome=\"denied\"}} 1");
            assert!(text.contains(&line), "{line} is missing in {text}");
        }
    }
}
