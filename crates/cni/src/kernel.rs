//! What the plugin needs of the kernel, as a narrow trait, and the real one over netlink.

use std::fmt;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use vpccni_core::datapath::{Change, Egress, EgressFamily, PodNetwork};
use vpccni_netlink::{egress, pod};

const FORWARD: &str = "/proc/sys/net/ipv4/ip_forward";

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

    /// Whether another sandbox has its address by now.
    fn is_anothers(&mut self, pod: &PodNetwork) -> Result<bool, KernelError>;

    /// Fails unless the interface is there as it was made.
    fn check(&mut self, netns: &Path, pod: &PodNetwork) -> Result<(), KernelError>;
}

/// The way out by the other family.
pub trait EgressKernel {
    /// Makes it, over whatever an earlier try left.
    fn add(&mut self, netns: &Path, egress: &Egress) -> Result<(), KernelError>;

    /// Removes what the node has for it. What is gone already is no error.
    fn delete(&mut self, family: EgressFamily, chain: &str) -> Result<(), KernelError>;

    /// The addresses the pod has of it.
    fn addresses(&mut self, netns: &Path, family: EgressFamily) -> Result<Vec<IpAddr>, KernelError>;

    /// Fails unless the node has it as it was made.
    fn check(&mut self, egress: &Egress) -> Result<(), KernelError>;
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

    fn is_anothers(&mut self, network: &PodNetwork) -> Result<bool, KernelError> {
        pod::is_anothers(network).map_err(failed)
    }

    fn check(&mut self, netns: &Path, network: &PodNetwork) -> Result<(), KernelError> {
        none_of(&pod::check(netns, network).map_err(failed)?)
    }
}

impl EgressKernel for Netlink {
    fn add(&mut self, netns: &Path, wanted: &Egress) -> Result<(), KernelError> {
        // Whoever else forwards on this node does it for the other family.
        if wanted.family == EgressFamily::V4 {
            fs::write(FORWARD, "1").map_err(|error| KernelError(format!("write {FORWARD}: {error}")))?;
        }
        egress::add(netns, wanted).map_err(failed)
    }

    fn delete(&mut self, family: EgressFamily, chain: &str) -> Result<(), KernelError> {
        egress::delete(family, chain).map_err(failed)
    }

    fn addresses(&mut self, netns: &Path, family: EgressFamily) -> Result<Vec<IpAddr>, KernelError> {
        egress::addresses(netns, family).map_err(failed)
    }

    fn check(&mut self, wanted: &Egress) -> Result<(), KernelError> {
        none_of(&egress::check(wanted).map_err(failed)?)
    }
}

fn none_of(changes: &[Change]) -> Result<(), KernelError> {
    if changes.is_empty() {
        return Ok(());
    }
    let missing: Vec<String> = changes.iter().map(ToString::to_string).collect();
    Err(KernelError(format!("missing: {}", missing.join("; "))))
}
