//! The cloud of a run: the real one from the standard environment, or one that answers why there is none; and the
//! count of every call, whoever answers it.

use crate::context::Settings;
use crate::metrics::Metrics;
use std::sync::Arc;
use vpccni_aws::{Aws, Metered, Overrides};
use vpccni_core::ports::groups::{AutoScaling, LaunchTemplates, NodeGroups};
use vpccni_core::ports::{Answer, CloudError, CloudErrorKind, Ec2, Eks};
use vpccni_core::with_cloud_ports;

/// The ports of a run.
#[derive(Debug, Clone)]
pub struct Cloud {
    /// EC2.
    pub ec2: Arc<dyn Ec2>,
    /// EKS.
    pub eks: Arc<dyn Eks>,
    /// Auto Scaling groups.
    pub scaling: Arc<dyn AutoScaling>,
    /// Launch templates.
    pub templates: Arc<dyn LaunchTemplates>,
    /// EKS managed node groups.
    pub node_groups: Arc<dyn NodeGroups>,
}

impl Cloud {
    /// All ports from one hand.
    pub fn of<P>(ports: &Arc<P>) -> Self
    where
        P: Ec2 + Eks + AutoScaling + LaunchTemplates + NodeGroups + 'static,
    {
        Self {
            ec2: ports.clone(),
            eks: ports.clone(),
            scaling: ports.clone(),
            templates: ports.clone(),
            node_groups: ports.clone(),
        }
    }

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
                Self::of(&Arc::new(Metered::new(aws, per_minute)))
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
        Self::of(&Arc::new(NoCloud { why: why.to_owned() }))
    }

    /// The same, with every call counted.
    pub(super) fn counted(self, metrics: &Arc<Metrics>) -> Self {
        Self::of(&Arc::new(Counted {
            inner: self,
            metrics: metrics.clone(),
        }))
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
    ($($port:path as $field:ident {
        $($call:ident($($name:ident: $argument:ty),+) -> $answer:ty = $action:literal;)+
    })+) => {
        $(
            impl $port for NoCloud {
                $(fn $call<'a>(&'a self, $($name: $argument),+) -> Answer<'a, $answer> {
                    $(let _ = $name;)+
                    self.refuse($action)
                })+
            }

            impl $port for Counted {
                $(fn $call<'a>(&'a self, $($name: $argument),+) -> Answer<'a, $answer> {
                    self.count($action, self.inner.$field.$call($($name),+))
                })+
            }
        )+
    };
}

with_cloud_ports!(ports);

#[cfg(test)]
mod tests {
    use super::*;
    use vpccni_core::ids::VpcId;

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
