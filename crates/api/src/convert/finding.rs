//! Findings of core as status entries, bounded so that the API server takes them.

use crate::policy::{
    FindingResolution, FindingSeverity, FindingStatus, FindingSubject, FindingSubjectKind, STATUS_FINDINGS,
    STATUS_LIST, STATUS_TEXT,
};
use vpccni_core::safety::{Finding, Fix, Resolution, Review, Severity, Subject, SubjectKind};

/// The longest name of a subject: a label key and value fit.
const SUBJECT_NAME: usize = 317;

/// The text, cut to so many characters with an ellipsis where it is longer.
pub fn bounded(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    text.chars().take(max.saturating_sub(1)).chain(['…']).collect()
}

/// The first findings of a review, and how many there are.
pub fn findings(review: &Review) -> (Vec<FindingStatus>, i64) {
    let first = review.findings.iter().take(STATUS_FINDINGS).map(finding);
    (first.collect(), count(review.findings.len()))
}

/// A finding as status shows it.
pub fn finding(finding: &Finding) -> FindingStatus {
    let Finding {
        rule,
        severity,
        resolution,
        subjects,
        message,
        fix: Fix(fix),
    } = finding;
    FindingStatus {
        rule: rule.to_string(),
        severity: (*severity).into(),
        resolution: (*resolution).into(),
        subjects: subjects.iter().take(STATUS_LIST).map(subject).collect(),
        subjects_total: count(subjects.len()),
        message: bounded(message, STATUS_TEXT),
        fix: bounded(fix, STATUS_TEXT),
    }
}

fn subject(Subject { kind, name, count }: &Subject) -> FindingSubject {
    FindingSubject {
        kind: (*kind).into(),
        name: bounded(name, SUBJECT_NAME),
        count: i64::from(*count),
    }
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

impl From<Severity> for FindingSeverity {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Warn => Self::Warn,
            Severity::Refuse => Self::Refuse,
            Severity::Never => Self::Never,
        }
    }
}

impl From<Resolution> for FindingResolution {
    fn from(resolution: Resolution) -> Self {
        match resolution {
            Resolution::ReplaceNodes => Self::ReplaceNodes,
            Resolution::RecyclePods => Self::RecyclePods,
            Resolution::FixPrerequisite => Self::FixPrerequisite,
            Resolution::Acknowledge => Self::Acknowledge,
            Resolution::None => Self::None,
        }
    }
}

impl From<SubjectKind> for FindingSubjectKind {
    fn from(kind: SubjectKind) -> Self {
        match kind {
            SubjectKind::Cluster => Self::Cluster,
            SubjectKind::NodeGroup => Self::NodeGroup,
            SubjectKind::Node => Self::Node,
            SubjectKind::Zone => Self::Zone,
            SubjectKind::Subnet => Self::Subnet,
            SubjectKind::EniConfig => Self::EniConfig,
            SubjectKind::SecurityGroup => Self::SecurityGroup,
            SubjectKind::Setting => Self::Setting,
            SubjectKind::Pods => Self::Pods,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vpccni_core::safety::RuleId;

    #[test]
    fn a_finding_is_bounded_and_counted() {
        let subjects = (0..30)
            .map(|n| Subject {
                kind: SubjectKind::Node,
                name: format!("n{n}"),
                count: 2,
            })
            .collect();
        let long = Finding {
            rule: RuleId("prefix-mode-in-place"),
            severity: Severity::Refuse,
            resolution: Resolution::ReplaceNodes,
            subjects,
            message: "é".repeat(STATUS_TEXT + 1),
            fix: Fix("replace them".to_owned()),
        };
        let review = Review {
            findings: vec![long; STATUS_FINDINGS + 3],
        };
        let (list, total) = findings(&review);
        assert_eq!((list.len(), total), (STATUS_FINDINGS, 53));
        assert_eq!(
            (list[0].subjects.len(), list[0].subjects_total),
            (STATUS_LIST, 30)
        );
        assert_eq!(list[0].message.chars().count(), STATUS_TEXT);
        assert!(list[0].message.ends_with('…'));
        assert_eq!(list[0].fix, "replace them");
        assert_eq!(list[0].severity, FindingSeverity::Refuse);
        assert_eq!(list[0].subjects[3].count, 2);
    }
}
