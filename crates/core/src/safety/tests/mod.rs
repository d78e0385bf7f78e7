//! Every rule has the smallest world that triggers it and the nearest that does not; and what holds for all of them.

mod acceptance;
pub(crate) mod build;
mod cases_datapath;
mod cases_eni_configs;
mod cases_modes;
mod cases_pods;
mod principles;
mod properties;

use super::{CniSetup, Severity, World, review, rules};
use std::collections::BTreeSet;

/// A change in a world.
pub(super) type Situation = (CniSetup, CniSetup, World);

/// What a rule says, and what it does not say.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub rule: &'static str,
    /// What the trigger gives, and what the nearest situation must not reach.
    pub severity: Severity,
    pub trigger: Situation,
    pub near: Situation,
}

pub(super) fn case(rule: &'static str, severity: Severity, trigger: Situation, near: Situation) -> Case {
    Case {
        rule,
        severity,
        trigger,
        near,
    }
}

fn cases() -> Vec<Case> {
    [
        cases_modes::cases(),
        cases_eni_configs::cases(),
        cases_pods::cases(),
        cases_datapath::cases(),
    ]
    .concat()
}

/// The worst a rule says.
pub(super) fn worst(rule: &str, (from, to, world): &Situation) -> Option<Severity> {
    let review = review(from, to, world);
    let of_rule = review.findings.iter().filter(|finding| finding.rule.0 == rule);
    of_rule.map(|finding| finding.severity).max()
}

#[test]
fn each_case_triggers_and_its_neighbour_does_not() {
    for (number, case) in cases().iter().enumerate() {
        assert_eq!(
            worst(case.rule, &case.trigger),
            Some(case.severity),
            "{} (case {number})",
            case.rule
        );
        let near = worst(case.rule, &case.near);
        assert!(
            near < Some(case.severity),
            "{} (case {number}): the nearest gives {near:?}",
            case.rule
        );
    }
}

#[test]
fn every_rule_has_a_case_at_its_own_severity() {
    let covered: BTreeSet<(&str, Severity)> = cases().iter().map(|case| (case.rule, case.severity)).collect();
    let missing: Vec<&str> = rules()
        .filter(|rule| !covered.contains(&(rule.id.0, rule.severity)))
        .map(|rule| rule.id.0)
        .collect();
    assert_eq!(missing, Vec::<&str>::new());
}
