//! The program vpc-cni-operator: reads the command line, starts logs, then runs or releases. All else is in the library.

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use std::process::ExitCode;
use vpc_cni_operator::args::{Args, Command};
use vpc_cni_operator::run::{RunOptions, release, run};
use vpccni_telemetry::logs;

// Two threads whatever the size of the node: the work is waiting, and each thread of a big node costs memory.
#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let args = Args::parse();
    if let Err(error) = logs::init(args.flags.log_format(), &args.flags.log_level) {
        <Args as CommandFactory>::command()
            .error(ErrorKind::InvalidValue, error)
            .exit();
    }
    let options = RunOptions {
        lease: args.flags.lease(),
        ..RunOptions::new(args.flags.settings(), args.flags.listen)
    };
    let result = match args.chosen() {
        Command::Run => run(options).await,
        Command::Release => release(options).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "ended with an error");
            ExitCode::FAILURE
        }
    }
}
