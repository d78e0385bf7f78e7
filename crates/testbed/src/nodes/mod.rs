//! Simulated nodes: Node objects as EKS makes them, one task that plays kubelet for all of them, and bulk creation.

mod addresses;
mod bulk;
mod conduct;
mod jobs;
mod kubelets;
mod pod_status;
mod shape;

pub use bulk::{BulkError, StaticPods, static_nodes, static_pods};
pub use conduct::{Conduct, env_is};
pub use kubelets::{Kubelets, NodeError};
pub use shape::{Provider, SimNode};
