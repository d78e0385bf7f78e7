//! What an acceptance can do, and when it does not count.

use super::build::*;
use crate::config::Key;
use crate::safety::*;

const HASH: &str = "sha256:abc";

fn acceptance(rule: &str) -> Acceptance {
    Acceptance {
        rule: rule.to_owned(),
        change_hash: HASH.to_owned(),
        reason: "tested on staging".to_owned(),
        until: 200,
    }
}

/// The one refusal of a switch to prefix mode.
fn switch() -> Review {
    review(&setup(), &prefix(), &one())
}

fn not_valid(review: &Review) -> Vec<&str> {
    let reports = review
        .findings
        .iter()
        .filter(|finding| finding.rule.0 == "acceptance-not-valid");
    reports.map(|finding| finding.message.as_str()).collect()
}

#[test]
fn an_accepted_refusal_is_a_warning_that_says_why() {
    let accepted = switch().accepted(&[acceptance("prefix-mode-in-place")], HASH, 100);
    assert!(accepted.allows());
    assert!(
        accepted
            .findings
            .iter()
            .any(|finding| finding.message.ends_with("Accepted: tested on staging."))
    );
    assert_eq!(not_valid(&accepted), Vec::<&str>::new());
}

#[test]
fn another_change_or_a_later_day_does_not_count() {
    let entry = [acceptance("prefix-mode-in-place")];
    let other = switch().accepted(&entry, "sha256:def", 100);
    assert!(!other.allows());
    let report = "The acceptance of prefix-mode-in-place does not count: it is for the change sha256:abc, \
                  and this one is sha256:def.";
    assert_eq!(not_valid(&other), [report]);
    let late = switch().accepted(&entry, HASH, 200);
    assert!(!late.allows());
    assert_eq!(
        not_valid(&late),
        ["The acceptance of prefix-mode-in-place does not count: it has expired."]
    );
}

#[test]
fn what_leaves_pods_without_network_cannot_be_accepted() {
    let never = |to: CniSetup, world: World, rule: &str| {
        let review = review(&setup(), &to, &world);
        assert!(
            review
                .findings
                .iter()
                .any(|finding| finding.rule.0 == rule && finding.severity != Severity::Warn)
        );
        let accepted = review.accepted(&[acceptance(rule)], HASH, 100);
        assert!(!accepted.allows(), "{rule}");
        assert_eq!(not_valid(&accepted).len(), 1, "{rule}");
    };
    let packed = node("one")
        .enis(|enis| enis.attached = 3)
        .enis(|enis| enis.secondary_ips = 27)
        .pods(|pods| pods.pods = 27);
    never(prefix(), world([packed]), "prefix-slots-exhausted");
    never(setup().text(Key::VethPrefix, "lo"), one(), "veth-prefix-invalid");
    never(
        custom(),
        world([node("one").max_pods(29)]),
        "max-pods-above-capacity",
    );
}

#[test]
fn an_entry_for_nothing_is_silent_and_one_for_no_rule_is_not() {
    let still = review(&setup(), &setup(), &one());
    let silent = still
        .clone()
        .accepted(&[acceptance("prefix-mode-in-place")], "sha256:def", 900);
    assert_eq!(silent, still);
    let typo = still.accepted(&[acceptance("prefix-mode")], HASH, 100);
    assert!(typo.allows());
    assert_eq!(
        not_valid(&typo),
        ["The acceptance of prefix-mode does not count: there is no rule of that name."]
    );
}
