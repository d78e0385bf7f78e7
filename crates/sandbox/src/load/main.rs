//! `sandbox-load`: how fast an EC2 endpoint answers. It speaks plain HTTP, so what it measures is the endpoint and no
//! SDK. `cargo xtask bench sandbox` runs it; the figures come as one line of JSON on standard output.

mod client;
mod fill;
mod mix;
mod pages;

use clap::Parser;
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;

/// Fills an EC2 endpoint and measures how fast it answers.
#[derive(Debug, Parser)]
#[command(name = "sandbox-load", version)]
struct Args {
    /// Where it listens.
    #[arg(long)]
    address: SocketAddr,
    /// Clients, each with one connection.
    #[arg(long, default_value_t = 32)]
    clients: u32,
    /// Instances, each with its primary interface.
    #[arg(long, default_value_t = 1000)]
    instances: u32,
    /// Interfaces attached to each beside that.
    #[arg(long, default_value_t = 4)]
    interfaces: u32,
    /// Seconds of the mix of calls; none skips it.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// The quota of interfaces to set first, through the control API that only the sandbox has.
    #[arg(long)]
    quota: Option<u32>,
    /// Whether pages of a thousand are read, which needs an endpoint that has pages.
    #[arg(long)]
    pages: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Args::parse()).await {
        Ok(figures) => match writeln!(std::io::stdout(), "{figures}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(error) => {
            // Where standard error is gone too there is nobody to tell.
            writeln!(std::io::stderr(), "{error}").unwrap_or_default();
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<serde_json::Value, String> {
    if let Some(quota) = args.quota {
        let body = serde_json::json!({ "interfaces": quota }).to_string();
        client::Client::new(args.address).order("quotas", &body).await?;
    }
    let filled = fill::fill(args.address, args.clients, args.instances, args.interfaces).await?;
    let mix = match args.seconds {
        0 => serde_json::Value::Null,
        seconds => mix::run(args.address, args.clients, seconds, &filled.interfaces).await?,
    };
    let pages = if args.pages {
        pages::read(args.address).await?
    } else {
        serde_json::Value::Null
    };
    Ok(serde_json::json!({
        "fill_seconds": filled.seconds, "instances": args.instances,
        "interfaces": args.instances * (args.interfaces + 1), "mix": mix, "pages": pages,
    }))
}
