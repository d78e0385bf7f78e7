//! The alerts of the chart, evaluated by promtool against series: each fires when it should, not before, and not without
//! cause. What they ask for exists, and each is tested.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use vpccni_testbed::{Program, Toolbox};

/// One alert and the series it is tried with.
#[derive(Debug, serde::Deserialize)]
struct Case {
    alert: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    series: BTreeMap<String, String>,
    silent: String,
    fires: String,
    well: BTreeMap<String, String>,
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(repository().join(path)).unwrap()
}

/// The rules as helm renders them, by the name of their alert.
fn rules(helm: &Path) -> BTreeMap<String, Value> {
    let chart = repository().join("charts/vpc-cni-operator");
    let show = "templates/monitoring/prometheusrule.yaml";
    let rendered = Command::new(helm)
        .args(["template", "vpc-cni-operator"])
        .arg(chart)
        .args([
            "--set",
            "metrics.prometheusRule.enabled=true",
            "--kube-version",
            "v1.33.0",
            "-s",
            show,
        ])
        .output()
        .unwrap();
    assert!(
        rendered.status.success(),
        "{}",
        String::from_utf8_lossy(&rendered.stderr)
    );
    let object: Value = serde_norway::from_slice(&rendered.stdout).unwrap();
    let all = object["spec"]["groups"][0]["rules"].as_array().unwrap().clone();
    let name = |rule: &Value| rule["alert"].as_str().unwrap().to_owned();
    all.into_iter().map(|rule| (name(&rule), rule)).collect()
}

/// What promtool is to find at a time.
fn expected(case: &Case, rule: &Value) -> Value {
    let mut labels = case.labels.clone();
    labels.insert(
        "severity".to_owned(),
        rule["labels"]["severity"].as_str().unwrap().to_owned(),
    );
    let mut summary = rule["annotations"]["summary"].as_str().unwrap().to_owned();
    for (name, value) in &case.labels {
        summary = summary.replace(&format!("{{{{ $labels.{name} }}}}"), value);
    }
    json!({"exp_labels": labels, "exp_annotations": {"summary": summary}})
}

fn tests_of(case: &Case, rule: &Value) -> [Value; 2] {
    let series = |series: &BTreeMap<String, String>| -> Vec<Value> {
        let row = |(series, values): (&String, &String)| json!({"series": series, "values": values});
        series.iter().map(row).collect()
    };
    let at = |time: &str, expected: Vec<Value>| json!({"eval_time": time, "alertname": case.alert, "exp_alerts": expected});
    let fires = json!({
        "name": format!("{} fires", case.alert), "interval": "1m", "input_series": series(&case.series),
        "alert_rule_test": [at(&case.silent, Vec::new()), at(&case.fires, vec![expected(case, rule)])]
    });
    let silent = json!({
        "name": format!("{} is silent", case.alert), "interval": "1m", "input_series": series(&case.well),
        "alert_rule_test": [at(&case.fires, Vec::new())]
    });
    [fires, silent]
}

#[test]
fn every_alert_fires_on_its_series_and_on_no_others() {
    let tools = Toolbox::ready(&[Program::Helm, Program::Promtool], &mut |line| {
        println!("NOTE: {line}");
    })
    .unwrap();
    let rules = rules(tools.path(Program::Helm).unwrap());
    let cases: Vec<Case> = serde_norway::from_str(&read("charts/tests/data/alerts.yaml")).unwrap();
    let tried: BTreeSet<&String> = cases.iter().map(|case| &case.alert).collect();
    assert_eq!(
        tried,
        rules.keys().collect(),
        "every alert is tried, and nothing else"
    );

    let folder = tempfile::tempdir().unwrap();
    let write =
        |name: &str, value: &Value| std::fs::write(folder.path().join(name), value.to_string()).unwrap();
    let all: Vec<&Value> = rules.values().collect();
    write(
        "rules.yaml",
        &json!({"groups": [{"name": "vpc-cni-operator", "rules": all}]}),
    );
    let tests: Vec<Value> = cases
        .iter()
        .flat_map(|case| tests_of(case, &rules[&case.alert]))
        .collect();
    write(
        "tests.yaml",
        &json!({"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests}),
    );
    let done = Command::new(tools.path(Program::Promtool).unwrap())
        .args(["test", "rules", "tests.yaml"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = [done.stdout, done.stderr].concat();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn alerts_ask_for_metrics_that_the_reference_page_has() {
    let page = read("docs/reference/metrics.md");
    let template = read("charts/vpc-cni-operator/templates/monitoring/prometheusrule.yaml");
    let word = |text: &str| -> String {
        let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        text[..end.unwrap_or(text.len())].to_owned()
    };
    let asked: BTreeSet<String> = template
        .match_indices("vpccni_")
        .map(|(at, _)| word(&template[at..]))
        .collect();
    assert!(asked.len() > 10, "{asked:?}");
    for metric in asked {
        assert!(page.contains(&format!("## `{metric}`")), "{metric}");
    }
}
