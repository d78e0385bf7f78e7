//! The node, its agent, and the measurement from its first pod to its last.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use vpccni_testbed::boxes::{
    Agent, AgentOptions, CONFLIST, Egress, METRICS, NodeBox, REFERENCE_PLUGINS, SOCKET, Space, Vpc,
};
use vpccni_testbed::wait::until;

use super::NodeArgs;
use super::baselines::{self, Baselines, KERNEL, PTP};
use super::call::{BURST, Call, Namespace, burst, namespaces, remove, row};
use super::figures::{Figure, Wanted};
use super::sample::Sample;
use crate::bench::process::peak_mib;
use crate::terminal::say;

/// Started before as many are stopped, so that namespaces are made and removed together.
const SLICE: usize = 50;
/// Addresses of the pool beside those of the pods that stay: a burst, or all that the load has under way.
const SPARE: usize = 70;
/// Interfaces are attached and prefixes come one call at a time.
const FILLED: Duration = Duration::from_mins(2);
/// A cluster needs two.
const ZONES: [&str; 2] = ["us-west-2a", "us-west-2b"];
const PLUGIN: &str = "/opt/cni/bin/aws-cni";

/// The plugin of the node with the configuration of its network.
struct Plugin<'a> {
    space: &'a Space,
    conf: Value,
    next: usize,
}

/// A pod that is there, and what its ADD answered.
type Live = (Namespace, Value);

pub(super) async fn measure(programs: &Path, args: &NodeArgs) -> Result<Vec<Figure>, String> {
    if !Path::new(REFERENCE_PLUGINS).join("ptp").is_file() {
        return Err("the baseline ptp is missing: apt-get install containernetworking-plugins".to_owned());
    }
    let text = |error: &dyn std::error::Error| error.to_string();
    let vpc = Vpc::start(&ZONES, Egress::InternetGateway)
        .await
        .map_err(|error| text(&error))?;
    let node = vpc
        .launch(ZONES[0], "m5.4xlarge")
        .await
        .map_err(|error| text(&error))?;
    let pool = (args.pods + SPARE).next_multiple_of(16);
    let least = pool.to_string();
    let options = AgentOptions {
        programs: Some(programs.to_owned()),
        ..AgentOptions::new(&[
            ("ENABLE_PREFIX_DELEGATION", "true"),
            ("MINIMUM_IP_TARGET", &least),
            ("WARM_IP_TARGET", "1"),
            ("IP_COOLDOWN_PERIOD", "0"),
            // As it ships.
            ("AWS_VPC_K8S_CNI_LOGLEVEL", "INFO"),
        ])
    };
    let agent = Agent::start(&node, &options)
        .await
        .map_err(|error| text(&error))?;
    say(&format!("waiting for a pool of {pool} addresses"));
    until("a full pool", FILLED, || async { is_full(&node, pool) })
        .await
        .map_err(|error| text(&error))?;
    let filling = changes(&vpc);
    let mut figures = on_the_node(&vpc, &node, &agent, args)?;
    figures.push(Figure::new(
        format!("changes in EC2 from the boot to a pool of {pool} addresses"),
        filling,
        "calls",
        Wanted::Nothing,
    ));
    figures.extend(through_the_socket(programs, &node, &agent, args)?);
    figures.push(size(programs)?);
    Ok(figures)
}

fn is_full(node: &NodeBox, pool: usize) -> Result<(), String> {
    let text = node.get(METRICS, "/metrics").map_err(|error| error.to_string())?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("awscni_total_ip_addresses "));
    match line.and_then(|value| value.trim().parse::<f64>().ok()) {
        #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
        Some(total) if total >= pool as f64 => Ok(()),
        total => Err(format!("{total:?} addresses")),
    }
}

/// Calls so far that changed something in EC2.
fn changes(vpc: &Vpc) -> f64 {
    let counts = vpc.sandbox().calls();
    let of_ec2 = counts.iter().filter(|call| call.service == "ec2");
    let changes: u64 = of_ec2
        .filter(|call| !call.action.starts_with("Describe"))
        .map(|call| call.count)
        .sum();
    #[expect(clippy::cast_precision_loss, reason = "a few dozen")]
    let changes = changes as f64;
    changes
}

/// All that is timed as processes.
fn on_the_node(vpc: &Vpc, node: &NodeBox, agent: &Agent, args: &NodeArgs) -> Result<Vec<Figure>, String> {
    let path = node.path(CONFLIST);
    let text = fs::read_to_string(&path).map_err(|error| format!("read {}: {error}", path.display()))?;
    let list: Value = serde_json::from_str(&text).map_err(|error| format!("read {CONFLIST}: {error}"))?;
    let mut conf = list["plugins"][0].clone();
    conf["cniVersion"] = list["cniVersion"].clone();
    conf["name"] = list["name"].clone();
    let mut plugin = Plugin {
        space: node.space(),
        conf,
        next: 0,
    };
    let mut figures = plugin.times(vpc, args)?.figures(args);
    figures.push(Figure::new(
        format!("peak memory of ipamd after {} starts and stops", args.churn),
        peak_mib(agent.pid())?,
        "MiB",
        Wanted::Most(15.0),
    ));
    Ok(figures)
}

/// What was timed.
struct Times {
    base: Baselines,
    version: Sample,
    adds: Sample,
    bursts: Sample,
    dels: Sample,
    calls: f64,
}

impl Times {
    fn figures(&self, args: &NodeArgs) -> Vec<Figure> {
        use Wanted::{Most, Nothing};
        let base = &self.base;
        let [median, last] = Figure::of("ADD on a warm pool", &self.adds, Most(5.0), Most(15.0));
        let against = |figure: Figure, percent: usize| {
            figure
                .against(PTP, base.ptp.at(percent))
                .against(KERNEL, base.kernel.at(percent))
        };
        let mut figures = vec![against(median, 50), against(last, 99)];
        let burst = Figure::new(
            format!("burst of {BURST} pods"),
            self.bursts.median(),
            "ms",
            Most(100.0),
        );
        figures.push(burst.against(PTP, base.ptp_burst.median()));
        figures.extend(Figure::of("DEL", &self.dels, Nothing, Nothing));
        let over = self.version.median() - base.start.median();
        figures.push(Figure::new(
            "start of the plugin (VERSION) over that of `true`",
            over,
            "ms",
            Most(2.0),
        ));
        let churn = format!("changes in EC2 for {} starts and stops", args.churn);
        figures.push(Figure::new(churn, self.calls, "calls", Most(0.0)));
        figures.extend(Figure::of(PTP, &base.ptp, Nothing, Nothing));
        figures.extend(Figure::of(KERNEL, &base.kernel, Nothing, Nothing));
        figures.extend(Figure::of("start of `true`", &base.start, Nothing, Nothing));
        figures
    }
}

impl Plugin<'_> {
    fn call(&self, command: &str, pod: Namespace, previous: Option<&Value>) -> Call {
        let mut conf = self.conf.clone();
        if let Some(previous) = previous {
            conf["prevResult"] = previous.clone();
        }
        Call::plugin(Path::new(PLUGIN), command, pod, &conf)
    }

    fn times(&mut self, vpc: &Vpc, args: &NodeArgs) -> Result<Times, String> {
        say("measuring the baselines");
        let base = baselines::measure(self.space, &mut self.next, args.baseline, args.bursts)?;
        let version = vec![self.call("VERSION", Namespace(0), None); args.baseline];
        let version = Sample::new(row(self.space, &version)?.0);
        say(&format!("starting {} pods", args.pods));
        let (adds, _) = self.start(args.pods)?;
        say(&format!("measuring bursts of {BURST} pods"));
        let bursts = self.bursts(args.bursts)?;
        say(&format!("starting and stopping {} pods", args.churn));
        let before = changes(vpc);
        let dels = self.churn(args.churn)?;
        let calls = changes(vpc) - before;
        Ok(Times {
            base,
            version,
            adds,
            bursts,
            dels,
            calls,
        })
    }

    /// One after the other.
    fn start(&mut self, count: usize) -> Result<(Sample, Vec<Live>), String> {
        let pods = namespaces(self.space, &mut self.next, count)?;
        let (times, results) = row(self.space, &self.adds(&pods))?;
        Ok((Sample::new(times), pods.into_iter().zip(results).collect()))
    }

    fn adds(&self, pods: &[Namespace]) -> Vec<Call> {
        pods.iter().map(|pod| self.call("ADD", *pod, None)).collect()
    }

    fn stop(&self, live: &[Live]) -> Result<Vec<Duration>, String> {
        let calls: Vec<_> = live
            .iter()
            .map(|(pod, result)| self.call("DEL", *pod, Some(result)))
            .collect();
        let (times, _) = row(self.space, &calls)?;
        let pods: Vec<_> = live.iter().map(|(pod, _)| *pod).collect();
        remove(self.space, &pods)?;
        Ok(times)
    }

    fn bursts(&mut self, count: usize) -> Result<Sample, String> {
        let mut times = Vec::new();
        for _ in 0..count {
            let pods = namespaces(self.space, &mut self.next, BURST)?;
            let (took, results) = burst(self.space, &self.adds(&pods))?;
            times.push(took);
            self.stop(&pods.into_iter().zip(results).collect::<Vec<_>>())?;
        }
        Ok(Sample::new(times))
    }

    /// Gives the times of DEL: what came before made those of ADD.
    fn churn(&mut self, count: usize) -> Result<Sample, String> {
        let mut times = Vec::new();
        let mut left = count;
        while left > 0 {
            let slice = left.min(SLICE);
            left -= slice;
            let (_, live) = self.start(slice)?;
            times.extend(self.stop(&live)?);
        }
        Ok(Sample::new(times))
    }
}

/// Calls of ipamd without the plugin around them.
fn through_the_socket(
    programs: &Path,
    node: &NodeBox,
    agent: &Agent,
    args: &NodeArgs,
) -> Result<Vec<Figure>, String> {
    let load = |what: &str| {
        say(&format!("measuring {what} through the socket"));
        let program: PathBuf = programs.join("ipamd-load");
        let output = Command::new(&program)
            .arg(what)
            .arg("--socket")
            .arg(node.path(SOCKET))
            .args(["--seconds", &args.seconds.to_string()])
            .output()
            .map_err(|error| format!("start {}: {error}", program.display()))?;
        let figures: Value =
            serde_json::from_slice(&output.stdout).map_err(|error| format!("read the figures: {error}"))?;
        match figures["per_second"].as_f64() {
            Some(rate) => Ok(rate),
            None => Err(format!("{what}: {}", figures["error"])),
        }
    };
    let repeats = Figure::new(
        "repeated AddNetwork",
        load("repeats")?,
        "a second",
        Wanted::Least(20_000.0),
    );
    let pairs = Figure::new(
        format!(
            "pairs of AddNetwork and DelNetwork beside {} pods, each synced",
            args.pods
        ),
        load("pairs")?,
        "a second",
        Wanted::Least(3000.0),
    );
    let peak = Figure::new(
        "peak memory of ipamd after that load",
        peak_mib(agent.pid())?,
        "MiB",
        Wanted::Nothing,
    );
    Ok(vec![repeats, pairs, peak])
}

fn size(programs: &Path) -> Result<Figure, String> {
    let path = programs.join("aws-cni");
    let bytes = fs::metadata(&path).map_err(|error| format!("read {}: {error}", path.display()))?;
    #[expect(clippy::cast_precision_loss, reason = "a few million")]
    let megabytes = bytes.len() as f64 / 1e6;
    Ok(Figure::new(
        "size of the plugin",
        megabytes,
        "MB",
        Wanted::Most(5.0),
    ))
}
