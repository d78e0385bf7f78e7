//! A sandbox, the ports over it, and a raw client that makes the world.

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_ec2::types::InstanceType;
use std::time::Duration;
use vpccni_aws::{Aws, Limits, Overrides};
use vpccni_core::ids::{InstanceId, SubnetId, VpcId};
use vpccni_sandbox::{Options, Sandbox};

pub(crate) struct Lab {
    pub(crate) sandbox: Sandbox,
    pub(crate) aws: Aws,
    pub(crate) raw: aws_sdk_ec2::Client,
    pub(crate) raw_eks: aws_sdk_eks::Client,
    pub(crate) raw_scaling: aws_sdk_autoscaling::Client,
    pub(crate) vpc: VpcId,
}

fn credentials() -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Credentials::new("key", "secret", None, None, "test"))
}

/// Small pages and short time-outs, so that the tests meet both.
pub(crate) fn overrides(endpoint: String) -> Overrides {
    Overrides {
        region: Some("us-west-2".to_owned()),
        endpoint: Some(endpoint),
        credentials: Some(credentials()),
        limits: Limits {
            attempt: Duration::from_millis(1500),
            operation: Duration::from_secs(8),
            page: 100,
            ..Limits::default()
        },
    }
}

impl Lab {
    pub(crate) async fn new() -> Self {
        let sandbox = Sandbox::start(Options::default()).await.expect("starts");
        let aws = Aws::from_environment(overrides(sandbox.endpoint()))
            .await
            .expect("ports");
        let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
            .endpoint_url(sandbox.endpoint())
            .region(aws_config::Region::new("us-west-2"))
            .credentials_provider(credentials())
            .http_client(
                aws_smithy_http_client::Builder::new()
                    .tls_provider(aws_smithy_http_client::tls::Provider::Rustls(
                        aws_smithy_http_client::tls::rustls_provider::CryptoMode::Ring,
                    ))
                    .build_https(),
            )
            .load()
            .await;
        let raw = aws_sdk_ec2::Client::new(&config);
        let raw_eks = aws_sdk_eks::Client::new(&config);
        let raw_scaling = aws_sdk_autoscaling::Client::new(&config);
        let made = raw
            .create_vpc()
            .cidr_block("10.0.0.0/16")
            .send()
            .await
            .expect("a VPC");
        let vpc = made.vpc().and_then(|v| v.vpc_id()).expect("an id");
        let vpc = VpcId::parse(vpc).expect("an id");
        Self {
            sandbox,
            aws,
            raw,
            raw_eks,
            raw_scaling,
            vpc,
        }
    }

    pub(crate) async fn subnet(&self, cidr: &str, zone: &str) -> SubnetId {
        let call = self.raw.create_subnet().vpc_id(self.vpc.as_str());
        let made = call
            .cidr_block(cidr)
            .availability_zone(zone)
            .send()
            .await
            .expect("a subnet");
        let id = made.subnet().and_then(|s| s.subnet_id()).expect("an id");
        SubnetId::parse(id).expect("an id")
    }

    /// So many instances of a type, each with so many secondary addresses on its primary interface.
    pub(crate) async fn instances(
        &self,
        subnet: &SubnetId,
        kind: InstanceType,
        count: i32,
    ) -> Vec<InstanceId> {
        let call = self
            .raw
            .run_instances()
            .image_id("ami-00000000000000001")
            .instance_type(kind);
        let call = call.subnet_id(subnet.as_str()).min_count(count).max_count(count);
        let made = call.send().await.expect("instances");
        let ids = made.instances().iter().filter_map(|i| i.instance_id());
        ids.map(|id| InstanceId::parse(id).expect("an id")).collect()
    }

    /// How often an action was answered.
    pub(crate) fn answered(&self, action: &str) -> u64 {
        let calls = self.sandbox.calls();
        calls
            .iter()
            .filter(|c| c.action == action && c.outcome == "ok")
            .map(|c| c.count)
            .sum()
    }

    pub(crate) async fn end(self) {
        assert_eq!(self.sandbox.world().violations(), Vec::<String>::new());
        self.sandbox.shutdown().await;
    }
}
