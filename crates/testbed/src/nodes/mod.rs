//! Simulated nodes: Node objects as EKS makes them, one task that plays kubelet for all of them, and bulk creation.

mod addresses;
mod bulk;
mod conduct;
mod error;
mod jobs;
mod kubelets;
mod pod_status;
mod shape;
mod shared;

pub use bulk::{StaticPods, static_nodes, static_pods};
pub use conduct::{Conduct, env_is};
pub use error::NodeError;
pub use kubelets::Kubelets;
pub use shape::{Provider, SimNode};

/// Objects written at the same time: more does not make two cores faster.
const AT_ONCE: usize = 32;
