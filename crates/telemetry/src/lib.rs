//! Logs, metrics, the admin server and signals: what every program of the project says about itself.
//!
//! Nothing here knows Kubernetes, AWS or the configuration of the CNI. No function reads the environment: what a
//! program was told comes in as arguments.

pub mod admin;
pub mod health;
pub mod logs;
pub mod metrics;
pub mod signals;
pub mod supervisor;
