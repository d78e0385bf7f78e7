//! The AWS sandbox: simple calls by many clients, memory and pages of a large world, and how soon a fresh one answers.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use serde_json::Value;
use vpccni_testbed::Python;

use super::endpoint::{Endpoint, load, machine};
use super::{PROFILE, results};
use crate::terminal::{complain, say};

/// What is allowed, from issue to release: see the command's help.
const CALLS_PER_SECOND: f64 = 4000.0;
const P99_MS: f64 = 20.0;
const MEMORY_MIB: f64 = 500.0;
const PAGE_MS: f64 = 100.0;
const START_MS: f64 = 50.0;

/// Starts of which the fastest counts: the others waited for the machine.
const STARTS: usize = 5;

const TITLE: &str = "The AWS sandbox";

/// How the sandbox is measured.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct SandboxArgs {
    /// Clients, each with one connection.
    #[arg(long, default_value_t = 32)]
    clients: u32,
    /// Seconds of the mix of calls.
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// Instances of the world in which calls are timed, with five interfaces each.
    #[arg(long, default_value_t = 1000)]
    instances: u32,
    /// Instances of the world whose memory and pages are measured, with four interfaces each.
    #[arg(long, default_value_t = 5000)]
    large: u32,
    /// Instances of moto's world; with as many as ours its run would take many minutes.
    #[arg(long, default_value_t = 50)]
    moto_instances: u32,
    /// Writes the figures to bench/RESULTS.md.
    #[arg(long)]
    record: bool,
    /// Measure what is built already.
    #[arg(long, hide = true)]
    built: bool,
}

/// The figures of a run.
struct Figures {
    start: Duration,
    ours: Value,
    ours_mib: f64,
    large: Value,
    large_mib: f64,
    /// moto's, or why there are none.
    moto: Result<Value, String>,
}

pub(super) fn run(root: &Path, args: &SandboxArgs) -> Result<ExitCode, String> {
    if !args.built {
        build(root)?;
    }
    let runtime = tokio::runtime::Runtime::new().map_err(|error| format!("start the runtime: {error}"))?;
    let figures = runtime.block_on(measure(root, args))?;
    let text = report(args, &figures);
    say(&text);
    if args.record {
        results::record_section(root, TITLE, &text)?;
    }
    Ok(if verdict(&figures) {
        ExitCode::SUCCESS
    } else {
        complain("a figure is outside of what is allowed");
        ExitCode::FAILURE
    })
}

/// The sandbox alone in the measured profile: nothing else of the workspace takes part.
fn build(root: &Path) -> Result<(), String> {
    say(&format!("building the sandbox in the profile {PROFILE}"));
    let status = Command::new("cargo")
        .args(["build", "-p", "vpccni-sandbox", "--bins", "--profile", PROFILE])
        .current_dir(root)
        .status()
        .map_err(|error| format!("run cargo: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("cargo build --profile {PROFILE} failed"))
    }
}

async fn measure(root: &Path, args: &SandboxArgs) -> Result<Figures, String> {
    let mut start = Duration::MAX;
    for _ in 0..STARTS {
        start = start.min(Endpoint::sandbox(root).await?.started);
    }
    let (clients, seconds) = (args.clients.to_string(), args.seconds.to_string());
    let mix = |instances: u32| {
        let instances = instances.to_string();
        [
            ["--clients", &clients],
            ["--seconds", &seconds],
            ["--instances", &instances],
            ["--interfaces", "4"],
        ]
        .concat()
        .into_iter()
        .map(str::to_owned)
        .collect::<Vec<_>>()
    };
    let timed = |endpoint: &Endpoint, arguments: &[String]| {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        load(root, endpoint.address, &arguments)
    };
    say("measuring calls of the sandbox");
    let endpoint = Endpoint::sandbox(root).await?;
    let ours = timed(&endpoint, &mix(args.instances))?;
    let ours_mib = endpoint.peak_mib()?;
    drop(endpoint);
    say("measuring the sandbox in a large world");
    let endpoint = Endpoint::sandbox(root).await?;
    let instances = args.large;
    let arguments = format!("--seconds 0 --instances {instances} --interfaces 3 --quota 20000 --pages");
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let large = load(root, endpoint.address, &arguments)?;
    let large_mib = endpoint.peak_mib()?;
    drop(endpoint);
    let moto = match Python::ready(&mut complain) {
        Err(error) => Err(format!("the baseline moto is missing: {error}")),
        Ok(python) => {
            say("measuring calls of moto");
            let endpoint = Endpoint::moto(python.interpreter()).await?;
            timed(&endpoint, &mix(args.moto_instances))
        }
    };
    Ok(Figures {
        start,
        ours,
        ours_mib,
        large,
        large_mib,
        moto,
    })
}

fn number(value: &Value, path: &str) -> f64 {
    value.pointer(path).and_then(Value::as_f64).unwrap_or(f64::NAN)
}

fn start_ms(figures: &Figures) -> f64 {
    figures.start.as_secs_f64() * 1000.0
}

/// The longest page of either describe.
fn page_ms(figures: &Figures) -> f64 {
    ["DescribeNetworkInterfaces", "DescribeInstances"]
        .iter()
        .map(|action| number(&figures.large, &format!("/pages/{action}/longest_ms")))
        .fold(0.0, f64::max)
}

fn verdict(figures: &Figures) -> bool {
    number(&figures.ours, "/mix/per_second") >= CALLS_PER_SECOND
        && number(&figures.ours, "/mix/all/p99_ms") <= P99_MS
        && figures.large_mib <= MEMORY_MIB
        && page_ms(figures) <= PAGE_MS
        && start_ms(figures) <= START_MS
}

/// How it was measured, both servers side by side, and each figure beside its limit.
fn report(args: &SandboxArgs, figures: &Figures) -> String {
    [setup(args), compared(figures), measured(figures)].join("\n")
}

fn setup(args: &SandboxArgs) -> String {
    format!(
        "`cargo xtask bench sandbox --clients {} --seconds {} --instances {} --large {} --moto-instances {} \
         --record`\n\n{}; server and clients share them. Profile `{PROFILE}`, `aws-sandbox serve --fast`. The mix: \
         AssignPrivateIpAddresses, DescribeNetworkInterfaces by id, by instance and by tag, \
         UnassignPrivateIpAddresses, in turn, each client on interfaces of its own.\n",
        args.clients,
        args.seconds,
        args.instances,
        args.large,
        args.moto_instances,
        machine()
    )
}

fn compared(figures: &Figures) -> String {
    let mut text = "| server | instances | interfaces | calls/s | ratio | p50 | p99 | longest |\n|---|---|---|---|---|---|---|---|\n".to_owned();
    let base = figures
        .moto
        .as_ref()
        .map_or(f64::NAN, |moto| number(moto, "/mix/per_second"));
    let rows = [
        ("moto (baseline)", figures.moto.as_ref().ok()),
        ("aws-sandbox", Some(&figures.ours)),
    ];
    for (name, value) in rows.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        let rate = number(value, "/mix/per_second");
        let ratio = if base.is_nan() {
            "no baseline".to_owned()
        } else {
            format!("{:.1}", rate / base)
        };
        let row = format!(
            "| {name} | {} | {} | {rate:.0} | {ratio} | {:.1} ms | {:.1} ms | {:.1} ms |\n",
            number(value, "/instances"),
            number(value, "/interfaces"),
            number(value, "/mix/all/p50_ms"),
            number(value, "/mix/all/p99_ms"),
            number(value, "/mix/all/max_ms"),
        );
        text.push_str(&row);
    }
    if let Err(missing) = &figures.moto {
        text.extend(["\n", missing.as_str(), "\n"]);
    }
    text
}

fn measured(figures: &Figures) -> String {
    format!(
        "| | measured | allowed |\n|---|---|---|\n\
         | calls a second | {:.0} | {CALLS_PER_SECOND:.0} at least |\n\
         | 99th percentile | {:.1} ms | {P99_MS:.0} ms |\n\
         | memory with {} instances and {} interfaces | {:.0} MiB | {MEMORY_MIB:.0} MiB |\n\
         | memory with {} and {} | {:.0} MiB | |\n\
         | longest page of 1,000 in the large world | {:.1} ms | {PAGE_MS:.0} ms |\n\
         | making the large world | {:.1} s | |\n\
         | start to first answer, the best of {STARTS} | {:.1} ms | {START_MS:.0} ms |\n",
        number(&figures.ours, "/mix/per_second"),
        number(&figures.ours, "/mix/all/p99_ms"),
        number(&figures.large, "/instances"),
        number(&figures.large, "/interfaces"),
        figures.large_mib,
        number(&figures.ours, "/instances"),
        number(&figures.ours, "/interfaces"),
        figures.ours_mib,
        page_ms(figures),
        number(&figures.large, "/fill_seconds"),
        start_ms(figures),
    )
}
