//! The images of EKS: kinds, releases and ids. AWS publishes a release about every week; here there is one for each
//! Kubernetes version, until the test bed publishes another.

use crate::error::ApiError;
use crate::world::World;
use crate::world::clusters::invalid;

/// The kinds of images, of botocore's enumeration, that Linux nodes have.
pub const AMI_TYPES: [&str; 10] = [
    "AL2_x86_64",
    "AL2_x86_64_GPU",
    "AL2_ARM_64",
    "AL2023_x86_64_STANDARD",
    "AL2023_x86_64_NEURON",
    "AL2023_x86_64_NVIDIA",
    "AL2023_ARM_64_STANDARD",
    "AL2023_ARM_64_NVIDIA",
    "BOTTLEROCKET_x86_64",
    "BOTTLEROCKET_ARM_64",
];

/// The date of the first release.
const FIRST: &str = "20260801";

impl World {
    /// The releases for a Kubernetes version, the newest last. The patch is that of kube-proxy's default.
    fn releases(&self, kubernetes: &str) -> Vec<String> {
        let patch = self
            .catalogue
            .get("kube-proxy", kubernetes)
            .and_then(|offer| offer.default.split('-').next())
            .map_or(kubernetes, |version| version.trim_start_matches('v'));
        let mut releases = vec![format!("{patch}-{FIRST}")];
        releases.extend(self.ami_releases.get(kubernetes).into_iter().flatten().cloned());
        releases
    }

    /// The newest release for a Kubernetes version.
    pub fn latest_release(&self, kubernetes: &str) -> String {
        self.releases(kubernetes).pop().unwrap_or_default()
    }

    /// A release that was asked for, or the newest.
    pub(super) fn release_asked(&self, kubernetes: &str, asked: Option<&str>) -> Result<String, ApiError> {
        let Some(asked) = asked else {
            return Ok(self.latest_release(kubernetes));
        };
        if self.releases(kubernetes).iter().any(|release| release == asked) {
            return Ok(asked.to_owned());
        }
        Err(invalid(format!(
            "Requested Nodegroup release version {asked} is invalid. Allowed release version is {}",
            self.latest_release(kubernetes)
        )))
    }

    /// Publishes a release for a Kubernetes version, the newest from now on.
    pub fn publish_release(&mut self, kubernetes: &str, release: String) {
        self.ami_releases
            .entry(kubernetes.to_owned())
            .or_default()
            .push(release);
    }
}

/// The id of an image: always the same for one kind and release.
pub(super) fn image_id(ami_type: &str, release: &str) -> String {
    // FNV-1a.
    let hash = format!("{ami_type}/{release}")
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    format!("ami-0{hash:016x}")
}
