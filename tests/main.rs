//! System tests of the operator: stories on a real control plane, with the sandbox as AWS.

mod admission;
mod bed;
mod cloud_trouble;
mod crd_schema;
mod eniconfigs;
mod faults;
mod main_job;
mod malformed;
mod node_states;
mod ownership;
mod rollout;
mod two_leaders;
