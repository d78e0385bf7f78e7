//! What the plugin needs of the kernel, as a narrow trait, and the real one over netlink.

use std::fmt;
use std::path::Path;
use vpccni_core::datapath::PodNetwork;
use vpccni_netlink::pod;

/// Why the kernel is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelError(pub String);

impl fmt::Display for KernelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for KernelError {}

/// The pod side of the kernel.
pub trait PodKernel {
    /// Makes one interface of a pod, over whatever an earlier try left.
    fn add(&mut self, netns: &Path, pod: &PodNetwork) -> Result<(), KernelError>;

    /// Removes what the node has for it. What is gone already is no error.
    fn delete(&mut self, pod: &PodNetwork) -> Result<(), KernelError>;

    /// Fails unless the interface is there as it was made.
    fn check(&mut self, netns: &Path, pod: &PodNetwork) -> Result<(), KernelError>;
}

/// The kernel, from the network namespace of the calling thread.
#[derive(Clone, Copy, Debug)]
pub struct Netlink;

fn failed(error: impl fmt::Display) -> KernelError {
    KernelError(error.to_string())
}

impl PodKernel for Netlink {
    fn add(&mut self, netns: &Path, network: &PodNetwork) -> Result<(), KernelError> {
        pod::add(netns, network).map(drop).map_err(failed)
    }

    fn delete(&mut self, network: &PodNetwork) -> Result<(), KernelError> {
        pod::delete(network).map_err(failed)
    }

    fn check(&mut self, netns: &Path, network: &PodNetwork) -> Result<(), KernelError> {
        let changes = pod::check(netns, network).map_err(failed)?;
        if changes.is_empty() {
            return Ok(());
        }
        let missing: Vec<String> = changes.iter().map(ToString::to_string).collect();
        Err(KernelError(format!("missing: {}", missing.join("; "))))
    }
}
