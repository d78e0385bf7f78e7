//! The families against their table, and the table against its page.

use super::*;
use crate::metrics::table::FAMILIES;
use std::collections::BTreeSet;
use std::path::Path;

fn text(metrics: &Metrics) -> String {
    metrics.registry().encode().unwrap()
}

/// Sets every family once.
fn busy() -> Metrics {
    let metrics = Metrics::default();
    metrics.set_config(Some(("h1", "Prefix", "v1.23.1")));
    metrics.set_policy_unreadable(true);
    metrics.set_objects_unreadable([("Node", 2)]);
    metrics.set_conditions([("Ready", "False")]);
    metrics.set_findings([("prefix-mode-in-place", "refuse", 1)]);
    metrics.refused("prefix-mode-in-place");
    metrics.set_drift([("WARM_ENI_TARGET", "person")]);
    metrics.set_nodes([("Prefix", 12)]);
    metrics.set_on_delete(true);
    metrics.set_migration(Some(migration()));
    metrics.cloud_call("ec2:DescribeSubnets", "ok");
    metrics.reconciled("policy", Duration::from_millis(20), Some("conflict"));
    metrics.write("event", "written");
    metrics.event("DriftHeld", "written");
    metrics.set_leader(true);
    metrics
}

fn migration() -> MigrationNow {
    MigrationNow {
        phase: Some("Rolling"),
        waits_on: Some("BlockedPod"),
        halted: Some("BlockedNodes"),
        nodes: vec![("Old", 4), ("Replaced", 8)],
        in_work: vec![("Draining", 700), ("Draining", 500), ("Quarantined", 600)],
        budget: vec![("surge", "used", 2)],
        blocked_pods: 3,
        eta_seconds: 600,
        min_free_prefixes: vec![("subnet-0a".to_owned(), -2)],
    }
}

#[test]
fn a_migration_that_ended_leaves_no_series_and_steps_are_counted_with_the_longest_first() {
    let metrics = Metrics::default();
    metrics.set_migration(Some(migration()));
    let during = text(&metrics);
    for line in [
        r#"vpccni_migration_nodes_in_work{step="Draining"} 2"#,
        r#"vpccni_migration_step_since_timestamp_seconds{step="Draining"} 500"#,
        r#"vpccni_migration_min_free_prefixes{subnet="subnet-0a"} -2"#,
        "vpccni_migration_blocked_pods 3",
    ] {
        assert!(during.contains(line), "{line} is missing in {during}");
    }
    metrics.set_migration(None);
    let after = text(&metrics);
    assert!(!after.contains("vpccni_migration_phase{"), "{after}");
    assert!(after.contains("vpccni_migration_blocked_pods 0"), "{after}");
}

#[test]
fn a_replica_that_no_longer_leads_says_nothing_of_the_cluster() {
    let metrics = busy();
    metrics.set_leader(false);
    let text = text(&metrics);
    let said = |line: &&str| {
        let of_cluster = line.starts_with("vpccni_") && !line.starts_with("vpccni_operator_");
        of_cluster && !line.contains("_total") && !line.ends_with(" 0")
    };
    assert_eq!(text.lines().filter(said).collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn what_is_exposed_is_what_the_table_says() {
    let text = text(&busy());
    for family in FAMILIES {
        assert!(
            text.contains(&format!("# HELP {} ", family.name)),
            "{} is not registered",
            family.name
        );
        let sample = text
            .lines()
            .find(|line| !line.starts_with('#') && line.starts_with(family.name));
        let sample = sample.unwrap_or_else(|| panic!("{} has no sample", family.name));
        for (label, _) in family.labels {
            assert!(
                sample.contains(&format!("{label}=\"")),
                "{label} is missing in {sample}"
            );
        }
        let labels = sample.matches("=\"").count() - sample.matches("le=\"").count()
            + sample.matches("rule=\"").count();
        assert_eq!(labels, family.labels.len(), "{sample}");
    }
    let registered = text.lines().filter(|line| line.starts_with("# HELP")).count();
    assert_eq!(registered, FAMILIES.len());
    let names: BTreeSet<_> = FAMILIES.iter().map(|family| family.name).collect();
    assert_eq!(names.len(), FAMILIES.len());
}

#[test]
fn a_new_configuration_leaves_no_series_of_the_old_one() {
    let metrics = Metrics::default();
    metrics.set_config(Some(("h1", "SecondaryIp", "v1.23.1")));
    metrics.set_config(Some(("h2", "SecondaryIp", "v1.23.1")));
    let info: Vec<_> = text(&metrics)
        .lines()
        .filter(|l| l.starts_with("vpccni_config_info{"))
        .map(String::from)
        .collect();
    assert_eq!(
        info,
        [r#"vpccni_config_info{hash="h2",mode="SecondaryIp",cni_version="v1.23.1"} 1"#]
    );
    metrics.set_config(None);
    assert!(!text(&metrics).contains("vpccni_config_info{"));
}

#[test]
fn gauges_are_set_as_a_whole_and_equal_labels_add_up() {
    let metrics = Metrics::default();
    metrics.set_nodes([("Prefix", 12), ("SecondaryIp", 45), ("Prefix", 1)]);
    metrics.set_nodes([("Prefix", 12), ("Mixed", 1), ("Prefix", 1)]);
    let text = text(&metrics);
    assert!(text.contains(r#"vpccni_nodes{mode="Prefix"} 13"#), "{text}");
    assert!(text.contains(r#"vpccni_nodes{mode="Mixed"} 1"#), "{text}");
    assert!(!text.contains("SecondaryIp"), "{text}");
}

#[test]
fn a_condition_has_one_series_for_each_status() {
    let metrics = Metrics::default();
    metrics.set_conditions([("Ready", "True")]);
    metrics.set_conditions([("Ready", "Unknown")]);
    let text = text(&metrics);
    for (status, value) in [("True", 0), ("False", 0), ("Unknown", 1)] {
        let line = format!(r#"vpccni_condition{{type="Ready",status="{status}"}} {value}"#);
        assert!(text.contains(&line), "{line} is missing in {text}");
    }
}

#[test]
fn a_failed_reconcile_is_counted_with_its_category_and_a_good_one_without() {
    let metrics = Metrics::default();
    metrics.reconciled("policy", Duration::from_millis(3), None);
    metrics.reconciled("policy", Duration::from_millis(3), Some("denied"));
    let text = text(&metrics);
    for line in [
        r#"vpccni_operator_reconciles_total{controller="policy",result="ok"} 1"#,
        r#"vpccni_operator_reconciles_total{controller="policy",result="error"} 1"#,
        r#"vpccni_operator_reconcile_errors_total{controller="policy",category="denied"} 1"#,
        r#"vpccni_operator_reconcile_duration_seconds_count{controller="policy"} 2"#,
    ] {
        assert!(text.contains(line), "{line} is missing in {text}");
    }
}

#[test]
fn the_reference_page_is_fresh() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/metrics.md");
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::create_dir_all(page.parent().unwrap()).unwrap();
        std::fs::write(&page, reference_md()).unwrap();
    }
    let committed = std::fs::read_to_string(&page).unwrap_or_default();
    assert!(
        committed == reference_md(),
        "docs/reference/metrics.md is stale; mend it with: UPDATE_REFERENCE=1 cargo test -p vpc-cni-operator --lib metrics"
    );
}
