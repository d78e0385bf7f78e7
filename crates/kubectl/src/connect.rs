//! The clients: Kubernetes from the kubeconfig and its flags, AWS from the standard environment.

use crate::args::Flags;
use crate::failure::Failure;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use std::sync::Arc;
use std::time::Duration;
use vpccni_aws::{Aws, Limits, Overrides};
use vpccni_core::ports::{Ec2, Eks};
use vpccni_observe::snapshot::{GroupPorts, no_aws};

/// A person waits: a call to AWS gets less time than the operator gives it.
const AWS_OPERATION: Duration = Duration::from_secs(20);

/// A client of the cluster the flags name.
pub(crate) async fn cluster(flags: &Flags) -> Result<Client, Failure> {
    let mut config = config(flags).await?;
    let timeout = Some(flags.request_timeout).filter(|timeout| !timeout.is_zero());
    config.read_timeout = timeout;
    config.write_timeout = timeout;
    config.connect_timeout = timeout;
    Client::try_from(config).map_err(Failure::Client)
}

async fn config(flags: &Flags) -> Result<Config, Failure> {
    let options = KubeConfigOptions {
        context: flags.context.clone(),
        ..KubeConfigOptions::default()
    };
    match &flags.kubeconfig {
        Some(path) => {
            let file = Kubeconfig::read_from(path).map_err(Failure::Kubeconfig)?;
            Config::from_custom_kubeconfig(file, &options)
                .await
                .map_err(Failure::Kubeconfig)
        }
        None if flags.context.is_some() => Config::from_kubeconfig(&options)
            .await
            .map_err(Failure::Kubeconfig),
        None => Config::infer().await.map_err(Failure::NoCluster),
    }
}

/// The ports of AWS, those of groups of nodes too. Without a region they are nobody's, and every fact that needs them
/// says why it is not known.
pub(crate) async fn aws() -> (Arc<dyn Ec2>, Arc<dyn Eks>, Option<GroupPorts>) {
    let overrides = Overrides {
        limits: Limits {
            operation: AWS_OPERATION,
            ..Limits::default()
        },
        ..Overrides::default()
    };
    match Aws::from_environment(overrides).await {
        Ok(aws) => {
            let aws = Arc::new(aws);
            let groups = GroupPorts {
                scaling: aws.clone(),
                templates: aws.clone(),
                node_groups: aws.clone(),
            };
            (aws.clone(), aws, Some(groups))
        }
        Err(error) => {
            let (ec2, eks) = no_aws(&error.message);
            (ec2, eks, None)
        }
    }
}
