//! The one list of rules, by family. Ids are never reused: a rule that goes leaves its name behind.

/// The safe path of a change that needs new nodes, after a first sentence of the rule.
macro_rules! replace_nodes {
    ($first:literal) => {
        concat!(
            $first,
            " Let only new nodes read the new setting: set updateStrategy OnDelete on the DaemonSet, accept this rule \
             for this one change (spec.safety.accept with status.changeHash), add nodes whose kubelet has the max-pods \
             of the new mode, then cordon and drain the old ones within their PodDisruptionBudgets and set the update \
             strategy back."
        )
    };
}

mod addresses;
mod custom_networking;
mod datapath;
mod eni_configs;
mod lifetime;
mod modes;
mod network_policy;
mod ownership;
mod pod_security_groups;
mod prefix_mode;
mod startup;
mod subnets;
mod versions;
mod warm_pool;

use super::finding::{Resolution, RuleId, Severity};
use super::rule::{Basis, Rule};

/// Rules that belong together.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// What they are about.
    pub title: &'static str,
    /// The rules.
    pub rules: &'static [Rule],
}

/// Every rule, by family, in the order of the reference page.
pub static FAMILIES: &[Family] = &[
    Family {
        title: "Prefix mode",
        rules: prefix_mode::RULES,
    },
    Family {
        title: "Modes and max-pods",
        rules: modes::RULES,
    },
    Family {
        title: "Warm pool",
        rules: warm_pool::RULES,
    },
    Family {
        title: "Subnets",
        rules: subnets::RULES,
    },
    Family {
        title: "Free prefixes",
        rules: addresses::RULES,
    },
    Family {
        title: "Custom networking",
        rules: custom_networking::RULES,
    },
    Family {
        title: "ENIConfigs",
        rules: eni_configs::RULES,
    },
    Family {
        title: "Security groups for pods",
        rules: pod_security_groups::RULES,
    },
    Family {
        title: "Network policy",
        rules: network_policy::RULES,
    },
    Family {
        title: "IP family",
        rules: lifetime::RULES,
    },
    Family {
        title: "Data path",
        rules: datapath::RULES,
    },
    Family {
        title: "Start of aws-node",
        rules: startup::RULES,
    },
    Family {
        title: "Versions",
        rules: versions::RULES,
    },
    Family {
        title: "Ownership",
        rules: ownership::RULES,
    },
];

/// Every rule.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    FAMILIES.iter().flat_map(|family| family.rules)
}

/// What an acceptance that does not count is reported as. It has no check: it is about `spec.safety.accept` alone.
pub(super) static ACCEPTANCE: Rule = Rule {
    id: RuleId("acceptance-not-valid"),
    title: "An acceptance does not count",
    unsafe_ids: &[],
    keys: &[],
    parts: &[],
    severity: Severity::Warn,
    resolution: Resolution::Acknowledge,
    acceptable: false,
    basis: &[Basis {
        says: "An acceptance is bound to one rule, one change, a reason and a date, so that it cannot \
               outlive what it was given for.",
        source: "this project",
    }],
    fix: "Remove the entry of spec.safety.accept, or write a new one for the change as it is now.",
    check: |_, _| Vec::new(),
};

const README: &str = "amazon-vpc-cni-k8s README";
const CODE: &str = "amazon-vpc-cni-k8s v1.23.1";
const PREFIX_GUIDE: &str = "EKS best practices, Prefix Mode for Linux";
const CUSTOM_GUIDE: &str = "EKS best practices, Custom Networking";
const SGP_GUIDE: &str = "EKS best practices, Security Groups per Pod";
