//! The program itself, run on files: what it prints and how it ends.

use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kubectl-vpc_cni"))
        .args(arguments)
        .env_remove("AWS_REGION")
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_wrong_command_line_is_an_error_and_help_is_none() {
    assert_eq!(run(&["plan", "--no-such-flag"]).status.code(), Some(1));
    let help = run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
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
        assert!(stdout(&help).contains(&format!("\n  {command} ")), "{command}");
    }
}
