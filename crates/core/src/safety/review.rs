//! The review itself: every rule, every time, and what an acceptance makes of the result.

use super::change::{Change, Part};
use super::finding::{Finding, Fix, Resolution, Review, Severity, Subject, SubjectKind};
use super::rule::{Rule, Violation};
use super::rules::{ACCEPTANCE, rules};
use super::setup::CniSetup;
use super::world::World;
use crate::config::Key;

/// Everything that is wrong with the change from one set-up to another.
///
/// A rule refuses only what the change causes: where it touches none of the rule's settings and parts, what the rule
/// finds is a warning; so is what was just as wrong before, where the change touches no setting of the rule.
pub fn review(from: &CniSetup, to: &CniSetup, world: &World) -> Review {
    let change = Change::between(from, to);
    let mut findings: Vec<Finding> = rules()
        // Without aws-node nothing else can be said than that it is gone.
        .filter(|rule| to.present || rule.parts.contains(&Part::Presence))
        .flat_map(|rule| apply(rule, &change, world))
        .collect();
    sort(&mut findings);
    Review { findings }
}

fn apply(rule: &'static Rule, change: &Change<'_>, world: &World) -> Vec<Finding> {
    let violations = (rule.check)(change, world);
    if violations.is_empty() {
        return Vec::new();
    }
    let touched = rule.is_touched_by(change);
    let before = if touched && !change.any_key(rule.keys) {
        (rule.check)(&Change::none(change.from), world)
    } else {
        Vec::new()
    };
    violations
        .into_iter()
        .map(|violation| {
            let caused = touched && !before.contains(&violation);
            finding(rule, violation, caused)
        })
        .collect()
}

fn finding(rule: &'static Rule, violation: Violation, caused: bool) -> Finding {
    let Violation {
        severity,
        mut subjects,
        message,
    } = violation;
    subjects.sort_unstable();
    Finding {
        rule: rule.id,
        severity: if caused {
            severity.unwrap_or(rule.severity)
        } else {
            Severity::Warn
        },
        resolution: rule.resolution,
        subjects,
        message,
        fix: Fix(rule.fix.to_owned()),
    }
}

fn sort(findings: &mut [Finding]) {
    findings.sort_unstable_by(|a, b| {
        let rank = |finding: &Finding| (std::cmp::Reverse(finding.severity), finding.rule);
        rank(a)
            .cmp(&rank(b))
            .then_with(|| a.subjects.cmp(&b.subjects))
            .then_with(|| a.message.cmp(&b.message))
    });
}

/// The rule of that name.
pub fn explain(rule: &str) -> Option<&'static Rule> {
    rules()
        .chain(std::iter::once(&ACCEPTANCE))
        .find(|row| row.id.0 == rule)
}

/// A user's word that one rule may be broken by one change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// The rule's name.
    pub rule: String,
    /// The change it is for, as `change_hash` names it.
    pub change_hash: String,
    /// Why.
    pub reason: String,
    /// Seconds since 1970 from which on it no longer counts.
    pub until: i64,
}

impl Review {
    /// The review with accepted refusals turned into warnings that say why. Never is never accepted, nor is a rule that
    /// may not be. An acceptance that was meant for a finding of this review and does not count is reported; one for a
    /// finding that is no longer there is not, for every acceptance is such once its change is made.
    #[must_use]
    pub fn accepted(mut self, acceptances: &[Acceptance], change_hash: &str, now: i64) -> Self {
        let mut reports = Vec::new();
        for acceptance in acceptances {
            // A finding that is Never stays so, whatever its rule usually is.
            let refused =
                |finding: &Finding| finding.rule.0 == acceptance.rule && finding.severity != Severity::Warn;
            let open = |finding: &&mut Finding| {
                finding.rule.0 == acceptance.rule && finding.severity == Severity::Refuse
            };
            if let Some(why) = no_rule(acceptance) {
                reports.push(report(acceptance, &why));
            } else if self.findings.iter().any(refused) {
                match does_not_count(acceptance, change_hash, now) {
                    Some(why) => reports.push(report(acceptance, &why)),
                    None => self.findings.iter_mut().filter(open).for_each(|finding| {
                        finding.severity = Severity::Warn;
                        finding.message = format!("{} Accepted: {}.", finding.message, reason(acceptance));
                    }),
                }
            }
        }
        self.findings.extend(reports);
        sort(&mut self.findings);
        self
    }
}

fn reason(acceptance: &Acceptance) -> &str {
    match acceptance.reason.trim().trim_end_matches('.') {
        "" => "no reason given",
        reason => reason,
    }
}

fn no_rule(acceptance: &Acceptance) -> Option<String> {
    explain(&acceptance.rule)
        .is_none()
        .then(|| "there is no rule of that name".to_owned())
}

fn does_not_count(acceptance: &Acceptance, change_hash: &str, now: i64) -> Option<String> {
    let rule = explain(&acceptance.rule)?;
    if !rule.acceptable || rule.severity == Severity::Never {
        Some("nobody can accept this rule: what it prevents leaves pods or nodes without network".to_owned())
    } else if acceptance.change_hash != change_hash {
        Some(format!(
            "it is for the change {}, and this one is {change_hash}",
            acceptance.change_hash
        ))
    } else if acceptance.until <= now {
        Some("it has expired".to_owned())
    } else {
        None
    }
}

fn report(acceptance: &Acceptance, why: &str) -> Finding {
    Finding {
        rule: ACCEPTANCE.id,
        severity: Severity::Warn,
        resolution: Resolution::Acknowledge,
        subjects: vec![Subject {
            kind: SubjectKind::Setting,
            name: "spec.safety.accept".to_owned(),
            count: 1,
        }],
        message: format!("The acceptance of {} does not count: {why}.", acceptance.rule),
        fix: Fix(ACCEPTANCE.fix.to_owned()),
    }
}

/// Keys of the rules that are about a setting: what `docs/reference/rules.md` and tests of completeness ask.
pub fn rules_about(key: Key) -> impl Iterator<Item = &'static Rule> {
    rules().filter(move |rule| rule.keys.contains(&key))
}
