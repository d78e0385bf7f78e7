//! System tests of the operator: stories on a real control plane, with the sandbox as AWS.

mod bed;
mod crd_schema;
mod main_job;
