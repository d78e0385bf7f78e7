//! U30 and U32: writes that reset what others set, and taking the CNI away.

use crate::safety::affected::{Affected, single};
use crate::safety::change::{Change, Part};
use crate::safety::finding::{Resolution, RuleId, Severity, SubjectKind};
use crate::safety::rule::{Basis, Rule, Violation};
use crate::safety::world::World;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: RuleId("hand-edits-reset"),
        title: "A write that resets what somebody set by hand",
        unsafe_ids: &["U30"],
        keys: &[],
        parts: &[Part::Overwrite],
        severity: Severity::Refuse,
        resolution: Resolution::Acknowledge,
        acceptable: true,
        basis: &[Basis {
            says: "resolveConflicts OVERWRITE, or an empty configurationValues, puts every field back to \
                   the default of EKS; ENABLE_POD_ENI was lost that way.",
            source: "EKS user guide, amazon-vpc-cni-k8s issue 2268",
        }],
        fix: "Put these settings into the policy, or accept that they are reset.",
        check: hand_edits,
    },
    Rule {
        id: RuleId("cni-removed"),
        title: "The CNI is removed while nodes need it",
        unsafe_ids: &["U32"],
        keys: &[],
        parts: &[Part::Presence],
        severity: Severity::Never,
        resolution: Resolution::None,
        acceptable: false,
        basis: &[Basis {
            says: "Without aws-node no new pod gets an address, and new nodes stay NotReady.",
            source: "aws-cdk issue 366, EKS user guide",
        }],
        fix: "Keep it. To hand it over to somebody else, remove the policy or delete the add-on with \
              preserve.",
        check: removed,
    },
];

fn hand_edits(change: &Change<'_>, world: &World) -> Vec<Violation> {
    // It is this write that does it, whatever the last one did.
    if !change.part(Part::Overwrite) || world.hand_edits.is_empty() {
        return Vec::new();
    }
    let mut edits: Vec<&str> = world.hand_edits.iter().map(String::as_str).collect();
    edits.sort_unstable();
    edits.dedup();
    let subjects = edits
        .iter()
        .map(|edit| single(SubjectKind::Setting, edit))
        .collect();
    let message = format!(
        "The write would reset {}, which nobody but a person has set.",
        edits.join(", ")
    );
    vec![Violation::new(subjects, message)]
}

fn removed(change: &Change<'_>, world: &World) -> Vec<Violation> {
    if !change.from.present || change.to.present {
        return Vec::new();
    }
    Affected::among(world, |_| true).map_or_else(Vec::new, |nodes| {
        let message = format!(
            "The CNI would be removed from {}: no new pod would get an address.",
            nodes.phrase()
        );
        vec![Violation::new(nodes.subjects(), message)]
    })
}
