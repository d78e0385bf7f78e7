//! A real control plane, simulated nodes and AWS, for the tests and the demo.
//!
//! Nothing here is part of the product: the operator must not depend on this crate outside its tests.

pub mod boxes;
pub mod cloud;
pub mod control_plane;
pub mod eks;
pub mod fixtures;
pub mod fleet;
mod http;
pub mod karpenter;
pub mod memory;
pub mod nodes;
pub mod python;
pub mod scaling;
pub mod scene;
pub mod tools;
pub mod wait;

pub use control_plane::{ControlPlane, Options, StartError};
pub use nodes::{Conduct, Kubelets, Provider, SimNode};
pub use python::{Python, PythonError};
/// The AWS sandbox, for programs that may depend on this crate only.
pub use vpccni_sandbox as sandbox;

pub use tools::{Program, ToolError, Toolbox};
