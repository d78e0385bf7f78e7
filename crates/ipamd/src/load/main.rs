//! The program `ipamd-load`: many calls of ipamd through its socket, and how long they took. For `cargo xtask bench`; it
//! prints its figures as JSON.

use clap::{Parser, ValueEnum};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tonic::transport::Channel;
use vpccni_rpc::proto::cni_backend_client::CniBackendClient;
use vpccni_rpc::proto::{AddNetworkRequest, DelNetworkRequest};
use vpccni_rpc::{REASON_DELETED, VERSION, connect};

/// Somebody listens, or nobody does.
const DIAL: Duration = Duration::from_secs(2);

/// Calls ipamd as fast as it answers, and prints how fast that was.
#[derive(Debug, Parser)]
struct Args {
    /// What is called.
    #[arg(value_enum)]
    what: What,
    /// The socket of ipamd.
    #[arg(long)]
    socket: PathBuf,
    /// Connections that the calls share.
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// Calls under way at any time, each for a pod of its own.
    #[arg(long, default_value_t = 32)]
    in_flight: usize,
    /// How long.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    /// AddNetwork for pods that have their addresses.
    Repeats,
    /// AddNetwork and DelNetwork for pods that are new each time.
    Pairs,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let figures = runtime
        .map_err(|error| error.to_string())
        .and_then(|runtime| runtime.block_on(load(&args)));
    let (line, code) = match figures {
        Ok(figures) => (figures.to_string(), ExitCode::SUCCESS),
        Err(error) => (json!({ "error": error }).to_string(), ExitCode::FAILURE),
    };
    // Who reads has gone: there is nobody to tell.
    writeln!(io::stdout(), "{line}").unwrap_or_default();
    code
}

async fn load(args: &Args) -> Result<Value, String> {
    let mut channels = Vec::new();
    for _ in 0..args.connections.max(1) {
        let channel = connect(&args.socket, DIAL).await;
        channels.push(channel.map_err(|error| error.to_string())?);
    }
    let time = Duration::try_from_secs_f64(args.seconds).map_err(|error| error.to_string())?;
    let begun = Instant::now();
    let mut clients = JoinSet::new();
    for (number, channel) in (0..args.in_flight).zip(channels.iter().cycle()) {
        let client = Client {
            backend: CniBackendClient::new(channel.clone()),
            number,
        };
        clients.spawn(client.run(args.what, begun + time));
    }
    let mut took = Vec::new();
    while let Some(ended) = clients.join_next().await {
        took.extend(ended.map_err(|error| error.to_string())??);
    }
    let elapsed = begun.elapsed().as_secs_f64();
    took.sort_unstable();
    let at = |hundredths: usize| {
        let last = took.len().saturating_sub(1);
        took.get(last * hundredths / 100)
            .map(|time| time.as_secs_f64() * 1000.0)
    };
    let count = u32::try_from(took.len()).map_err(|error| error.to_string())?;
    Ok(json!({
        "count": count,
        "seconds": elapsed,
        "per_second": f64::from(count) / elapsed,
        "p50_ms": at(50),
        "p99_ms": at(99),
    }))
}

/// One of those who call.
struct Client {
    backend: CniBackendClient<Channel>,
    number: usize,
}

impl Client {
    /// Calls until then; gives the time of each call, or of each pair.
    async fn run(mut self, what: What, until: Instant) -> Result<Vec<Duration>, String> {
        let mut took = Vec::new();
        while Instant::now() < until {
            let begun = Instant::now();
            match what {
                What::Repeats => self.add(0).await?,
                What::Pairs => {
                    self.add(took.len()).await?;
                    self.del(took.len()).await?;
                }
            }
            took.push(begun.elapsed());
        }
        if matches!(what, What::Repeats) && !took.is_empty() {
            self.del(0).await?;
        }
        Ok(took)
    }

    /// As long as those of a runtime.
    fn container(&self, sandbox: usize) -> String {
        format!("10ad{:012x}{sandbox:048x}", self.number)
    }

    async fn add(&mut self, sandbox: usize) -> Result<(), String> {
        let container = self.container(sandbox);
        let request = AddNetworkRequest {
            client_version: VERSION.to_owned(),
            k8s_pod_name: format!("load-{}", self.number),
            k8s_pod_namespace: "default".to_owned(),
            k8s_pod_infra_container_id: container.clone(),
            container_id: container,
            if_name: "eth0".to_owned(),
            network_name: "aws-cni".to_owned(),
            netns: "/var/run/netns/none".to_owned(),
            requires_multi_nic_attachment: false,
        };
        let reply = self.backend.add_network(request).await;
        let reply = reply.map_err(|status| status.to_string())?.into_inner();
        reply
            .success
            .then_some(())
            .ok_or_else(|| "ipamd has no address".to_owned())
    }

    async fn del(&mut self, sandbox: usize) -> Result<(), String> {
        let container = self.container(sandbox);
        let request = DelNetworkRequest {
            client_version: VERSION.to_owned(),
            k8s_pod_name: format!("load-{}", self.number),
            k8s_pod_namespace: "default".to_owned(),
            k8s_pod_infra_container_id: container.clone(),
            reason: REASON_DELETED.to_owned(),
            container_id: container,
            if_name: "eth0".to_owned(),
            network_name: "aws-cni".to_owned(),
            k8s_pod_uid: String::new(),
        };
        let reply = self.backend.del_network(request).await;
        let reply = reply.map_err(|status| status.to_string())?.into_inner();
        reply
            .success
            .then_some(())
            .ok_or_else(|| "ipamd did not take the address back".to_owned())
    }
}
