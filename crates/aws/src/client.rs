//! The SDK clients, from the standard environment: region, `AWS_ENDPOINT_URL`, and the credential chain (environment,
//! profile, web identity of IRSA, Pod Identity, instance metadata).

use crate::classify;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use std::time::Duration;
use vpccni_core::ports::CloudError;

/// How the SDK names us in its user agent, so that CloudTrail tells our calls apart.
const APP_NAME: &str = "vpc-cni-operator";

/// How long things may take, and how much is asked at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Until a connection stands. EC2 endpoints answer within a round trip; three seconds allow for two lost SYNs.
    pub connect: Duration,
    /// Until one attempt is answered. A page of 1,000 interfaces takes EC2 a second or two.
    pub attempt: Duration,
    /// For a call with all its attempts.
    pub operation: Duration,
    /// Attempts of a call, the first included.
    pub attempts: u32,
    /// Items of a page: 1,000 is the most that EC2 gives, and pages are what it throttles.
    pub page: i32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            attempt: Duration::from_secs(10),
            operation: Duration::from_secs(30),
            attempts: 3,
            page: 1000,
        }
    }
}

/// What takes the place of the environment.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// The region.
    pub region: Option<String>,
    /// The endpoint of every service.
    pub endpoint: Option<String>,
    /// Credentials.
    pub credentials: Option<SharedCredentialsProvider>,
    /// Time-outs and sizes.
    pub limits: Limits,
}

/// EC2, EKS and Auto Scaling of one region, as one caller.
#[derive(Debug, Clone)]
pub struct Aws {
    pub(crate) ec2: aws_sdk_ec2::Client,
    pub(crate) eks: aws_sdk_eks::Client,
    pub(crate) scaling: aws_sdk_autoscaling::Client,
    pub(crate) page: i32,
    region: String,
}

impl Aws {
    /// Reads the environment. Credentials are not fetched yet: their absence shows at the first call, as `Denied`.
    pub async fn from_environment(overrides: Overrides) -> Result<Self, CloudError> {
        let page = overrides.limits.page;
        let config = load(overrides).await;
        let region = config
            .region()
            .map(ToString::to_string)
            .ok_or_else(classify::no_region)?;
        Ok(Self {
            ec2: aws_sdk_ec2::Client::new(&config),
            eks: aws_sdk_eks::Client::new(&config),
            scaling: aws_sdk_autoscaling::Client::new(&config),
            page,
            region,
        })
    }

    /// The region it speaks to.
    pub fn region(&self) -> &str {
        &self.region
    }
}

async fn load(overrides: Overrides) -> SdkConfig {
    let Overrides {
        region,
        endpoint,
        credentials,
        limits,
    } = overrides;
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(limits.connect)
        .operation_attempt_timeout(limits.attempt)
        .operation_timeout(limits.operation)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(limits.attempts));
    if let Ok(name) = AppName::new(APP_NAME) {
        loader = loader.app_name(name);
    }
    if let Some(region) = region {
        loader = loader.region(Region::new(region));
    }
    if let Some(endpoint) = endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    if let Some(credentials) = credentials {
        loader = loader.credentials_provider(credentials);
    }
    loader.load().await
}
