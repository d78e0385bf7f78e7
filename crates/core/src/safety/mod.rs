//! The review of a change: what it would break, for whom, on what ground, and what to do instead.

mod affected;
mod change;
mod finding;
pub mod reference;
mod review;
mod rule;
mod rules;
mod setup;
#[cfg(test)]
pub(crate) mod tests;
mod world;

pub use change::Part;
pub use finding::{
    Finding, Fix, Resolution, Review, RuleId, SEVERAL_SWITCHES, Severity, Subject, SubjectKind,
};
pub use review::{Acceptance, explain, review, rules_about};
pub use rule::{Basis, Rule};
pub use rules::{FAMILIES, Family, rules};
pub use setup::{CniSetup, EniConfigSpec};
pub use world::{
    ClusterFacts, Compute, EniFacts, IpFamily, NodeFacts, NodeGroup, NodeMode, NodePodFacts, Os, Provider,
    SecurityGroupFacts, SubnetFacts, WorkloadFacts, World, ZoneFacts,
};
