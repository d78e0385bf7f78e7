//! `aws-sandbox`: the sandbox as a program.

mod args;

use args::{Args, Clock, Command, Order, ServeArgs};
use clap::Parser;
use std::io::IsTerminal;
use std::process::ExitCode;
use vpccni_sandbox::world::{Placement, Timings};
use vpccni_sandbox::{ClockKind, Keep, Options, Rate, Sandbox};

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("AWS_SANDBOX_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info")),
        )
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    let Command::Serve(args) = Args::parse().command;
    match serve(options(args)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn options(args: ServeArgs) -> Options {
    let (timings, throttle) = if args.fast {
        (Timings::INSTANT, Rate::Off)
    } else {
        (Timings::USUAL, Rate::On)
    };
    Options {
        listen: args.listen,
        region: args.region,
        seed: args.seed,
        clock: match args.clock {
            Clock::Real => ClockKind::Real,
            Clock::Manual => ClockKind::Manual,
        },
        timings,
        placement: match args.order {
            Order::Random => Placement::Random,
            Order::Lowest => Placement::Lowest,
        },
        throttle: args.throttle.unwrap_or(throttle),
        journal: args.state.map_or(Keep::Memory, Keep::File),
        check_invariants: false,
    }
}

async fn serve(options: Options) -> Result<(), Box<dyn std::error::Error>> {
    let seed = options.seed;
    let sandbox = Sandbox::start(options).await?;
    tracing::info!(endpoint = sandbox.endpoint(), seed, "serving");
    stop_signal().await?;
    tracing::info!("shutting down");
    sandbox.shutdown().await;
    Ok(())
}

/// Ctrl-C, or what a supervisor sends.
async fn stop_signal() -> Result<(), std::io::Error> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed,
        _ = terminate.recv() => Ok(()),
    }
}
