//! `cargo xtask python`: the Python environment in which the sandbox is held against boto3, botocore and moto.

use std::process::{Command, ExitCode};

use vpccni_testbed::Python;

use crate::terminal::{complain, say};

/// What the command takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What its interpreter is run with, after `--`; without it the path of the interpreter is printed.
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// The command.
pub(crate) fn run(args: &Args) -> Result<ExitCode, String> {
    let python = Python::ready(&mut complain).map_err(|error| error.to_string())?;
    if args.arguments.is_empty() {
        say(&python.interpreter().display().to_string());
        return Ok(ExitCode::SUCCESS);
    }
    let status = Command::new(python.interpreter())
        .args(&args.arguments)
        .status()
        .map_err(|error| format!("run {}: {error}", python.interpreter().display()))?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
