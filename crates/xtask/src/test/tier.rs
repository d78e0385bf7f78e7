//! The tiers: what is run in which order.

use super::build::Program;

/// A group of tests that cost about the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Tier {
    /// The sources are formatted.
    Fmt,
    /// The rules of the house.
    Tidy,
    /// Values, rules and plans; needs nothing.
    Core,
    /// The other crates; some start the AWS sandbox or helm.
    Crates,
    /// The test bed, the operator and the plugin on a real control plane, and the node agent on a real kernel.
    System,
}

impl Tier {
    /// Those that run test programs, in their order.
    pub(super) const WITH_PROGRAMS: [Self; 3] = [Self::Core, Self::Crates, Self::System];

    /// Where a test program belongs.
    pub(super) fn of(program: &Program) -> Self {
        match (program.package.as_str(), program.integration) {
            ("vpccni-core", _) => Self::Core,
            ("vpccni-testbed" | "vpc-cni-operator" | "vpccni-kubectl" | "vpccni-e2e", true) => Self::System,
            _ => Self::Crates,
        }
    }
}
