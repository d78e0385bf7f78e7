//! `cargo xtask soak`: the fault story of the operator over many seeds on the real control plane. The tests run five
//! there, and many in memory. The lives of migrations, in memory, are run here only: each takes a quarter of a minute.

use std::path::Path;
use std::process::{Command, ExitCode};

use crate::terminal::say;

/// How long to go on.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Seeds to run, from `--from` on. One takes about a quarter of a minute.
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
}

/// The command: the story itself prints each seed before it runs it, and how to replay it.
pub(crate) fn run(root: &Path, args: &Args) -> Result<ExitCode, String> {
    let last = args.from.saturating_add(args.seeds.saturating_sub(1));
    say(&format!(
        "a fault at every write site, seeds {} to {last}",
        args.from
    ));
    let status = Command::new("cargo")
        .args([
            "test",
            "--workspace",
            "--test",
            "stories",
            "--",
            "--nocapture",
            "--include-ignored",
            "--exact",
            "faults::a_fault_at_any_write_changes_nothing_about_the_end",
            "faults::migration::a_fault_at_any_write_of_groups_that_aws_keeps_changes_nothing_about_the_end",
            "faults::migration::a_fault_at_any_write_of_pools_of_karpenter_changes_nothing_about_the_end",
        ])
        .env("FAULT_SEEDS", format!("{}-{last}", args.from))
        .current_dir(root)
        .status()
        .map_err(|error| format!("run cargo: {error}"))?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
