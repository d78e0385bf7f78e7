//! The program ipamd: reads the command line and the environment, starts logs, then does what it is told. All else is in
//! the library.

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use std::error::Error;
use std::fs::OpenOptions;
use std::future::Future;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio_util::sync::CancellationToken;
use vpccni_aws::ImdsClient;
use vpccni_ipamd::args::{Args, Command, CommandLine, InitArgs, ProbeArgs};
use vpccni_ipamd::clean::clean;
use vpccni_ipamd::init::init;
use vpccni_ipamd::node::Pace;
use vpccni_ipamd::probe::probe;
use vpccni_ipamd::run::{RunOptions, run};
use vpccni_ipamd::settings::{InitSettings, Settings};
use vpccni_netlink::Host;
use vpccni_telemetry::logs::{self, LogsError, Target};

/// Threads for what blocks: the kernel, and the resolver of names.
const BLOCKING_THREADS: usize = 3;

/// Everything that ends a command; it is only printed.
type Failure = Box<dyn Error>;

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

/// Starts the log: that of `run` goes where the settings say, every other word answers whoever called it.
fn start_logs(command: &Command) -> Result<(), LogsError> {
    let Command::Run(args) = command else {
        let level = if matches!(command, Command::Init(_)) {
            "info"
        } else {
            "warn"
        };
        return logs::init(logs::Format::Text, level);
    };
    // Logs need the settings, whose notes go to the log: they are read again later.
    let settings = Settings::from_environment(std::env::vars());
    let (target, trouble) = target(settings.log_file());
    logs::init_to(target, args.log_format(), settings.log_filter())?;
    if let Some(error) = trouble {
        tracing::warn!(%error, "the log file cannot be opened; logging to standard error");
    }
    Ok(())
}

fn main() -> ExitCode {
    let command = CommandLine::parse().chosen();
    if let Err(error) = start_logs(&command) {
        <CommandLine as CommandFactory>::command()
            .error(ErrorKind::InvalidValue, error)
            .exit();
    }
    let result = match command {
        Command::Run(args) => start(args),
        Command::Init(args) => prepare(&args),
        Command::Probe(args) => ask(&args),
        Command::Clean(args) => clean(&Host, args.everything, &mut std::io::stdout()).map_err(Failure::from),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "ended with an error");
            ExitCode::FAILURE
        }
    }
}

/// One thread: the work is waiting, and memory on a node is the pods'.
fn wait_for<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()?
        .block_on(work)
}

fn start(args: Args) -> Result<(), Failure> {
    let options = RunOptions {
        args,
        settings: Settings::from_environment(std::env::vars()),
        ec2: None,
        kernel: Arc::new(Host),
        pace: Pace::default(),
        stop: CancellationToken::new(),
        signals: true,
    };
    wait_for(async { Box::pin(run(options)).await.map_err(Failure::from) })
}

fn prepare(args: &InitArgs) -> Result<(), Failure> {
    let settings = InitSettings::from_environment(std::env::vars());
    wait_for(async {
        let imds = ImdsClient::new(&args.imds_endpoint)?;
        for change in init(&imds, &Host, settings).await? {
            tracing::info!(%change, "set");
        }
        Ok(())
    })
}

fn ask(args: &ProbeArgs) -> Result<(), Failure> {
    wait_for(async {
        probe(&args.socket, Duration::from_secs(args.timeout)).await?;
        Ok(())
    })
}
