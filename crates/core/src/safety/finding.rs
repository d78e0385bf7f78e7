//! What a review says.

use std::fmt;

/// The stable name of a rule, kebab-case, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(pub &'static str);

/// The rule that the stages of a migration answer.
pub const SEVERAL_SWITCHES: RuleId = RuleId("several-switches-at-once");

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Applied, and said.
    Warn,
    /// Not applied in place.
    Refuse,
    /// Not applied at all: no path leads there.
    Never,
}

/// What would make the change possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resolution {
    /// Replace the subjects' nodes in the right order; the only one that can become a migration.
    ReplaceNodes,
    /// Recreate the subjects' pods.
    RecyclePods,
    /// Mend something first: an ENIConfig, a subnet, a role, a version.
    FixPrerequisite,
    /// Accept it knowingly, bound to rule and change.
    Acknowledge,
    /// There is none.
    None,
}

/// The kind of thing a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubjectKind {
    /// The whole cluster.
    Cluster,
    /// A group of nodes.
    NodeGroup,
    /// One node.
    Node,
    /// An availability zone.
    Zone,
    /// A subnet.
    Subnet,
    /// An ENIConfig.
    EniConfig,
    /// A security group.
    SecurityGroup,
    /// A setting.
    Setting,
    /// Pods of workloads.
    Pods,
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// What it is.
    pub kind: SubjectKind,
    /// Its name.
    pub name: String,
    /// How many it stands for: the nodes of a group, the pods of a node; 1 for a single thing.
    pub count: u32,
}

/// What to do instead: one or more sentences in the imperative.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fix(pub String);

/// One thing that is wrong with a change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The rule that says so.
    pub rule: RuleId,
    /// How bad.
    pub severity: Severity,
    /// What would make it possible.
    pub resolution: Resolution,
    /// What it is about, sorted.
    pub subjects: Vec<Subject>,
    /// What is wrong, with names and numbers.
    pub message: String,
    /// What to do instead.
    pub fix: Fix,
}

/// Everything that is wrong with a change, the worst first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Review {
    /// Sorted by severity (worst first), rule and subjects.
    pub findings: Vec<Finding>,
}

impl Review {
    /// Whether the change may be applied in place.
    pub fn allows(&self) -> bool {
        self.findings
            .iter()
            .all(|finding| finding.severity == Severity::Warn)
    }

    /// How many findings there are of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    }
}
