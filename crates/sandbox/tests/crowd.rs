//! Ten thousand connections at once, each with requests of its own. The sandbox is a process of its own here: both ends
//! of so many connections do not fit into the file descriptors of one.

#![expect(clippy::expect_used, reason = "a world that cannot be made fails the test")]

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::{Barrier, Semaphore};
use tokio::task::JoinSet;
use tokio::time::timeout;

const WANTED: u64 = 10_000;
/// Interfaces of an account in a region, as AWS has it at first.
const QUOTA: usize = 5000;
/// Descriptors that are no connection.
const OTHERS: u64 = 200;
/// So many dial at once: more would only wait in the queue of the listener.
const DIALLING: usize = 256;
const PATIENCE: Duration = Duration::from_mins(2);

/// As many connections as the limit of descriptors lets one process have, up to those wanted.
fn room() -> u64 {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    let wanted = (WANTED + OTHERS).min(hard).max(soft);
    // The child inherits it.
    let raised = setrlimit(Resource::RLIMIT_NOFILE, wanted, hard).map_or(soft, |()| wanted);
    WANTED.min(raised - OTHERS)
}

async fn serve() -> (Child, SocketAddr) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_aws-sandbox"))
        .args(["serve", "--listen", "127.0.0.1:0", "--fast"])
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("starts");
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    loop {
        let line = lines.next_line().await.expect("readable").expect("not ended");
        if let Some((_, rest)) = line.split_once("http://") {
            let end = rest
                .find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':')
                .unwrap_or(rest.len());
            let address = rest[..end].parse().expect("an address");
            // The pipe stays open, or the next line of the log would be an error there.
            let mut task = JoinSet::new();
            task.spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            task.detach_all();
            return (child, address);
        }
    }
}

/// One request on a connection that stays open; gives the status and the body.
async fn ask(stream: &mut TcpStream, body: &str) -> Result<(u16, String), std::io::Error> {
    let request = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut seen = Vec::new();
    loop {
        if stream.read_buf(&mut seen).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let text = String::from_utf8_lossy(&seen);
        let Some((head, rest)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .and_then(|(_, value)| value.trim().parse::<usize>().ok())
            .expect("a length");
        if rest.len() >= length {
            let status = head.get(9..12).and_then(|s| s.parse().ok()).expect("a status");
            return Ok((status, rest.to_owned()));
        }
    }
}

fn between<'t>(text: &'t str, open: &str, close: &str) -> &'t str {
    text.split_once(open)
        .and_then(|(_, rest)| rest.split_once(close))
        .map_or("", |(inside, _)| inside)
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_connections_share_one_subnet() {
    let count = usize::try_from(room()).expect("small");
    let (mut child, address) = serve().await;
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let (_, vpc) = ask(&mut stream, "Action=CreateVpc&CidrBlock=10.0.0.0/16")
        .await
        .expect("a VPC");
    let vpc = between(&vpc, "<vpcId>", "</vpcId>");
    let create = format!("Action=CreateSubnet&VpcId={vpc}&CidrBlock=10.0.0.0/18");
    let (_, subnet) = ask(&mut stream, &create).await.expect("a subnet");
    let subnet = between(&subnet, "<subnetId>", "</subnetId>").to_owned();

    let dialling = Arc::new(Semaphore::new(DIALLING));
    let all_there = Arc::new(Barrier::new(count));
    let mut clients = JoinSet::new();
    for _ in 0..count {
        let (dialling, all_there, subnet) = (Arc::clone(&dialling), Arc::clone(&all_there), subnet.clone());
        clients.spawn(async move {
            let mut stream = {
                let _turn = dialling.acquire().await.expect("open");
                TcpStream::connect(address).await.expect("a connection")
            };
            all_there.wait().await;
            let create = format!("Action=CreateNetworkInterface&SubnetId={subnet}");
            let (status, made) = ask(&mut stream, &create).await.expect("an answer");
            if status == 400 {
                assert!(
                    made.contains("<Code>NetworkInterfaceLimitExceeded</Code>"),
                    "{made}"
                );
                return None;
            }
            assert_eq!(status, 200, "{made}");
            Some(between(&made, "<privateIpAddress>", "</privateIpAddress>").to_owned())
        });
    }
    let addresses = timeout(PATIENCE, clients.join_all()).await.expect("no hang");
    let given: Vec<_> = addresses.into_iter().flatten().collect();
    // The quota of the account holds to the last, however many ask at once.
    let made = count.min(QUOTA);
    assert_eq!(given.len(), made);
    let distinct: std::collections::BTreeSet<_> = given.iter().collect();
    assert_eq!(distinct.len(), made, "an address was given twice");
    let describe = format!("Action=DescribeSubnets&SubnetId.1={subnet}");
    let (_, seen) = ask(&mut stream, &describe).await.expect("a subnet");
    let left = (1 << 14) - 5 - made;
    assert_eq!(
        between(&seen, "<availableIpAddressCount>", "</availableIpAddressCount>"),
        left.to_string()
    );
    child.kill().await.expect("ends");
    println!("NOTE: {count} connections at once asked for an interface in one subnet: {made} were made");
}
