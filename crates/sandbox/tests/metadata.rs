//! The metadata services of instances.

use crate::wire::{LAUNCH, Reply, Wire, send};
use std::net::SocketAddr;
use std::time::Duration;
use vpccni_sandbox::Options;
use vpccni_sandbox::world::Timings;

/// The metadata service of one instance.
struct Imds {
    address: SocketAddr,
    token: String,
}

impl Imds {
    async fn of(wire: &Wire, instance: &str) -> Self {
        let told = wire
            .control("GET", &format!("instances/{instance}/imds"), "")
            .await;
        let endpoint = told["endpoint"].as_str().expect("an endpoint");
        let address = endpoint
            .trim_start_matches("http://")
            .parse()
            .expect("an address");
        let token = put_token(address, "X-aws-ec2-metadata-token-ttl-seconds: 21600\r\n").await;
        assert_eq!(token.status, 200);
        let token = token.body;
        Self { address, token }
    }

    async fn get(&self, path: &str) -> Reply {
        let head = format!("X-aws-ec2-metadata-token: {}\r\n", self.token);
        send(self.address, "GET", &format!("/latest/{path}"), &head, "").await
    }

    async fn text(&self, path: &str) -> String {
        let reply = self.get(path).await;
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        reply.body
    }

    /// The interfaces that it lists.
    async fn macs(&self) -> Vec<String> {
        let reply = self.get("meta-data/network/interfaces/macs/").await;
        reply
            .body
            .lines()
            .map(|line| line.trim_end_matches('/').to_owned())
            .collect()
    }
}

async fn put_token(address: SocketAddr, head: &str) -> Reply {
    send(address, "PUT", "/latest/api/token", head, "").await
}

async fn instance(wire: &Wire, more: &str) -> (String, String, String) {
    let subnet = wire.subnet("10.0.0.0/24").await;
    let made = wire.ec2(&format!("{LAUNCH}&SubnetId={subnet}{more}")).await;
    let id = made.text("instanceId");
    let eni = wire
        .ec2("DescribeNetworkInterfaces")
        .await
        .text("networkInterfaceId");
    (subnet, id, eni)
}

/// Makes an interface and attaches it; gives its MAC address.
async fn attach(wire: &Wire, subnet: &str, id: &str, index: u32) -> (String, String, String) {
    let made = wire
        .ec2(&format!("CreateNetworkInterface&SubnetId={subnet}"))
        .await;
    let (eni, mac) = (made.text("networkInterfaceId"), made.text("macAddress"));
    let attach =
        format!("AttachNetworkInterface&NetworkInterfaceId={eni}&InstanceId={id}&DeviceIndex={index}");
    let attachment = wire.ec2(&attach).await.text("attachmentId");
    (eni, mac, attachment)
}

#[tokio::test]
async fn the_tree_is_what_the_cni_reads() {
    let wire = Wire::manual(Options::default()).await;
    let (subnet, id, eni) = instance(&wire, "").await;
    let imds = Imds::of(&wire, &id).await;
    assert_eq!(imds.text("meta-data/instance-id").await, id);
    assert_eq!(imds.text("meta-data/instance-type").await, "m5.large");
    assert_eq!(
        imds.text("meta-data/placement/availability-zone").await,
        "us-west-2a"
    );
    assert_eq!(imds.text("meta-data/services/domain").await, "amazonaws.com");
    let mac = imds.text("meta-data/mac").await;
    assert_eq!(
        imds.text("meta-data/network/interfaces/macs/").await,
        format!("{mac}/")
    );
    let under = |leaf: &str| format!("meta-data/network/interfaces/macs/{mac}/{leaf}");
    assert_eq!(imds.text(&under("interface-id")).await, eni);
    assert_eq!(imds.text(&under("device-number")).await, "0");
    assert_eq!(imds.text(&under("subnet-id")).await, subnet);
    assert_eq!(imds.text(&under("subnet-ipv4-cidr-block")).await, "10.0.0.0/24");
    assert_eq!(imds.text(&under("vpc-ipv4-cidr-blocks")).await, "10.0.0.0/16");
    for absent in [
        "ipv4-prefix",
        "ipv6-prefix",
        "ipv6s",
        "network-card",
        "subnet-ipv6-cidr-blocks",
    ] {
        assert_eq!(imds.get(&under(absent)).await.status, 404, "{absent}");
    }
    let assign = format!("AssignPrivateIpAddresses&NetworkInterfaceId={eni}");
    let given = wire
        .ec2(&format!("{assign}&SecondaryPrivateIpAddressCount=1"))
        .await;
    wire.ec2(&format!("{assign}&Ipv4PrefixCount=2")).await;
    let addresses = imds.text(&under("local-ipv4s")).await;
    let lines: Vec<&str> = addresses.lines().collect();
    assert_eq!(
        lines.first().copied(),
        Some(imds.text("meta-data/local-ipv4").await.as_str())
    );
    assert_eq!(
        lines.get(1).copied(),
        Some(given.text("privateIpAddress").as_str())
    );
    assert_eq!(imds.text(&under("ipv4-prefix")).await.lines().count(), 2);
    let document = imds.get("dynamic/instance-identity/document").await.json();
    assert_eq!(document["region"], "us-west-2");
    assert_eq!(document["instanceId"], id.as_str());
    wire.end().await;
}

#[tokio::test]
async fn tokens_are_good_for_their_time_and_their_instance() {
    let wire = Wire::manual(Options::default()).await;
    let (subnet, id, _) = instance(&wire, "&MetadataOptions.HttpTokens=required").await;
    let optional = format!("{LAUNCH}&SubnetId={subnet}&MetadataOptions.HttpTokens=optional");
    let other = wire.ec2(&optional).await.text("instanceId");
    let imds = Imds::of(&wire, &id).await;
    for (head, status) in [
        ("", 400),
        ("X-aws-ec2-metadata-token-ttl-seconds: 0\r\n", 400),
        ("X-aws-ec2-metadata-token-ttl-seconds: 21601\r\n", 400),
        (
            "X-aws-ec2-metadata-token-ttl-seconds: 60\r\nX-Forwarded-For: 10.0.0.9\r\n",
            403,
        ),
    ] {
        assert_eq!(put_token(imds.address, head).await.status, status, "{head}");
    }
    let without = send(imds.address, "GET", "/latest/meta-data/mac", "", "").await;
    assert_eq!(without.status, 401);
    let elsewhere = Imds {
        address: Imds::of(&wire, &other).await.address,
        token: imds.token.clone(),
    };
    assert_eq!(elsewhere.get("meta-data/mac").await.status, 401);
    // The other one was launched as older instances are: without a token it answers.
    let optional = send(elsewhere.address, "GET", "/latest/meta-data/mac", "", "").await;
    assert_eq!(optional.status, 200);
    let modify = format!("ModifyInstanceMetadataOptions&InstanceId={other}&HttpTokens=required");
    assert_eq!(wire.ec2(&modify).await.status, 200);
    let required = send(elsewhere.address, "GET", "/latest/meta-data/mac", "", "").await;
    assert_eq!(required.status, 401);
    wire.advance(21_599.0).await;
    assert_eq!(imds.get("meta-data/mac").await.status, 200);
    wire.advance(1.0).await;
    assert_eq!(imds.get("meta-data/mac").await.status, 401);
    wire.end().await;
}

#[tokio::test]
async fn a_disabled_service_and_one_too_many_hops_away_do_not_serve() {
    let wire = Wire::manual(Options::default()).await;
    let (subnet, _, _) = instance(&wire, "").await;
    let disabled = format!("{LAUNCH}&SubnetId={subnet}&MetadataOptions.HttpEndpoint=disabled");
    let disabled = wire.ec2(&disabled).await.text("instanceId");
    let told = wire
        .control("GET", &format!("instances/{disabled}/imds"), "")
        .await;
    let address = told["endpoint"]
        .as_str()
        .expect("an endpoint")
        .trim_start_matches("http://")
        .to_owned();
    let ttl = "X-aws-ec2-metadata-token-ttl-seconds: 60\r\n";
    let refused = put_token(address.parse().expect("an address"), ttl).await;
    assert_eq!(refused.status, 403);
    let near = wire.launch(&subnet).await.text("instanceId");
    let told = wire
        .control("GET", &format!("instances/{near}/imds?hops=5"), "")
        .await;
    let address = told["endpoint"]
        .as_str()
        .expect("an endpoint")
        .trim_start_matches("http://")
        .to_owned();
    let address = address.parse().expect("an address");
    let lost = tokio::time::timeout(Duration::from_millis(200), put_token(address, ttl)).await;
    assert!(lost.is_err(), "an answer came from too far away: {lost:?}");
    let modify = format!("ModifyInstanceMetadataOptions&InstanceId={near}&HttpPutResponseHopLimit=5");
    assert_eq!(wire.ec2(&modify).await.status, 200);
    assert_eq!(put_token(address, ttl).await.status, 200);
    wire.end().await;
}

#[tokio::test]
async fn metadata_learns_of_everything_after_its_own_delay() {
    let wire = Wire::manual(Options {
        timings: Timings {
            imds_attach: Duration::from_secs(10),
            imds_detach: Duration::from_secs(5),
            imds_assign: Duration::from_secs(2),
            imds_unassign: Duration::from_secs(3),
            ..Timings::INSTANT
        },
        ..Options::default()
    })
    .await;
    let (subnet, id, primary) = instance(&wire, "").await;
    let imds = Imds::of(&wire, &id).await;
    assert_eq!(imds.macs().await.len(), 1);
    let (_, mac, attachment) = attach(&wire, &subnet, &id, 1).await;
    wire.advance(9.0).await;
    assert!(!imds.macs().await.contains(&mac));
    wire.advance(1.0).await;
    assert!(imds.macs().await.contains(&mac));
    // It is listed before its addresses are known.
    let addresses = format!("meta-data/network/interfaces/macs/{mac}/local-ipv4s");
    assert_eq!(imds.get(&addresses).await.status, 404);
    wire.advance(2.0).await;
    assert_eq!(imds.get(&addresses).await.status, 200);

    let own = imds.text("meta-data/mac").await;
    let own = format!("meta-data/network/interfaces/macs/{own}/local-ipv4s");
    let assign =
        format!("AssignPrivateIpAddresses&NetworkInterfaceId={primary}&SecondaryPrivateIpAddressCount=1");
    let given = wire.ec2(&assign).await.text("privateIpAddress");
    wire.advance(1.0).await;
    assert!(!imds.text(&own).await.contains(&given));
    wire.advance(1.0).await;
    assert!(imds.text(&own).await.contains(&given));
    wire.advance(10.0).await;
    wire.ec2(&format!(
        "UnassignPrivateIpAddresses&NetworkInterfaceId={primary}&PrivateIpAddress.1={given}"
    ))
    .await;
    wire.advance(2.0).await;
    assert!(imds.text(&own).await.contains(&given));
    wire.advance(1.0).await;
    assert!(!imds.text(&own).await.contains(&given));

    wire.ec2(&format!("DetachNetworkInterface&AttachmentId={attachment}"))
        .await;
    wire.advance(4.0).await;
    assert!(imds.macs().await.contains(&mac));
    wire.advance(1.0).await;
    assert!(!imds.macs().await.contains(&mac));
    wire.end().await;
}

#[tokio::test]
async fn metadata_can_be_made_stale() {
    let wire = Wire::manual(Options::default()).await;
    let (subnet, id, _) = instance(&wire, "").await;
    let imds = Imds::of(&wire, &id).await;
    let path = format!("instances/{id}/imds/stale");
    wire.control("POST", &path, r#"{"mode":"frozen","for_seconds":30}"#)
        .await;
    let (_, mac, _) = attach(&wire, &subnet, &id, 1).await;
    assert!(!imds.macs().await.contains(&mac));
    wire.advance(30.0).await;
    assert!(imds.macs().await.contains(&mac));
    wire.control("POST", &path, r#"{"mode":"partial","show":1}"#)
        .await;
    assert_eq!(imds.macs().await.len(), 1);
    wire.control("POST", &path, r#"{"mode":"empty"}"#).await;
    assert_eq!(imds.get("meta-data/network/interfaces/macs/").await.status, 404);
    wire.control("DELETE", &path, "").await;
    assert_eq!(imds.macs().await.len(), 2);
    assert_eq!(wire.ask("GET", "instances/i-00/imds", "").await.status, 404);
    wire.end().await;
}

#[tokio::test]
async fn credentials_of_the_role_lead_back_to_the_instance() {
    let wire = Wire::manual(Options::default()).await;
    let (_, id, _) = instance(&wire, "&IamInstanceProfile.Name=node").await;
    let imds = Imds::of(&wire, &id).await;
    let role = imds.text("meta-data/iam/security-credentials/").await;
    let credentials = imds
        .get(&format!("meta-data/iam/security-credentials/{role}"))
        .await
        .json();
    let key = credentials["AccessKeyId"].as_str().expect("a key");
    let rule = format!(r#"{{"caller":"{id}","action":"DescribeVpcs","effect":{{"deny":true}}}}"#);
    wire.control("POST", "faults", &rule).await;
    let denied = wire.ec2_as(key, "DescribeVpcs").await;
    assert_eq!(
        (denied.status, denied.text("Code").as_str()),
        (403, "UnauthorizedOperation")
    );
    assert!(
        denied
            .text("Message")
            .contains("Encoded authorization failure message: ")
    );
    assert_eq!(wire.ec2_as("another", "DescribeVpcs").await.status, 200);
    wire.end().await;
}

#[tokio::test]
async fn an_instance_is_the_role_of_its_profile() {
    let wire = Wire::manual(Options::default()).await;
    let ask = async |version: &str, key: &str, action: &str| {
        let head = format!("Authorization: AWS4-HMAC-SHA256 Credential={key}/d/r/{version}/aws4_request\r\n");
        let reply = send(
            wire.sandbox.address(),
            "POST",
            "/",
            &head,
            &format!("Action={action}"),
        )
        .await;
        assert_eq!(reply.status, 200, "{action}: {reply:?}");
        reply
    };
    let trust = "AssumeRolePolicyDocument=%7B%22Statement%22%3A%5B%5D%7D";
    ask("iam", "key", &format!("CreateRole&RoleName=nodes&{trust}")).await;
    ask(
        "iam",
        "key",
        "CreateInstanceProfile&InstanceProfileName=node&Path=/demo/",
    )
    .await;
    ask(
        "iam",
        "key",
        "AddRoleToInstanceProfile&InstanceProfileName=node&RoleName=nodes",
    )
    .await;
    let (_, id, _) = instance(&wire, "&IamInstanceProfile.Name=node").await;
    let imds = Imds::of(&wire, &id).await;
    let role = imds.text("meta-data/iam/security-credentials/").await;
    assert_eq!(role, "nodes");
    let info = imds.get("meta-data/iam/info").await.json();
    let arn = "arn:aws:iam::123456789012:instance-profile/demo/node";
    assert_eq!(info["InstanceProfileArn"].as_str(), Some(arn));
    let credentials = imds.get("meta-data/iam/security-credentials/nodes").await.json();
    let key = credentials["AccessKeyId"].as_str().expect("a key");
    let me = ask("sts", key, "GetCallerIdentity").await;
    assert_eq!(
        me.text("Arn"),
        format!("arn:aws:sts::123456789012:assumed-role/nodes/{id}")
    );
    assert!(me.text("UserId").starts_with("AROA") && me.text("UserId").ends_with(&id));
    wire.end().await;
}
