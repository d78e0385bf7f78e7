//! The review of a change: what it would break, for whom, on what ground, and what to do instead.

mod finding;
mod setup;
mod world;

pub use finding::{Finding, Fix, Resolution, Review, RuleId, Severity, Subject, SubjectKind};
pub use setup::{CniSetup, EniConfigSpec};
pub use world::{
    ClusterFacts, Compute, EniFacts, IpFamily, NodeFacts, NodeGroup, NodeMode, NodePodFacts, Os, Provider,
    SecurityGroupFacts, SubnetFacts, WorkloadFacts, World, ZoneFacts,
};
mod stub;
pub use stub::{Acceptance, Rule, explain, review};
