//! AWS as the VPC CNI meets it: EC2, EKS and STS with the real limits, over HTTP, for any AWS SDK through
//! `AWS_ENDPOINT_URL`.
//!
//! `world` holds the state and its rules and knows nothing of the wire; `wire` reads and writes the protocols and
//! knows nothing of the state; `ec2`, `eks` and `sts` join the two, one file per family of actions; `server` carries
//! them over HTTP with `state`, `faults` and `calls` beside it. Nothing is accepted and ignored: what is not modelled is
//! listed in `wire::unmodelled` and answers an error.

mod action;
mod autoscaling;
mod body;
mod calls;
mod changes;
mod clock;
mod control;
mod ec2;
mod eks;
mod error;
mod faults;
mod flight;
mod iam;
mod imds;
mod journal;
mod json_service;
mod listen;
mod metadata_service;
mod perform;
mod query;
mod quotas;
mod server;
mod service;
mod ssm;
mod state;
mod sts;
mod throttle;
mod wire;
pub mod world;

pub use calls::{CallCount, CallerCount, Outcome};
pub use clock::ClockKind;
pub use error::{ApiError, Code};
pub use faults::{Disconnect, Effect, ErrorEffect, Latency, Rule};
pub use journal::{JournalError, Keep};
pub use server::{Sandbox, WorldHandle};
pub use state::{Options, StartError};
pub use throttle::Rate;
