//! The program itself, run on files: what it prints and how it ends.

use crate::golden::{check, path};
use std::process::{Command, Output, Stdio};

/// Where the program runs, so that what it prints of files is the same everywhere.
fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-vpc_cni"));
    command.args(arguments).current_dir(path("data")).env_clear();
    command
}

fn run(arguments: &[&str]) -> Output {
    program(arguments).output().unwrap()
}

/// Standard output of a run that ends with this code and says nothing on standard error.
#[track_caller]
fn shown(arguments: &[&str], code: i32) -> String {
    let output = run(arguments);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), complaint.as_ref()), (Some(code), ""));
    String::from_utf8(output.stdout).unwrap()
}

/// Standard error of a run that fails.
#[track_caller]
fn complaint(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_wrong_command_line_is_an_error_and_help_is_none() {
    assert_eq!(run(&["plan", "--no-such-flag"]).status.code(), Some(1));
    assert_eq!(run(&[]).status.code(), Some(1));
    let help = shown(&["--help"], 0);
    for command in [
        "plan",
        "explain",
        "status",
        "nodes",
        "subnets",
        "snapshot",
        "release",
        "completion",
        "version",
    ] {
        assert!(help.contains(&format!("\n  {command} ")), "{command}");
    }
}

#[test]
fn a_refused_plan_names_its_findings_and_ends_with_2() {
    let arguments = ["plan", "-f", "prefix.yaml", "--snapshot", "cluster.json"];
    check("plan-refused.txt", &shown(&arguments, 2));
    let json = shown(&[&arguments[..], &["-o", "json", "--exit-code"]].concat(), 2);
    let view: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(view["verdict"], "Refused");
    let rules: Vec<&str> = view["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|finding| finding["rule"].as_str())
        .collect();
    assert!(rules.contains(&"prefix-mode-in-place"), "{rules:?}");
    check(
        "plan-refused.yaml",
        &shown(&[&arguments[..], &["-o", "yaml"]].concat(), 2),
    );
}

#[test]
fn a_plan_that_would_be_applied_ends_with_0_or_with_3_where_changes_matter() {
    let arguments = ["plan", "-f", "warm.yaml", "--snapshot", "cluster.json"];
    check("plan-applicable.txt", &shown(&arguments, 0));
    shown(&[&arguments[..], &["--exit-code"]].concat(), 3);
}

#[test]
fn a_plan_without_changes_ends_with_0() {
    let arguments = [
        "plan",
        "-f",
        "observe.yaml",
        "--snapshot",
        "cluster.json",
        "--exit-code",
    ];
    check("plan-unchanged.txt", &shown(&arguments, 0));
}

#[test]
fn a_key_of_somebody_else_ends_with_2() {
    let arguments = ["plan", "-f", "foreign.yaml", "--snapshot", "cluster.json"];
    check("plan-blocked.txt", &shown(&arguments, 2));
}

#[test]
fn nodes_and_subnets_of_a_snapshot_are_shown() {
    check("nodes.txt", &shown(&["nodes", "--snapshot", "cluster.json"], 0));
    check(
        "subnets.txt",
        &shown(&["subnets", "--snapshot", "cluster.json"], 0),
    );
    let json = shown(&["nodes", "--snapshot", "cluster.json", "-o", "json"], 0);
    let nodes: serde_json::Value = serde_json::from_str(&json).unwrap();
    let modes: Vec<&str> = nodes
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|node| node["mode"].as_str())
        .collect();
    assert_eq!(modes.iter().filter(|mode| **mode == "Mixed").count(), 1);
}

#[test]
fn a_rule_is_explained_and_all_are_listed() {
    check("explain.txt", &shown(&["explain", "prefix-mode-off-in-place"], 0));
    let all = shown(&["explain"], 0);
    assert_eq!(all.lines().count(), vpccni_core::safety::rules().count() + 1);
}

#[test]
fn what_is_wrong_is_said_with_what_to_do() {
    let other = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(other.path(), r#"{"version": 7}"#).unwrap();
    let other = other.path().to_str().unwrap();
    let texts: String = [
        complaint(&["plan", "-f", "misspelt.yaml", "--snapshot", "cluster.json"]),
        complaint(&["plan", "-f", "no.yaml", "--snapshot", "cluster.json"]),
        complaint(&["nodes", "--snapshot", "warm.yaml"]),
        complaint(&["explain", "prefix-mode"]),
        complaint(&["nodes", "--snapshot", other]).replace(other, "OTHER"),
        complaint(&["subnets", "subnet-1", "--snapshot", "cluster.json"]),
        complaint(&["plan", "--kubeconfig", "no-such-file"]),
    ]
    .concat();
    check("errors.txt", &texts);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = program(&["explain", "-o", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).as_ref()
        ),
        (Some(0), "")
    );
}

#[test]
fn each_shell_has_completions() {
    for shell in ["bash", "zsh", "fish"] {
        let text = shown(&["completion", shell], 0);
        assert!(
            text.contains("snapshot") && text.contains("kubectl-vpc_cni"),
            "{shell}"
        );
    }
}
