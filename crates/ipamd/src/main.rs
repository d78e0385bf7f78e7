//! The program ipamd: reads the command line and the environment, starts logs, then runs. All else is in the library.

use clap::{CommandFactory, Parser};
use std::fs::OpenOptions;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::runtime::Builder;
use tokio_util::sync::CancellationToken;
use vpccni_ipamd::args::Args;
use vpccni_ipamd::node::Pace;
use vpccni_ipamd::run::{RunOptions, run};
use vpccni_ipamd::settings::Settings;
use vpccni_netlink::Host;
use vpccni_telemetry::logs::{self, Target};

/// Threads for what blocks: the kernel, and the resolver of names.
const BLOCKING_THREADS: usize = 3;

/// Where the log goes; standard error where the file cannot be opened, and why.
fn target(file: Option<&str>) -> (Target, Option<std::io::Error>) {
    let path = match file {
        None | Some("stderr") => return (Target::Stderr, None),
        Some("stdout") => return (Target::Stdout, None),
        Some(path) => Path::new(path),
    };
    let opened = path
        .parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| OpenOptions::new().create(true).append(true).open(path));
    match opened {
        Ok(file) => (Target::File(file), None),
        Err(error) => (Target::Stderr, Some(error)),
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    // Logs need the settings, whose notes go to the log: they are read again below.
    let settings = Settings::from_environment(std::env::vars());
    let (target, trouble) = target(settings.log_file());
    if let Err(error) = logs::init_to(target, args.log_format(), settings.log_filter()) {
        <Args as CommandFactory>::command()
            .error(clap::error::ErrorKind::InvalidValue, error)
            .exit();
    }
    if let Some(error) = trouble {
        tracing::warn!(%error, "the log file cannot be opened; logging to standard error");
    }
    let options = RunOptions {
        args,
        settings: Settings::from_environment(std::env::vars()),
        ec2: None,
        kernel: Arc::new(Host),
        pace: Pace::default(),
        stop: CancellationToken::new(),
        signals: true,
    };
    // One thread: the work is waiting, and memory on a node is the pods'.
    let runtime = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run(options)),
        Err(error) => {
            tracing::error!(%error, "failed to start the runtime");
            return ExitCode::FAILURE;
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "ended with an error");
            ExitCode::FAILURE
        }
    }
}
