//! A sandbox with plain HTTP: for what no SDK can ask.

use serde_json::Value;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use vpccni_sandbox::{ClockKind, Options, Sandbox};

/// One m5.large; where it goes, and how it is to be, is added.
pub(crate) const LAUNCH: &str =
    "RunInstances&ImageId=ami-00000000000000001&InstanceType=m5.large&MinCount=1&MaxCount=1";

pub(crate) struct Wire {
    pub(crate) sandbox: Sandbox,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
}

#[expect(
    clippy::panic,
    reason = "the failure of the test, with the body that was answered"
)]
impl Reply {
    /// The text of the first element of this name.
    pub(crate) fn text(&self, element: &str) -> String {
        let (_, rest) = self
            .body
            .split_once(&format!("<{element}>"))
            .unwrap_or_else(|| panic!("{element} in {}", self.body));
        rest.split('<').next().unwrap_or_default().to_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("JSON: {}", self.body))
    }
}

/// Sends one request and reads until the other side closes.
pub(crate) async fn send(address: SocketAddr, method: &str, path: &str, head: &str, body: &str) -> Reply {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.get(9..12).and_then(|s| s.parse().ok()).unwrap_or(0);
    Reply {
        status,
        body: body.to_owned(),
    }
}

impl Wire {
    pub(crate) async fn with(options: Options) -> Self {
        let sandbox = Sandbox::start(options).await.expect("starts");
        Self { sandbox }
    }

    /// With a clock that stands still.
    pub(crate) async fn manual(options: Options) -> Self {
        Self::with(Options {
            clock: ClockKind::Manual,
            check_invariants: true,
            ..options
        })
        .await
    }

    /// An action of EC2 by an access key; the parameters after the action.
    pub(crate) async fn ec2_as(&self, key: &str, action: &str) -> Reply {
        let head = format!("Authorization: AWS4-HMAC-SHA256 Credential={key}/d/r/ec2/aws4_request\r\n");
        let body = format!("Version=2016-11-15&Action={action}");
        send(self.sandbox.address(), "POST", "/", &head, &body).await
    }

    pub(crate) async fn ec2(&self, action: &str) -> Reply {
        self.ec2_as("key", action).await
    }

    /// What the control API says to a request that it must not refuse.
    pub(crate) async fn control(&self, method: &str, path: &str, body: &str) -> Value {
        let reply = self.ask(method, path, body).await;
        assert!((200..300).contains(&reply.status), "{method} {path}: {reply:?}");
        reply.json()
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, body: &str) -> Reply {
        let path = format!("/_sandbox/{path}");
        send(self.sandbox.address(), method, &path, "", body).await
    }

    pub(crate) async fn advance(&self, seconds: f64) {
        self.control("POST", "clock/advance", &format!(r#"{{"seconds":{seconds}}}"#))
            .await;
    }

    /// A VPC and a subnet in its first zone; gives the subnet.
    pub(crate) async fn subnet(&self, cidr: &str) -> String {
        let vpc = self.ec2("CreateVpc&CidrBlock=10.0.0.0/16").await.text("vpcId");
        let made = self
            .ec2(&format!(
                "CreateSubnet&VpcId={vpc}&CidrBlock={cidr}&AvailabilityZone=us-west-2a"
            ))
            .await;
        made.text("subnetId")
    }

    /// An instance whose metadata service is as those of older images: no token, and one hop.
    pub(crate) async fn launch(&self, subnet: &str) -> Reply {
        let options = "MetadataOptions.HttpTokens=optional&MetadataOptions.HttpPutResponseHopLimit=1";
        self.ec2(&format!("{LAUNCH}&SubnetId={subnet}&{options}")).await
    }

    /// The books are right, and everything ends.
    pub(crate) async fn end(self) {
        assert_eq!(self.sandbox.world().violations(), Vec::<String>::new());
        self.sandbox.shutdown().await;
    }
}
