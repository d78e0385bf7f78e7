//! Whatever is sent, and however often: an AWS error, never a panic, a 500 or a hang, and the world stays whole.

use crate::lab::Lab;
use crate::protocol::{get, post, raw};
use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// No answer within this time is a hang.
const HANG: Duration = Duration::from_secs(20);

const SEED: u64 = 0x5eed;

/// SplitMix64, by hand: the seed is in the failure message, and the run is the same everywhere.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound.max(1)).expect("small")).expect("small")
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most))
            .map(|_| self.next().to_le_bytes()[0])
            .collect()
    }
}

/// Sends a whole request on a connection of its own and gives what came back until the end.
async fn send(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    exchange(address, request, false).await
}

/// The same, and no more will come: otherwise the server would rightly wait for the rest.
async fn send_part(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    exchange(address, request, true).await
}

async fn exchange(address: SocketAddr, request: &[u8], hang_up: bool) -> Vec<u8> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        // The server may answer and close before everything is sent.
        let sent = stream.write_all(request).await;
        let closed = if hang_up { stream.shutdown().await } else { Ok(()) };
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer).await;
        tracing::trace!(?sent, ?closed, ?read);
        answer
    };
    timeout(HANG, exchange).await.expect("no hang")
}

fn status(answer: &[u8]) -> Option<u16> {
    let line = String::from_utf8_lossy(answer.get(..12)?).into_owned();
    line.strip_prefix("HTTP/1.1 ")?.parse().ok()
}

fn request(method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn signed(service: &str) -> String {
    format!(
        "Authorization: AWS4-HMAC-SHA256 Credential=K/20260101/us-west-2/{service}/aws4_request, SignedHeaders=host, \
         Signature=0\r\n"
    )
}

/// Every service and its actions, as the control API lists them.
async fn actions(lab: &Lab) -> Vec<(String, String)> {
    let answer = get(lab, "/_sandbox/actions").await;
    let body = answer.split_once("\r\n\r\n").expect("a body").1;
    let listed: std::collections::BTreeMap<String, Vec<String>> = serde_json::from_str(body).expect("a list");
    listed
        .into_iter()
        .flat_map(|(service, names)| names.into_iter().map(move |name| (service.clone(), name)))
        .collect()
}

/// Parameters that mean something somewhere, so that requests get past the door.
const NAMES: &[&str] = &[
    "VpcId",
    "SubnetId",
    "SubnetId.1",
    "NetworkInterfaceId",
    "NetworkInterfaceId.1",
    "InstanceId",
    "InstanceId.1",
    "CidrBlock",
    "Cidr",
    "ReservationType",
    "Ipv4PrefixCount",
    "Ipv4Prefix.1",
    "SecondaryPrivateIpAddressCount",
    "PrivateIpAddress",
    "PrivateIpAddress.1",
    "PrivateIpAddresses.1.PrivateIpAddress",
    "DeviceIndex",
    "NetworkCardIndex",
    "AttachmentId",
    "MaxResults",
    "NextToken",
    "Filter.1.Name",
    "Filter.1.Value.1",
    "Filter.4294967295.Name",
    "Filter.0.Value.0",
    "MinCount",
    "MaxCount",
    "ImageId",
    "InstanceType",
    "ClientToken",
    "TagSpecification.1.ResourceType",
    "TagSpecification.1.Tag.1.Key",
    "Tag.1.Key",
    "Tag.1.Value",
    "ResourceId.1",
    "GroupName",
    "GroupDescription",
    "NetworkInterface.1.DeviceIndex",
    "NetworkInterface.1.SubnetId",
    "Placement.AvailabilityZone",
    "LaunchTemplateName",
    "LaunchTemplateId",
    "LaunchTemplateData.InstanceType",
    "AutoScalingGroupName",
    "MinSize",
    "MaxSize",
    "DesiredCapacity",
    "VPCZoneIdentifier",
    "LifecycleHookName",
    "InstanceProfileName",
    "RoleName",
    "PolicyArn",
    "DryRun",
    "Version",
    "Description.Value",
    "Groups.1",
];

const VALUES: &[&str] = &[
    "",
    "0",
    "1",
    "-1",
    "28",
    "65536",
    "4294967295",
    "4294967296",
    "18446744073709551616",
    "1e9",
    "NaN",
    "true",
    "perhaps",
    "10.0.0.0/24",
    "10.0.0.0/28",
    "10.0.0.0/0",
    "0.0.0.0/0",
    "255.255.255.255/32",
    "10.0.0.5/24",
    "10.0.0.300",
    "10.0.0.16",
    "10.0.0.16/28",
    "::1/128",
    "prefix",
    "explicit",
    "m5.large",
    "zz9.large",
    "us-west-2a",
    "us-west-2zz",
    "ami-0123456789abcdef0",
    "eni-",
    "eni-zzz",
    "*",
    "?*?*?*?*?*?*",
    "tag:",
    "subnet-id",
    "attachment.instance-id",
    "network-interface",
    "2016-11-15",
    "$Latest",
    "$Default",
    "\u{0}",
    "%00",
    "é漢字🦀",
    "<a>&amp;\"'</a>",
    "../../etc/passwd",
    "{\"a\":1}",
];

/// A Query request with an action that there is and parameters that mostly are none of it.
fn query(chance: &mut Chance, action: &str, ids: &[String]) -> Vec<u8> {
    let mut body = form_urlencoded::Serializer::new(String::new());
    body.append_pair("Action", action);
    for _ in 0..chance.below(7) {
        let name = chance.one(NAMES);
        match chance.below(8) {
            0 => body.append_pair(name, &"x".repeat(chance.below(70_000))),
            1..=3 => body.append_pair(name, chance.one(ids).as_str()),
            _ => body.append_pair(name, chance.one::<&str>(VALUES)),
        };
    }
    body.finish().into_bytes()
}

/// A REST request of EKS, with JSON that is sometimes none.
fn rest(chance: &mut Chance) -> Vec<u8> {
    let mut path = String::new();
    for _ in 0..=chance.below(5) {
        let element = *chance.one(&[
            "clusters",
            "demo",
            "addons",
            "vpc-cni",
            "node-groups",
            "updates",
            "addon-versions",
            "%00",
            "..",
            "",
            "%ff%fe",
            "pod-identity-associations",
            "configuration-schemas",
            "tags",
        ]);
        write!(path, "/{element}").expect("a string grows");
    }
    let method = *chance.one(&["GET", "POST", "DELETE", "PUT", "PATCH", "HEAD"]);
    let body = match chance.below(6) {
        0 => chance.bytes(300),
        1 => "[".repeat(100_000).into_bytes(),
        2 => br#"{"name":"demo","roleArn":"","resourcesVpcConfig":{"subnetIds":["subnet-x"]}}"#.to_vec(),
        3 => br#"{"addonName":"vpc-cni","configurationValues":"{{{{"}"#.to_vec(),
        4 => br#"{"name":null,"name":1e999}"#.to_vec(),
        _ => b"{}".to_vec(),
    };
    request(method, &path, &signed("eks"), &body)
}

/// A request of the JSON protocol.
fn json(chance: &mut Chance, service: &str, action: &str) -> Vec<u8> {
    let target = format!("X-Amz-Target: AmazonSSM.{action}\r\n{}", signed(service));
    let body = match chance.below(4) {
        0 => chance.bytes(200),
        1 => br#"{"Name":"/aws/service/\u0000","Names":[],"Path":{}}"#.to_vec(),
        2 => b"{\"Name\":".to_vec(),
        _ => b"{}".to_vec(),
    };
    request("POST", "/", &target, &body)
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_refused_by_every_action() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let node = lab.instance(&subnet, "m5.large").await;
    let eni = lab.eni(&subnet).await;
    let ids = [lab.vpc.clone(), subnet, node, eni];
    let actions = actions(&lab).await;
    let mut chance = Chance(SEED);
    for round in 0..3000 {
        let (service, action) = chance.one(&actions);
        let bytes = match chance.below(10) {
            0 => chance.bytes(500),
            1 => request("POST", "/", &signed(service), &chance.bytes(2000)),
            2 | 3 => rest(&mut chance),
            4 => json(&mut chance, "ssm", action),
            _ => request("POST", "/", &signed(service), &query(&mut chance, action, &ids)),
        };
        let is_http = bytes.windows(8).any(|window| window == b"HTTP/1.1");
        let answer = exchange(lab.sandbox.address(), &bytes, !is_http).await;
        let shown = || {
            String::from_utf8_lossy(&bytes)
                .chars()
                .take(400)
                .collect::<String>()
        };
        match status(&answer) {
            Some(200..500) => {}
            // What is no HTTP has no answer; a request that is must have one.
            None if !is_http => {}
            other => panic!("seed {SEED}, round {round}: {other:?} for {}", shown()),
        }
    }
    assert!(lab.ec2.describe_vpcs().send().await.is_ok());
    lab.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_bodies_end_their_own_connection_only() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let create = format!("Action=CreateNetworkInterface&Version=2016-11-15&SubnetId={subnet}");
    let whole = request("POST", "/", "", create.as_bytes());
    // Cut anywhere before its end, a request has no effect.
    for cut in 0..whole.len() {
        let answer = send_part(lab.sandbox.address(), &whole[..cut]).await;
        assert!(
            status(&answer).is_none_or(|status| (400..500).contains(&status)),
            "cut at {cut}: {}",
            String::from_utf8_lossy(&answer)
        );
    }
    assert_eq!(lab.available(&subnet).await, 251);
    for length in [
        "-1",
        "x",
        "18446744073709551616",
        "1\r\nContent-Length: 2",
        "99999999",
    ] {
        let head = format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{create}");
        let answer = send_part(lab.sandbox.address(), head.as_bytes()).await;
        assert!(
            status(&answer).is_none_or(|status| (400..500).contains(&status)),
            "{length}: {}",
            String::from_utf8_lossy(&answer)
        );
    }
    assert_eq!(lab.available(&subnet).await, 251);
    // One byte too few of a body is read by nobody else.
    let short = create.len() - 1;
    let head =
        format!("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {short}\r\n\r\n{create}");
    let answer = send(lab.sandbox.address(), head.as_bytes()).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.contains("InvalidSubnetID"), "{answer}");
    assert!(
        raw(
            &lab,
            "GET /_sandbox/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        .await
        .contains("ok")
    );
    assert!(post(&lab, "/", &create).await.contains("<networkInterfaceId>"));
    lab.end().await;
}
