//! `cargo xtask test`: every tier, cheapest first, with the time each took and one summary line at the end.
//!
//! Everything is built once, by one `cargo test --no-run` of the whole workspace; the test programs are then run here,
//! one after the other. A tier with a `-p` of its own would build half the dependencies again with other features.

mod build;
mod libtest;
mod tier;

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use crate::terminal::{complain, say};
use crate::tidy;
use libtest::Counts;
use tier::Tier;

/// What the command takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The tiers to run, all of them where none is named.
    #[arg(value_enum)]
    tiers: Vec<Tier>,
    /// Only tests whose name contains this.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
}

/// What one step of a tier came to.
struct Step {
    name: String,
    took: Duration,
    counts: Counts,
}

/// The command.
pub(crate) fn run(root: &Path, args: &Args) -> Result<ExitCode, String> {
    let wanted = |tier: Tier| args.tiers.is_empty() || args.tiers.contains(&tier);
    let mut steps = Vec::new();
    if wanted(Tier::Fmt) {
        steps.push(step("format", || format(root))?);
    }
    if wanted(Tier::Tidy) {
        steps.push(step("tidy", || tidy_checks(root))?);
    }
    let tiers: Vec<Tier> = Tier::WITH_PROGRAMS
        .into_iter()
        .filter(|tier| wanted(*tier))
        .collect();
    if !tiers.is_empty() {
        say("building all tests");
        let begun = Instant::now();
        let programs = build::programs(root)?;
        steps.push(Step {
            name: "build".to_owned(),
            took: begun.elapsed(),
            counts: Counts::default(),
        });
        for tier in tiers {
            for program in programs.iter().filter(|program| Tier::of(program) == tier) {
                steps.push(step(&program.name, || program.run(args.filter.as_deref()))?);
            }
        }
    }
    Ok(summary(&steps))
}

fn step(name: &str, run: impl FnOnce() -> Result<Counts, String>) -> Result<Step, String> {
    let begun = Instant::now();
    let counts = run()?;
    let step = Step {
        name: name.to_owned(),
        took: begun.elapsed(),
        counts,
    };
    say(&format!(
        "{:>8.1} s  {:<44} {}",
        step.took.as_secs_f64(),
        step.name,
        step.counts
    ));
    Ok(step)
}

fn format(root: &Path) -> Result<Counts, String> {
    let status = Command::new("cargo")
        .args(["fmt", "--all", "--check"])
        .current_dir(root)
        .stdout(Stdio::null())
        .status()
        .map_err(|error| format!("run cargo fmt: {error}"))?;
    if !status.success() {
        complain("the sources are not formatted: `cargo fmt --all` mends it");
    }
    Ok(Counts::of_one("format", status.success()))
}

fn tidy_checks(root: &Path) -> Result<Counts, String> {
    let mut counts = Counts::default();
    for outcome in tidy::all(root)? {
        outcome.print();
        counts += Counts::of_one(outcome.name, !outcome.failed());
    }
    Ok(counts)
}

/// Where the time went, what was skipped and why, and the one line.
fn summary(steps: &[Step]) -> ExitCode {
    let mut total = Counts::default();
    for step in steps {
        total += step.counts.clone();
    }
    let mut slowest: Vec<&Step> = steps.iter().collect();
    slowest.sort_by_key(|step| std::cmp::Reverse(step.took));
    let all: Duration = steps.iter().map(|step| step.took).sum();
    say(&format!(
        "\nthe time went to ({:.0} s in all):",
        all.as_secs_f64()
    ));
    for step in slowest.iter().take(8) {
        say(&format!("{:>8.1} s  {}", step.took.as_secs_f64(), step.name));
    }
    for note in &total.notes {
        say(&format!("note: {note}"));
    }
    for (test, reason) in &total.skips {
        say(&format!("skipped: {test}: {reason}"));
    }
    for test in &total.failures {
        say(&format!("failed: {test}"));
    }
    say(&format!("\n{total}"));
    if total.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
