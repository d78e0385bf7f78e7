//! `cargo xtask`: what a developer of vpc-cni-operator does besides `cargo build`.

mod bench;
mod codegen;
mod demo;
mod python;
mod soak;
mod terminal;
mod test;
mod tidy;
mod tools;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The chores of the repository, one command each.
///
/// On a fresh machine: `cargo xtask tools` once, then `cargo xtask demo` and `cargo xtask test`. What is missing is
/// named with the way to get it.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the main job on a real control plane, step by step; every step is checked.
    Demo(demo::Args),
    /// Run the tests, cheapest first, and print one summary line `N passed, N failed, N skipped`.
    Test(test::Args),
    /// Check the rules of the house: sizes, documentation, module and crate edges, manifests, generated files.
    Tidy,
    /// Write the generated files: limits table, gRPC code, reference pages, CRDs, chart copies, plain manifests.
    Codegen(codegen::Args),
    /// Measure speed and memory, as ratios to a baseline of the same run.
    Bench(bench::Args),
    /// Run the fault story over many seeds on the real control plane; about an hour for 200.
    Soak(soak::Args),
    /// Find the programs of the control plane (etcd, kube-apiserver, kubectl, helm …), or build them from source once.
    Tools,
    /// Make the Python environment in which the sandbox is held against boto3, botocore and moto, or run it.
    Python(python::Args),
}

fn main() -> ExitCode {
    let root = root();
    let result = match Args::parse().command {
        Command::Demo(args) => demo::run(&root, &args),
        Command::Test(args) => test::run(&root, &args),
        Command::Tidy => tidy::run(&root),
        Command::Codegen(args) => codegen::run(&root, &args),
        Command::Bench(args) => bench::run(&root, &args),
        Command::Soak(args) => soak::run(&root, &args),
        Command::Tools => tools::run(),
        Command::Python(args) => python::run(&args),
    };
    match result {
        Ok(code) => code,
        Err(message) => {
            terminal::complain(&message);
            ExitCode::FAILURE
        }
    }
}

/// The repository: two folders above this crate.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}
