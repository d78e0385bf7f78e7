//! The node agent: keeps the warm pool of a node, hands addresses to pods, and programs the host.
//!
//! One task owns the data store (`agent`). Pods are served from memory and a checkpoint; EC2, the kernel and the API
//! server are asked by operations beside it (`ops`), which end with values. What to do is decided in core.

pub mod agent;
pub mod annotations;
pub mod args;
pub mod checkpoint;
pub mod clean;
pub mod clock;
pub mod cloud;
pub mod host;
pub mod init;
pub mod install;
pub mod interface;
pub mod introspect;
pub mod kubernetes;
pub mod left_over;
pub mod metrics;
pub mod node;
pub mod notice;
pub mod observe;
pub mod ops;
pub mod pin;
pub mod probe;
pub mod run;
pub mod service;
pub mod settings;
pub mod start;
