//! U9 to U12: ENIConfigs that are missing, wrong, changed or named in another way while nodes use them.

mod checks;

use super::{CODE, CUSTOM_GUIDE};
use crate::config::Key;
use crate::safety::change::Part;
use crate::safety::finding::{Resolution, RuleId, Severity};
use crate::safety::rule::{Basis, Rule};

const NAMING: &[Key] = &[
    Key::CustomNetworkCfg,
    Key::EniConfigLabelDef,
    Key::EniConfigAnnotationDef,
];

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: RuleId("eni-config-missing"),
        title: "A zone or a node has no ENIConfig",
        unsafe_ids: &["U9"],
        keys: NAMING,
        parts: &[Part::EniConfigs],
        severity: Severity::Refuse,
        resolution: Resolution::FixPrerequisite,
        acceptable: false,
        basis: &[Basis {
            says: "In custom networking a node whose ENIConfig does not exist attaches no interface; its \
                   start fails and it stays NotReady.",
            source: CODE,
        }],
        fix: "Add an ENIConfig for every zone that can receive a node.",
        check: checks::missing,
    },
    Rule {
        id: RuleId("eni-config-wrong-subnet"),
        title: "An ENIConfig names a subnet that cannot be used",
        unsafe_ids: &["U10"],
        keys: NAMING,
        parts: &[Part::EniConfigs],
        severity: Severity::Refuse,
        resolution: Resolution::FixPrerequisite,
        acceptable: false,
        basis: &[Basis {
            says: "An interface can be attached only in the zone and the VPC of its instance; nothing \
                   checks an ENIConfig before that.",
            source: CUSTOM_GUIDE,
        }],
        fix: "Name a subnet that exists, in the VPC of the cluster and in the zone of the nodes that use \
              the ENIConfig.",
        check: checks::wrong_subnet,
    },
    Rule {
        id: RuleId("eni-config-wrong-security-group"),
        title: "An ENIConfig names a security group that cannot be used",
        unsafe_ids: &["U10"],
        keys: &[Key::CustomNetworkCfg],
        parts: &[Part::EniConfigs],
        severity: Severity::Refuse,
        resolution: Resolution::FixPrerequisite,
        acceptable: false,
        basis: &[Basis {
            says: "EC2 makes no interface with a security group of another VPC or one that does not exist.",
            source: CUSTOM_GUIDE,
        }],
        fix: "Name security groups that exist in the VPC of the cluster.",
        check: checks::wrong_security_group,
    },
    Rule {
        id: RuleId("eni-config-in-use-changed"),
        title: "An ENIConfig changes while nodes use it",
        unsafe_ids: &["U11"],
        keys: &[],
        parts: &[Part::EniConfigs],
        severity: Severity::Refuse,
        resolution: Resolution::ReplaceNodes,
        acceptable: true,
        basis: &[Basis {
            says: "ipamd reads an ENIConfig when it makes an interface: those that exist keep subnet and \
                   groups, so pods of one node end up in two subnets or behind two sets of rules.",
            source: CODE,
        }],
        fix: replace_nodes!("Replace the nodes instead of changing them."),
        check: checks::changed,
    },
    Rule {
        id: RuleId("eni-config-in-use-removed"),
        title: "An ENIConfig goes while nodes use it",
        unsafe_ids: &["U12"],
        keys: &[],
        parts: &[Part::EniConfigs],
        severity: Severity::Refuse,
        resolution: Resolution::FixPrerequisite,
        acceptable: false,
        basis: &[Basis {
            says: "A node looks its ENIConfig up by name whenever it makes an interface and at every start \
                   of aws-node; without it the node gets no further address.",
            source: CODE,
        }],
        fix: "Keep the ENIConfig until no node names it; to rename it, add the new one, move the nodes, \
              then remove the old one.",
        check: checks::removed,
    },
    Rule {
        id: RuleId("eni-config-resolved-elsewhere"),
        title: "Nodes would find another ENIConfig",
        unsafe_ids: &["U12"],
        keys: &[Key::EniConfigLabelDef, Key::EniConfigAnnotationDef],
        parts: &[],
        severity: Severity::Refuse,
        resolution: Resolution::ReplaceNodes,
        acceptable: true,
        basis: &[Basis {
            says: "The name comes from the label vpc.amazonaws.com/externalEniConfig, then the annotation, \
                   then the label the settings name, then it is default; interfaces that exist stay where \
                   they are.",
            source: CODE,
        }],
        fix: replace_nodes!("Give the nodes the new label with the same value first, or replace them."),
        check: checks::resolved_elsewhere,
    },
    Rule {
        id: RuleId("eni-config-not-followed"),
        title: "Interfaces lie outside the subnet of their ENIConfig",
        unsafe_ids: &["U11", "U12"],
        keys: NAMING,
        parts: &[Part::EniConfigs],
        severity: Severity::Warn,
        resolution: Resolution::ReplaceNodes,
        acceptable: true,
        basis: &[Basis {
            says: "Interfaces stay where they were made: a label, an annotation or an ENIConfig has \
                   changed since, or the node is older than custom networking.",
            source: CODE,
        }],
        fix: "Replace the nodes, or put the label, the annotation or the ENIConfig back.",
        check: checks::not_followed,
    },
];
