//! What the contract says in words: texts, subjects, honesty, and single facts that are easy to get wrong.

use super::build::*;
use super::{cases, worst};
use crate::config::{ChangeClass, FIELDS, Key};
use crate::safety::*;
use std::collections::BTreeSet;

fn find(review: &Review, rule: &str) -> Finding {
    let found = review.findings.iter().find(|finding| finding.rule.0 == rule);
    found
        .cloned()
        .unwrap_or_else(|| panic!("no {rule} in {review:#?}"))
}

#[test]
fn ids_are_kebab_case_and_unique() {
    let ids: Vec<&str> = rules().map(|rule| rule.id.0).collect();
    let unique: BTreeSet<&&str> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len());
    for id in ids {
        assert!(
            id.split('-')
                .all(|word| !word.is_empty()
                    && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())),
            "{id}"
        );
        assert_eq!(explain(id).map(|rule| rule.id.0), Some(id));
    }
    assert!(explain("no-such-rule").is_none());
}

#[test]
fn rows_are_whole() {
    for rule in rules() {
        let id = rule.id;
        assert!(!rule.title.is_empty() && !rule.title.ends_with('.'), "{id}");
        assert!(rule.fix.ends_with('.'), "{id}");
        assert!(!rule.unsafe_ids.is_empty() && !rule.basis.is_empty(), "{id}");
        assert!(
            rule.basis
                .iter()
                .all(|basis| basis.says.ends_with('.') && !basis.source.is_empty()),
            "{id}"
        );
        assert!(
            !rule.keys.is_empty() || !rule.parts.is_empty(),
            "{id} is about nothing"
        );
        assert!(!(rule.acceptable && rule.severity == Severity::Never), "{id}");
        assert_eq!(
            rule.severity == Severity::Never,
            rule.resolution == Resolution::None && rule.severity != Severity::Warn,
            "{id}"
        );
    }
}

#[test]
fn every_setting_that_outlives_a_restart_has_a_rule() {
    let classes = [
        ChangeClass::ReplaceNodes,
        ChangeClass::ReplaceNodesMaxPods,
        ChangeClass::ClusterLifetime,
    ];
    let without: Vec<String> = FIELDS
        .iter()
        .filter(|field| classes.contains(&field.class))
        .filter(|field| rules_about(field.key).next().is_none())
        .map(|field| field.key.to_string())
        .collect();
    assert_eq!(without, Vec::<String>::new());
}

#[test]
fn texts_are_sentences_without_debug_formatting() {
    for case in cases() {
        for (from, to, world) in [&case.trigger, &case.near] {
            for finding in review(from, to, world).findings {
                let text = &finding.message;
                assert!(
                    text.ends_with('.') && !text.contains("..") && !text.contains("  "),
                    "{text}"
                );
                for debug in ["Some(", "None", "Yes(", "Unknown(", "{", "[", "Bool("] {
                    assert!(!text.contains(debug), "{text}");
                }
                assert!(
                    !finding.fix.0.is_empty() && !finding.subjects.is_empty(),
                    "{}",
                    finding.rule
                );
                assert!(finding.subjects.is_sorted());
            }
        }
    }
}

#[test]
fn both_sentences_of_aws_stand_in_the_rule() {
    let rule = explain("prefix-mode-in-place").unwrap();
    let sources: Vec<&str> = rule.basis.iter().map(|basis| basis.source).collect();
    assert!(sources.iter().any(|source| source.contains("README")));
    assert!(sources.iter().any(|source| source.contains("best practices")));
    assert!(rule.basis[0].says.contains("supported") && rule.basis[1].says.contains("new node groups"));
}

#[test]
fn the_message_of_the_switch_has_the_numbers() {
    let full = node("packed")
        .enis(|enis| {
            enis.attached = 3;
            enis.secondary_ips = 27;
        })
        .pods(|pods| pods.pods = 27);
    let nodes = [node("one"), full, node("three").in_group("green").max_pods(29)];
    let review = review(&setup(), &prefix(), &world(nodes));
    let finding = find(&review, "prefix-mode-in-place");
    assert_eq!(
        finding.message,
        "ENABLE_PREFIX_DELEGATION would go on under 3 nodes (blue 2, green 1; one, packed, three) that \
         were made without it. blue: 0 to 22 slots left on each node right after it, 32 pods on secondary \
         addresses, max-pods stays 20; green: 22 slots left on each node right after it, 5 pods on \
         secondary addresses, max-pods stays 29. No node gains room, because max-pods does not change, and \
         every new pod needs a prefix in a slot that is free."
    );
    let subjects: Vec<(&str, u32)> = finding
        .subjects
        .iter()
        .map(|s| (s.name.as_str(), s.count))
        .collect();
    assert_eq!(subjects, [("blue", 2), ("green", 1)]);
    assert_eq!(finding.resolution, Resolution::ReplaceNodes);
    assert!(!explain("prefix-slots-exhausted").unwrap().acceptable);
}

#[test]
fn a_large_group_is_a_number_and_three_names() {
    let nodes = (0..57).map(|n| node(&format!("node-{n:02}")));
    let finding = find(
        &review(&setup(), &prefix(), &world(nodes)),
        "prefix-mode-in-place",
    );
    assert!(
        finding
            .message
            .contains("57 nodes (blue 57; such as node-00, node-01, node-02)"),
        "{}",
        finding.message
    );
    let groups = (0..9).map(|n| node(&format!("node-{n}")).in_group(&format!("group-{n}")));
    let finding = find(
        &review(&setup(), &prefix(), &world(groups)),
        "prefix-mode-in-place",
    );
    assert_eq!(finding.subjects.len(), 9);
    assert!(
        finding.message.contains("group-4 1, and 4 more groups"),
        "{}",
        finding.message
    );
}

#[test]
fn nodes_without_aws_node_concern_nobody() {
    for (os, compute) in [
        (Os::Windows, Compute::Ec2),
        (Os::Linux, Compute::Fargate),
        (Os::Linux, Compute::AutoMode),
    ] {
        let mut other = node("other").of_type("m4.large").max_pods(110);
        (other.os, other.compute) = (os, compute);
        assert!(review(&setup(), &prefix(), &world([other])).allows());
    }
}

#[test]
fn an_old_type_does_not_block_a_log_level() {
    let xen = || node("xen").of_type("m4.large").max_pods(110);
    let louder = prefix().text(Key::LogLevel, "INFO");
    let review = review(&prefix(), &louder, &world([xen()]));
    assert!(review.allows());
    assert_eq!(find(&review, "prefix-needs-nitro").severity, Severity::Warn);
}

#[test]
fn hot_safe_settings_are_never_refused() {
    let full = world([node("one")]).blocks("a", "10.0.0.0/28");
    let changes = [
        prefix().int(Key::WarmIpTarget, 5),
        prefix().int(Key::WarmIpTarget, 5).int(Key::MinimumIpTarget, 40),
        prefix().int(Key::WarmEniTarget, 9),
        prefix().int(Key::WarmPrefixTarget, 50),
        prefix().int(Key::IpCooldownPeriod, 0),
        prefix().text(Key::LogLevel, "ERROR"),
        prefix().on(Key::AnnotatePodIp),
        prefix().on(Key::DisableMetrics),
    ];
    for to in changes {
        let review = review(&prefix(), &to, &full);
        assert!(review.allows(), "{review:#?}");
    }
}

#[test]
fn a_removal_says_one_thing() {
    let mut gone = CniSetup::empty(setup().version);
    gone.present = false;
    let review = review(&setup(), &gone, &one());
    assert_eq!(review.findings.len(), 1);
    assert_eq!(find(&review, "cni-removed").severity, Severity::Never);
}

#[test]
fn a_fresh_cluster_can_start_in_any_mode() {
    let mut nothing = CniSetup::empty(setup().version);
    nothing.present = false;
    let mut bare = node("one")
        .enis(|enis| {
            enis.attached = 1;
            enis.secondary_ips = 0;
            enis.secondary_ips_not_primary = 0;
        })
        .pods(|pods| pods.pods = 0);
    bare.mode = NodeMode::Unknown;
    for to in [setup(), prefix(), custom()] {
        let review = review(&nothing, &to, &world([bare.clone()]));
        assert!(review.allows(), "{review:#?}");
    }
}

#[test]
fn mending_one_of_two_faults_is_not_refused() {
    let world = one().but(|world| {
        for letter in ["b", "c"] {
            world.zones.push(ZoneFacts {
                zone: zone(letter),
                nodes: 0,
                because: Vec::new(),
            });
        }
    });
    let broken = setup()
        .on(Key::CustomNetworkCfg)
        .text(Key::EniConfigLabelDef, ZONE_LABEL)
        .eni_config("us-west-2a", "poda");
    let better = broken.clone().eni_config("us-west-2b", "podb");
    assert!(review(&broken, &better, &world).allows());
    assert_eq!(
        worst("eni-config-missing", &(broken, better, world)),
        Some(Severity::Warn)
    );
}

#[test]
fn findings_come_worst_first() {
    let review = review(
        &setup(),
        &custom()
            .on(Key::EnablePrefixDelegation)
            .int(Key::WarmPrefixTarget, 0),
        &one(),
    );
    assert!(review.findings.is_sorted_by(|a, b| a.severity >= b.severity));
    assert_eq!(review.findings[0].rule.0, "no-warm-target");
    assert!(review.count(Severity::Refuse) >= 3);
}
