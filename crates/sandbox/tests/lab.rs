//! A sandbox with SDK clients, and the shortest way to a world.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::types::{AttributeBooleanValue, Filter, InstanceStateName, InstanceType, Subnet};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_types::retry::RetryConfig;
use vpccni_sandbox::{Options, Sandbox};

pub(crate) struct Lab {
    pub(crate) sandbox: Sandbox,
    pub(crate) ec2: aws_sdk_ec2::Client,
    pub(crate) config: SdkConfig,
    pub(crate) vpc: String,
}

/// The configuration of an SDK that talks to an endpoint, once and without retries.
pub(crate) async fn sdk_config(endpoint: String) -> SdkConfig {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::new("us-west-2"))
        .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
        .http_client(http)
        .retry_config(RetryConfig::disabled())
        .load()
        .await
}

impl Lab {
    /// A VPC of 10.0.0.0/16 and nothing in it.
    pub(crate) async fn new() -> Self {
        let sandbox = Sandbox::start(Options {
            seed: 42,
            check_invariants: true,
            ..Options::default()
        })
        .await
        .expect("starts");
        let config = sdk_config(sandbox.endpoint()).await;
        let ec2 = aws_sdk_ec2::Client::new(&config);
        let made = ec2
            .create_vpc()
            .cidr_block("10.0.0.0/16")
            .send()
            .await
            .expect("a VPC");
        let vpc = made.vpc().and_then(|v| v.vpc_id()).expect("an id").to_owned();
        Self {
            sandbox,
            ec2,
            config,
            vpc,
        }
    }

    /// A subnet in the first zone.
    pub(crate) async fn subnet(&self, cidr: &str) -> String {
        self.subnet_in(cidr, "us-west-2a").await
    }

    pub(crate) async fn subnet_in(&self, cidr: &str, zone: &str) -> String {
        let made = self
            .ec2
            .create_subnet()
            .vpc_id(&self.vpc)
            .cidr_block(cidr)
            .availability_zone(zone)
            .send()
            .await
            .expect("a subnet");
        made.subnet()
            .and_then(|s| s.subnet_id())
            .expect("an id")
            .to_owned()
    }

    /// An interface attached to nothing.
    pub(crate) async fn eni(&self, subnet: &str) -> String {
        let made = self
            .ec2
            .create_network_interface()
            .subnet_id(subnet)
            .send()
            .await
            .expect("an interface");
        made.network_interface()
            .and_then(|i| i.network_interface_id())
            .expect("an id")
            .to_owned()
    }

    /// A running instance with its primary interface.
    pub(crate) async fn instance(&self, subnet: &str, instance_type: &str) -> String {
        let made = self
            .ec2
            .run_instances()
            .image_id("ami-00000000000000001")
            .instance_type(InstanceType::from(instance_type))
            .min_count(1)
            .max_count(1)
            .subnet_id(subnet)
            .send()
            .await
            .expect("an instance");
        made.instances()
            .first()
            .and_then(|i| i.instance_id())
            .expect("an id")
            .to_owned()
    }

    /// The primary interface of an instance.
    pub(crate) async fn primary_eni(&self, instance: &str) -> String {
        let seen = self
            .ec2
            .describe_network_interfaces()
            .filters(filter("attachment.instance-id", instance))
            .filters(filter("attachment.device-index", "0"))
            .send()
            .await
            .expect("interfaces");
        seen.network_interfaces()
            .first()
            .and_then(|i| i.network_interface_id())
            .expect("a primary interface")
            .to_owned()
    }

    /// The state of an instance.
    pub(crate) async fn state(&self, instance: &str) -> InstanceStateName {
        let seen = self
            .ec2
            .describe_instances()
            .instance_ids(instance)
            .send()
            .await
            .expect("an instance");
        let instance = &seen.reservations()[0].instances()[0];
        instance.state().and_then(|s| s.name()).expect("a state").clone()
    }

    pub(crate) async fn attach(&self, eni: &str, instance: &str, index: i32) -> Result<String, String> {
        self.ec2
            .attach_network_interface()
            .network_interface_id(eni)
            .instance_id(instance)
            .device_index(index)
            .send()
            .await
            .map(|out| out.attachment_id().expect("an id").to_owned())
            .map_err(code)
    }

    /// `AvailableIpAddressCount`.
    pub(crate) async fn available(&self, subnet: &str) -> i32 {
        let seen = self
            .ec2
            .describe_subnets()
            .subnet_ids(subnet)
            .send()
            .await
            .expect("a subnet");
        seen.subnets()
            .first()
            .and_then(Subnet::available_ip_address_count)
            .expect("a count")
    }

    /// Assigns so many addresses and gives them.
    pub(crate) async fn assign(&self, eni: &str, count: i32) -> Result<Vec<String>, String> {
        self.ec2
            .assign_private_ip_addresses()
            .network_interface_id(eni)
            .secondary_private_ip_address_count(count)
            .send()
            .await
            .map(|out| {
                out.assigned_private_ip_addresses()
                    .iter()
                    .filter_map(|a| a.private_ip_address().map(str::to_owned))
                    .collect()
            })
            .map_err(code)
    }

    /// Assigns so many prefixes and gives them.
    pub(crate) async fn assign_prefixes(&self, eni: &str, count: i32) -> Result<Vec<String>, String> {
        self.ec2
            .assign_private_ip_addresses()
            .network_interface_id(eni)
            .ipv4_prefix_count(count)
            .send()
            .await
            .map(|out| {
                out.assigned_ipv4_prefixes()
                    .iter()
                    .filter_map(|p| p.ipv4_prefix().map(str::to_owned))
                    .collect()
            })
            .map_err(code)
    }

    /// The books are right, and everything ends.
    pub(crate) async fn end(self) {
        assert_eq!(self.sandbox.world().violations(), Vec::<String>::new());
        self.sandbox.shutdown().await;
    }
}

pub(crate) fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

pub(crate) fn on() -> AttributeBooleanValue {
    AttributeBooleanValue::builder().value(true).build()
}

/// The code that AWS gave, or a word for what failed before.
#[expect(
    clippy::needless_pass_by_value,
    reason = "it is given to `map_err`, which passes by value"
)]
pub(crate) fn code<E: ProvideErrorMetadata, R>(error: SdkError<E, R>) -> String {
    match &error {
        SdkError::ServiceError(service) => service.err().code().unwrap_or("no code").to_owned(),
        SdkError::TimeoutError(_) => "timeout".to_owned(),
        SdkError::DispatchFailure(_) => "dispatch".to_owned(),
        SdkError::ResponseError(_) => "response".to_owned(),
        _ => "other".to_owned(),
    }
}

/// The message that AWS gave.
pub(crate) fn message<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    error.message().unwrap_or_default().to_owned()
}
