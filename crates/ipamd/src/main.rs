//! The program ipamd: reads the command line and the environment, starts logs, then does what it is told. All else is in
//! the library.

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use std::error::Error;
use std::future::Future;
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
use vpccni_telemetry::logs;

/// Threads for what blocks: the kernel, and the resolver of names.
const BLOCKING_THREADS: usize = 3;

/// Everything that ends a command; it is only printed.
type Failure = Box<dyn Error>;

fn main() -> ExitCode {
    let command = CommandLine::parse().chosen();
    let (format, level) = match &command {
        // Logs need the settings, whose notes go to the log: they are read again below.
        Command::Run(args) => (
            args.log_format(),
            Settings::from_environment(std::env::vars()).log_filter(),
        ),
        Command::Init(_) => (logs::Format::Text, "info"),
        Command::Probe(_) | Command::Clean(_) => (logs::Format::Text, "warn"),
    };
    if let Err(error) = logs::init(format, level) {
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
    wait_for(async { run(options).await.map_err(Failure::from) })
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
