//! System tests of the operator: stories on a real control plane, with the sandbox as AWS.

#![expect(clippy::unwrap_used, reason = "in a test it is the assertion")]

mod admission;
mod bed;
mod cloud_trouble;
mod crd_schema;
mod eniconfigs;
mod faults;
mod main_job;
mod malformed;
mod managed_addon;
mod migration;
mod migration_faults;
mod node_states;
mod ownership;
mod rollout;
mod two_leaders;
