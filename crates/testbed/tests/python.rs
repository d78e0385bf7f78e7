//! The sandbox held against others, by Python: botocore's models, a newcomer's script with boto3, and moto.
//!
//! The programs are in the sandbox's own folder. Without Python on the machine they are skipped, and counted.

use std::path::{Path, PathBuf};

use tokio::process::Command;
use vpccni_sandbox::{ClockKind, Options, Sandbox};
use vpccni_testbed::Python;

/// Set it to write the pages that are made from what the sandbox does.
const WRITE: &str = "VPCCNI_WRITE";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The environment, or none where the machine has no Python; then the skip is printed.
#[expect(clippy::panic, reason = "the failure of the test, in the words of the error")]
fn python() -> Option<Python> {
    match Python::ready(&mut |line| println!("{line}")) {
        Ok(python) => Some(python),
        Err(error) if error.is_absence() => {
            println!("SKIPPED: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Runs a program of the sandbox's folder against a fresh sandbox with a manual clock; its last line is a note.
async fn run(python: &Python, program: &str, options: Options, arguments: &[&str]) {
    let sandbox = Sandbox::start(options).await.unwrap();
    let output = Command::new(python.interpreter())
        .arg(repository().join("crates/sandbox").join(program))
        .arg(sandbox.endpoint())
        .args(arguments)
        .args(std::env::var_os(WRITE).map(|_| "--write"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}:\n{text}{errors}");
    println!("NOTE: {program}: {}", text.lines().last().unwrap_or_default());
    assert_eq!(sandbox.world().violations(), Vec::<String>::new());
    sandbox.shutdown().await;
}

fn manual() -> Options {
    Options {
        clock: ClockKind::Manual,
        ..Options::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_action_is_as_the_service_models_say() {
    let Some(python) = python() else { return };
    let page = repository().join("docs/reference/sandbox-actions.md");
    let page = page.to_string_lossy();
    run(&python, "python/walk.py", manual(), &["--page", &page]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tour_of_a_newcomer_ends_well() {
    let Some(python) = python() else { return };
    run(&python, "examples/tour.py", manual(), &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_moto_is_right_the_sandbox_agrees_with_it() {
    let Some(python) = python() else { return };
    let page = repository().join("docs/reference/sandbox.md");
    let page = page.to_string_lossy();
    run(
        &python,
        "python/against_moto.py",
        Options::default(),
        &["--page", &page],
    )
    .await;
}
