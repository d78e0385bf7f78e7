//! Nodes in boxes: real network, mount and process namespaces whose interfaces are those of instances in the sandbox.
//!
//! `Vpc` is the sandbox with a fabric that follows it; `NodeBox` is one instance that is on. Needs root and the
//! programs `ip`, `nft` and those of util-linux; `missing` says what there is not. They are a witness: nothing of the
//! product's own code makes or reads the network here. Calls block for milliseconds: tests use the multi-thread runtime.

mod agent;
mod cgroup;
mod child;
mod error;
mod fabric;
mod folders;
mod forward;
mod kernel;
mod node;
mod pod;
mod process;
mod programs;
pub mod runtime;
mod space;
pub mod traffic;

use std::net::SocketAddr;
use std::sync::Arc;

use vpccni_core::ids::InstanceId;
use vpccni_sandbox::Sandbox;

use crate::cloud::{Cloud, CloudError, PodNetwork};

pub use agent::{Agent, AgentOptions, INTROSPECTION, METRICS, SOCKET};
pub use error::BoxError;
pub use fabric::{Egress, Fabric, Flow, INTERNET, INTERNET6, NAT_ADDRESS, public};
pub use forward::Forwarder;
pub use kernel::{KernelChange, KernelState};
pub use node::NodeBox;
pub use pod::{CONFLIST, Pod};
pub use process::Running;
pub(crate) use programs::find;
pub use programs::{CLOCK, REFERENCE_PLUGINS, STORIES, missing, packages};
pub use space::{Space, within};

/// A VPC whose instances can be booted.
#[derive(Debug, Clone)]
pub struct Vpc(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    // Dropped first: it follows the sandbox.
    fabric: Fabric,
    cloud: Cloud,
    sandbox: Sandbox,
}

impl Vpc {
    /// A sandbox with a VPC of these zones, as `Cloud::build` makes it, and its fabric.
    pub async fn start(zones: &[&str], egress: Egress) -> Result<Self, BoxError> {
        Self::start_with(vpccni_sandbox::Options::default(), zones, egress).await
    }

    /// The same with options of the sandbox.
    pub async fn start_with(
        options: vpccni_sandbox::Options,
        zones: &[&str],
        egress: Egress,
    ) -> Result<Self, BoxError> {
        if let Some(missing) = missing(&[]) {
            return Err(BoxError::Missing(missing));
        }
        let sandbox = Sandbox::start(options)
            .await
            .map_err(|error| BoxError::Sandbox(error.to_string()))?;
        let cloud = Cloud::build(&sandbox, "boxes", zones).map_err(BoxError::Cloud)?;
        let fabric = Fabric::start(&sandbox, egress)?;
        Ok(Self(Arc::new(Inner {
            fabric,
            cloud,
            sandbox,
        })))
    }

    /// The AWS side.
    pub fn cloud(&self) -> &Cloud {
        &self.0.cloud
    }

    /// The sandbox.
    pub fn sandbox(&self) -> &Sandbox {
        &self.0.sandbox
    }

    /// The network between the machines.
    pub fn fabric(&self) -> &Fabric {
        &self.0.fabric
    }

    /// Launches a fresh instance, which has its primary interface and nothing else, and boots it.
    pub async fn launch(&self, zone: &str, instance_type: &str) -> Result<NodeBox, BoxError> {
        let launched = self.0.cloud.launch(zone, instance_type, PodNetwork::FRESH);
        let node = launched.map_err(BoxError::Cloud)?;
        let id = InstanceId::parse(&node.instance_id).map_err(|_| {
            BoxError::Cloud(CloudError::Invalid {
                what: "instance id",
                value: node.instance_id.clone(),
            })
        })?;
        NodeBox::boot(self, &id).await
    }

    async fn imds(&self, instance: &InstanceId) -> Result<SocketAddr, BoxError> {
        let endpoint = self.0.sandbox.imds(instance).await;
        let endpoint = endpoint.map_err(|error| BoxError::Sandbox(error.to_string()))?;
        let address = endpoint.trim_start_matches("http://");
        address
            .parse()
            .map_err(|_| BoxError::Sandbox(format!("{endpoint} is no endpoint")))
    }
}
