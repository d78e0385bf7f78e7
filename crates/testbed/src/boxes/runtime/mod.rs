//! A real container runtime and a real kubelet on a node in a box.

mod containerd;
mod image;
mod kubelet;

pub use containerd::Containerd;
pub use image::{TOOL_IMAGE, tool_pod};
pub use kubelet::{Kubelet, KubeletOptions};

/// The programs that a node with a kubelet needs besides, and the Debian package of each.
pub const PROGRAMS: [(&str, &str); 7] = super::programs::KUBELET;
