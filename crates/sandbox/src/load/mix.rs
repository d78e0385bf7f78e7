//! The simple calls of a node's life, by many clients at once: an address more, three ways to look, an address less.

use super::client::Client;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How long each call took, by what it was.
type Times = BTreeMap<&'static str, Vec<Duration>>;

/// Calls by so many clients for so long.
pub(crate) async fn run(
    address: SocketAddr,
    clients: u32,
    seconds: u64,
    interfaces: &[(String, String)],
) -> Result<Value, String> {
    let share = (interfaces.len() / clients.max(1) as usize).max(1);
    let begun = Instant::now();
    let end = begun + Duration::from_secs(seconds);
    let mut tasks = JoinSet::new();
    for own in interfaces.chunks(share).take(clients as usize) {
        let own = own.to_vec();
        tasks.spawn(async move { work(address, &own, end).await });
    }
    let mut all = Times::new();
    while let Some(joined) = tasks.join_next().await {
        for (name, times) in joined.map_err(|error| error.to_string())?? {
            all.entry(name).or_default().extend(times);
        }
    }
    let elapsed = begun.elapsed().as_secs_f64();
    let mut every: Vec<Duration> = all.values().flatten().copied().collect();
    let by_call: BTreeMap<&str, Value> = all
        .iter_mut()
        .map(|(name, times)| (*name, summary(times)))
        .collect();
    #[expect(clippy::cast_precision_loss, reason = "far fewer calls than a float counts")]
    let rate = every.len() as f64 / elapsed;
    Ok(json!({
        "calls": every.len(), "seconds": elapsed, "per_second": rate, "all": summary(&mut every), "by_call": by_call,
    }))
}

async fn work(address: SocketAddr, own: &[(String, String)], end: Instant) -> Result<Times, String> {
    let mut client = Client::new(address);
    let mut times = Times::new();
    for (eni, instance) in own.iter().cycle() {
        if Instant::now() >= end {
            break;
        }
        let describe = "DescribeNetworkInterfaces";
        let assign =
            format!("AssignPrivateIpAddresses&NetworkInterfaceId={eni}&SecondaryPrivateIpAddressCount=1");
        let answer = timed(&mut client, &mut times, "assign", &assign).await?;
        // The last one: moto answers with all addresses of the interface, its newest last.
        let given = answer.texts("privateIpAddress").pop().unwrap_or_default();
        for (name, call) in [
            ("describe by id", format!("{describe}&NetworkInterfaceId.1={eni}")),
            (
                "describe by instance",
                format!("{describe}&Filter.1.Name=attachment.instance-id&Filter.1.Value.1={instance}"),
            ),
            (
                "describe by tag",
                format!(
                    "{describe}&Filter.1.Name=tag:node.k8s.amazonaws.com/instance_id&Filter.1.Value.1={instance}"
                ),
            ),
        ] {
            timed(&mut client, &mut times, name, &call).await?;
        }
        let unassign =
            format!("UnassignPrivateIpAddresses&NetworkInterfaceId={eni}&PrivateIpAddress.1={given}");
        timed(&mut client, &mut times, "unassign", &unassign).await?;
    }
    Ok(times)
}

async fn timed(
    client: &mut Client,
    times: &mut Times,
    name: &'static str,
    call: &str,
) -> Result<super::client::Answer, String> {
    let begun = Instant::now();
    let answer = client.must(call).await?;
    times.entry(name).or_default().push(begun.elapsed());
    Ok(answer)
}

/// Median, 99th percentile and the longest, in milliseconds.
fn summary(times: &mut [Duration]) -> Value {
    times.sort_unstable();
    let at = |share: usize| {
        let position = (times.len() * share / 100).min(times.len().saturating_sub(1));
        times
            .get(position)
            .map_or(0.0, |time| time.as_secs_f64() * 1000.0)
    };
    json!({ "calls": times.len(), "p50_ms": at(50), "p99_ms": at(99), "max_ms": at(100) })
}
