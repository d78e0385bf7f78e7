//! A sandbox with one instance, and the daemon of that instance, which can be ended and started again.

use crate::kernel::FakeKernel;
use crate::wire::{PATIENCE, http_unix, post, wait};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_ec2::types::InstanceType;
use clap::Parser;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use vpccni_aws::{Aws, Limits, Overrides};
use vpccni_core::ids::InstanceId;
use vpccni_ipamd::args::{Args, Command, CommandLine};
use vpccni_ipamd::node::Pace;
use vpccni_ipamd::run::{RunError, RunOptions, run};
use vpccni_ipamd::settings::Settings;
use vpccni_rpc::VERSION;
use vpccni_rpc::node::node_client::NodeClient;
use vpccni_rpc::node::{Attachment, GcRequest};
use vpccni_rpc::proto::cni_backend_client::CniBackendClient;
use vpccni_rpc::proto::{AddNetworkReply, AddNetworkRequest, DelNetworkReply, DelNetworkRequest};
use vpccni_sandbox::{Options, Rule, Sandbox};

pub(crate) struct Lab {
    pub(crate) sandbox: Sandbox,
    pub(crate) raw: aws_sdk_ec2::Client,
    pub(crate) instance: InstanceId,
    pub(crate) kernel: Arc<FakeKernel>,
    pub(crate) folder: tempfile::TempDir,
    settings: Vec<(String, String)>,
    daemon: Option<Daemon>,
}

struct Daemon {
    stop: CancellationToken,
    task: JoinHandle<Result<(), RunError>>,
}

fn run_args(arguments: impl IntoIterator<Item = String>) -> Args {
    match CommandLine::try_parse_from(arguments)
        .expect("arguments")
        .chosen()
    {
        Command::Run(args) => args,
        other => panic!("{other:?} is not run"),
    }
}

fn credentials() -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Credentials::new("key", "secret", None, None, "test"))
}

/// Everything soon, so that tests end soon.
pub(crate) fn pace() -> Pace {
    Pace {
        tick: Duration::from_millis(50),
        least: Duration::from_millis(5),
        reconcile: Duration::from_millis(200),
        groups: Duration::from_millis(200),
        networks: Duration::from_secs(1),
        sweep: Duration::from_millis(100),
        sweep_age: Duration::from_millis(100),
        left_over: Duration::from_millis(100),
        left_over_age: Duration::from_millis(600),
        pause: Duration::from_millis(5),
        no_room: Duration::from_millis(500),
    }
}

impl Lab {
    /// A node with these settings; the daemon is not started yet.
    pub(crate) async fn new(kind: InstanceType, cidr: &str, settings: &[(&str, &str)]) -> Self {
        let options = Options {
            check_invariants: true,
            ..Options::default()
        };
        let sandbox = Sandbox::start(options).await.expect("starts");
        let raw = raw(&sandbox).await;
        let subnet = subnet(&raw, cidr).await;
        let call = raw
            .run_instances()
            .image_id("ami-00000000000000001")
            .ipv6_address_count(1)
            .instance_type(kind);
        let made = call
            .subnet_id(&subnet)
            .min_count(1)
            .max_count(1)
            .send()
            .await
            .expect("runs");
        let id = made
            .instances()
            .first()
            .and_then(|i| i.instance_id())
            .expect("an id");
        let instance = InstanceId::parse(id).expect("an id");
        let kernel = Arc::new(FakeKernel::new(sandbox.world(), instance.clone()));
        let mut all = vec![("ENABLE_IPv4".to_owned(), "true".to_owned())];
        all.extend(
            settings
                .iter()
                .map(|(name, text)| ((*name).to_owned(), (*text).to_owned())),
        );
        Self {
            sandbox,
            raw,
            instance,
            kernel,
            folder: tempfile::tempdir().expect("a folder"),
            settings: all,
            daemon: None,
        }
    }

    /// The same with the daemon started.
    pub(crate) async fn started(settings: &[(&str, &str)]) -> Self {
        let mut lab = Self::new(InstanceType::M5Large, "10.0.0.0/22", settings).await;
        lab.start().await;
        lab
    }

    pub(crate) fn set(&mut self, name: &str, text: &str) {
        self.settings.push((name.to_owned(), text.to_owned()));
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("ipamd.sock")
    }

    pub(crate) fn checkpoint(&self) -> PathBuf {
        self.folder.path().join("not-there-yet/ipam.json")
    }

    pub(crate) fn introspection(&self) -> PathBuf {
        self.folder.path().join("look.sock")
    }

    async fn options(&self, stop: &CancellationToken) -> RunOptions {
        let imds = self.sandbox.imds(&self.instance).await.expect("listens");
        let path = |path: PathBuf| path.display().to_string();
        let arguments = [
            "ipamd".to_owned(),
            format!("--socket={}", path(self.socket())),
            format!("--state-dir={}", path(self.folder.path().join("state"))),
            format!("--checkpoint={}", path(self.checkpoint())),
            "--metrics-addr=127.0.0.1:0".to_owned(),
            format!("--imds-endpoint={imds}"),
        ];
        let overrides = Overrides {
            region: Some("us-west-2".to_owned()),
            endpoint: Some(self.sandbox.endpoint()),
            credentials: Some(credentials()),
            limits: Limits {
                attempts: 1,
                ..Limits::default()
            },
        };
        let aws = Aws::from_environment(overrides).await.expect("ports");
        let mut settings = self.settings.clone();
        let address = format!("unix:{}", path(self.introspection()));
        settings.push(("INTROSPECTION_BIND_ADDRESS".to_owned(), address));
        RunOptions {
            args: run_args(arguments),
            settings: Settings::from_environment(settings),
            ec2: Some(Arc::new(aws)),
            kernel: self.kernel.clone(),
            pace: pace(),
            stop: stop.clone(),
            signals: false,
        }
    }

    /// Starts the daemon and waits until it serves.
    pub(crate) async fn start(&mut self) {
        self.launch().await;
        let socket = self.socket();
        wait("the daemon to serve", || {
            let socket = socket.clone();
            async move { vpccni_rpc::connect(&socket, Duration::from_secs(1)).await.is_ok() }
        })
        .await;
    }

    /// Starts the daemon.
    pub(crate) async fn launch(&mut self) {
        let stop = CancellationToken::new();
        let options = self.options(&stop).await;
        #[expect(clippy::disallowed_methods, reason = "the lab joins it")]
        let task = tokio::spawn(Box::pin(run(options)));
        self.daemon = Some(Daemon { stop, task });
    }

    /// What kills the daemon while something else goes on.
    pub(crate) fn doom(&self) -> tokio::task::AbortHandle {
        self.daemon.as_ref().expect("a daemon").task.abort_handle()
    }

    /// A start that is to fail, with the reason.
    pub(crate) async fn refused(&mut self) -> String {
        let stop = CancellationToken::new();
        let options = self.options(&stop).await;
        match tokio::time::timeout(PATIENCE, Box::pin(run(options))).await {
            Ok(Err(error)) => error.to_string(),
            other => panic!("{other:?}"),
        }
    }

    /// Ends the daemon in order.
    pub(crate) async fn stop(&mut self) {
        let daemon = self.daemon.take().expect("a daemon");
        daemon.stop.cancel();
        let ended = tokio::time::timeout(PATIENCE, daemon.task)
            .await
            .expect("ends in time");
        ended.expect("no panic").expect("no error");
    }

    /// Ends it as a kill does: nothing is finished.
    pub(crate) async fn kill(&mut self) {
        let daemon = self.daemon.take().expect("a daemon");
        daemon.task.abort();
        daemon.task.await.ok();
        // Its tasks end one by one where a process ends at once: the next one must not be mistaken for this one.
        let socket = self.socket();
        wait("the socket to be dead", || {
            let socket = socket.clone();
            async move { tokio::net::UnixStream::connect(&socket).await.is_err() }
        })
        .await;
    }

    pub(crate) async fn channel(&self) -> Channel {
        vpccni_rpc::connect(&self.socket(), Duration::from_secs(2))
            .await
            .expect("a connection")
    }

    pub(crate) async fn client(&self) -> CniBackendClient<Channel> {
        CniBackendClient::new(self.channel().await)
    }

    pub(crate) async fn add(&self, pod: &str) -> AddNetworkReply {
        self.try_add(pod).await.expect("a reply")
    }

    /// An ADD that may find nobody, as the others may not.
    pub(crate) async fn try_add(&self, pod: &str) -> Result<AddNetworkReply, tonic::Status> {
        let channel = vpccni_rpc::connect(&self.socket(), Duration::from_secs(2)).await;
        let channel = channel.map_err(|error| tonic::Status::unavailable(error.to_string()))?;
        let reply = CniBackendClient::new(channel).add_network(request(pod)).await;
        reply.map(tonic::Response::into_inner)
    }

    /// The address of a pod that gets one sooner or later, and its link as the plugin makes it.
    pub(crate) async fn address(&self, pod: &str) -> String {
        let mut address = String::new();
        for _ in 0..400 {
            let reply = self.add(pod).await;
            if reply.success {
                address.clone_from(&reply.allocations[0].ipv4_addr);
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_ne!(address, "", "{pod} got no address");
        self.kernel.add_pod(&link(pod), &address);
        address
    }

    pub(crate) async fn del(&self, pod: &str) -> Result<DelNetworkReply, tonic::Status> {
        let request = DelNetworkRequest {
            client_version: VERSION.to_owned(),
            k8s_pod_name: pod.to_owned(),
            k8s_pod_namespace: "default".to_owned(),
            container_id: format!("container-of-{pod}"),
            if_name: "eth0".to_owned(),
            network_name: "aws-cni".to_owned(),
            reason: "PodDeleted".to_owned(),
            ..DelNetworkRequest::default()
        };
        let channel = vpccni_rpc::connect(&self.socket(), Duration::from_secs(2)).await;
        let channel = channel.map_err(|error| tonic::Status::unavailable(error.to_string()))?;
        let reply = CniBackendClient::new(channel).del_network(request).await;
        reply.map(tonic::Response::into_inner)
    }

    /// Says which pods the runtime knows, and gives the containers that were released.
    pub(crate) async fn collect(&self, pods: &[&str]) -> Vec<String> {
        let valid = pods.iter().map(|pod| Attachment {
            container_id: format!("container-of-{pod}"),
            interface: "eth0".to_owned(),
        });
        let request = GcRequest {
            client_version: VERSION.to_owned(),
            network_name: "aws-cni".to_owned(),
            valid: valid.collect(),
        };
        let reply = NodeClient::new(self.channel().await).gc(request).await;
        let released = reply.expect("a reply").into_inner().released;
        released
            .into_iter()
            .map(|attachment| attachment.container_id)
            .collect()
    }

    /// What the daemon shows of the default card: interfaces, addresses, held addresses.
    pub(crate) async fn counts(&self) -> (usize, u64, u64) {
        let text = http_unix(&self.introspection(), "/v1/enis").await;
        let seen: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let card = &seen["0"];
        let enis = card["ENIs"].as_object().map_or(0, serde_json::Map::len);
        let number = |name: &str| card[name].as_u64().unwrap_or(0);
        (enis, number("TotalIPs"), number("AssignedIPs"))
    }

    /// Waits until the counts are these.
    pub(crate) async fn wait_for(&self, wanted: (usize, u64, u64)) {
        let begun = std::time::Instant::now();
        loop {
            let seen = self.counts().await;
            if seen == wanted {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{seen:?} is not {wanted:?}");
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    pub(crate) fn fault(&self, rule: &str) {
        let rule: Rule = serde_json::from_str(rule).expect("a rule");
        self.sandbox.add_fault(rule).expect("a rule");
    }

    pub(crate) fn calls(&self, action: &str) -> u64 {
        let calls = self.sandbox.calls();
        let of = calls.iter().filter(|call| call.action == action);
        of.map(|call| call.count).sum()
    }

    /// Orders something of the sandbox.
    pub(crate) async fn control(&self, path: &str, body: &str) {
        post(self.sandbox.address(), &format!("/_sandbox/{path}"), body).await;
    }

    pub(crate) async fn end(mut self) {
        if self.daemon.is_some() {
            self.stop().await;
        }
        assert_eq!(self.sandbox.world().violations(), Vec::<String>::new());
        self.sandbox.shutdown().await;
    }
}

/// The link of a pod.
pub(crate) fn link(pod: &str) -> String {
    vpccni_core::datapath::host_veth_name("eni", "default", pod, 0)
}

pub(crate) fn request(pod: &str) -> AddNetworkRequest {
    AddNetworkRequest {
        client_version: VERSION.to_owned(),
        k8s_pod_name: pod.to_owned(),
        k8s_pod_namespace: "default".to_owned(),
        container_id: format!("container-of-{pod}"),
        if_name: "eth0".to_owned(),
        network_name: "aws-cni".to_owned(),
        ..AddNetworkRequest::default()
    }
}

/// A subnet of both families, in a VPC of its own.
async fn subnet(raw: &aws_sdk_ec2::Client, cidr: &str) -> String {
    let call = raw.create_vpc().cidr_block("10.0.0.0/16");
    let made = call.amazon_provided_ipv6_cidr_block(true).send().await;
    let made = made.expect("a VPC");
    let vpc = made.vpc().and_then(|v| v.vpc_id()).expect("an id");
    let seen = raw.describe_vpcs().vpc_ids(vpc).send().await.expect("read");
    let blocks = seen
        .vpcs()
        .first()
        .expect("a VPC")
        .ipv6_cidr_block_association_set();
    let block = blocks.first().and_then(|block| block.ipv6_cidr_block());
    let first = block.expect("a block").replace("/56", "/64");
    let call = raw.create_subnet().vpc_id(vpc).cidr_block(cidr);
    let call = call.ipv6_cidr_block(first).availability_zone("us-west-2a");
    let made = call.send().await.expect("a subnet");
    let id = made.subnet().and_then(|subnet| subnet.subnet_id());
    id.expect("an id").to_owned()
}

async fn raw(sandbox: &Sandbox) -> aws_sdk_ec2::Client {
    let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
        .endpoint_url(sandbox.endpoint())
        .region(aws_config::Region::new("us-west-2"))
        .credentials_provider(credentials())
        .http_client(
            aws_smithy_http_client::Builder::new()
                .tls_provider(aws_smithy_http_client::tls::Provider::Rustls(
                    aws_smithy_http_client::tls::rustls_provider::CryptoMode::Ring,
                ))
                .build_https(),
        )
        .load()
        .await;
    aws_sdk_ec2::Client::new(&config)
}
