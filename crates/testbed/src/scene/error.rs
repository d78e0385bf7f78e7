//! Why a scene could not be set.

use crate::cloud::CloudError;
use crate::control_plane::{CommandError, StartError};
use crate::karpenter::KarpenterError;
use crate::nodes::NodeError;
use crate::wait::TimedOut;

/// A scene that could not be set.
#[derive(Debug, thiserror::Error)]
pub enum SceneError {
    /// The control plane.
    #[error("failed to start the control plane: {0}")]
    ControlPlane(#[source] StartError),
    /// The sandbox.
    #[error("failed to start the AWS sandbox: {0}")]
    Sandbox(String),
    /// The VPC, the instances or the interfaces.
    #[error("failed to set up the sandbox: {0}")]
    Cloud(#[source] CloudError),
    /// kubectl or helm.
    #[error(transparent)]
    Command(CommandError),
    /// The nodes.
    #[error("failed to register the nodes: {0}")]
    Nodes(#[source] NodeError),
    /// Karpenter.
    #[error(transparent)]
    Karpenter(KarpenterError),
    /// The nodes of Auto Scaling groups.
    #[error("{0}")]
    Joined(#[source] TimedOut),
}
