//! A whole run in this process, on a small API server.

use super::*;
use crate::controller::Failure;
use crate::testing::{FakeApi, Fault, settings};
use crate::write::{Target, WriteError, WriteSite};
use async_trait::async_trait;
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::json;
use std::net::SocketAddr;
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/vpc-cni-operator/leases/the-lease";
const MARK: &str = "/api/v1/namespaces/vpc-cni-operator/configmaps/the-mark";

/// Writes one ConfigMap when it starts, and another word into it when it is released.
#[derive(Debug)]
struct Marker;

impl Marker {
    async fn write(&self, ctx: &Context, word: &str) -> Result<(), WriteError> {
        let mark = Target::namespaced::<ConfigMap>("vpc-cni-operator", "the-mark");
        let body = json!({ "data": { "word": word } });
        ctx.writer
            .apply(WriteSite::ApplyConfigMap, &mark, crate::write::Apply::OURS, body)
            .await
            .map(drop)
    }
}

#[async_trait]
impl Controller for Marker {
    fn name(&self) -> &'static str {
        "marker"
    }

    async fn run(self: Arc<Self>, ctx: Arc<Context>, stop: CancellationToken) -> Result<(), Failure> {
        self.write(&ctx, "running").await?;
        stop.cancelled().await;
        Ok(self.write(&ctx, "stopped").await?)
    }

    async fn release(&self, ctx: &Context) -> Result<(), Failure> {
        Ok(self.write(ctx, "released").await?)
    }
}

fn marker(_ctx: &Context) -> Vec<Arc<dyn Controller>> {
    vec![Arc::new(Marker)]
}

fn options(api: &FakeApi, identity: &str) -> RunOptions {
    let timings = Timings {
        duration: Duration::from_secs(1),
        renew_deadline: Duration::from_millis(600),
        retry: Duration::from_millis(60),
    };
    RunOptions {
        lease: Some(LeaseOptions {
            name: "the-lease".to_owned(),
            timings,
        }),
        client: Some(api.client()),
        cloud: Some(Cloud::none("tests have no AWS")),
        controllers: marker,
        signals: false,
        ..RunOptions::new(
            Settings {
                identity: identity.to_owned(),
                ..settings()
            },
            SocketAddr::from(([127, 0, 0, 1], 0)),
        )
    }
}

struct Running {
    admin: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<Result<(), RunError>>,
}

async fn start(options: RunOptions) -> Running {
    let (sender, receiver) = oneshot::channel();
    let stop = options.stop.clone();
    #[expect(clippy::disallowed_methods, reason = "a test joins its own task")]
    let task = tokio::spawn(run(RunOptions {
        listening: Some(sender),
        ..options
    }));
    Running {
        admin: receiver.await.unwrap(),
        stop,
        task,
    }
}

impl Running {
    async fn end(self) -> Result<(), RunError> {
        tokio::time::timeout(Duration::from_secs(30), self.task)
            .await
            .unwrap()
            .unwrap()
    }
}

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(15);
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn word(api: &FakeApi) -> String {
    api.object(MARK).map_or_else(String::new, |mark| {
        mark["data"]["word"].as_str().unwrap().to_owned()
    })
}

fn holder(api: &FakeApi) -> Option<String> {
    api.object(LEASE)?["spec"]["holderIdentity"]
        .as_str()
        .map(str::to_owned)
}

#[tokio::test]
async fn a_run_leads_works_and_ends_in_order() {
    let api = FakeApi::default();
    let running = start(options(&api, "pod-a")).await;
    until("the controller writes", || word(&api) == "running").await;
    assert_eq!(holder(&api).as_deref(), Some("pod-a"));
    assert!(get(running.admin, "/readyz").await.starts_with("HTTP/1.1 200"));
    assert!(get(running.admin, "/livez").await.starts_with("HTTP/1.1 200"));
    assert!(
        get(running.admin, "/metrics")
            .await
            .contains("vpccni_operator_leader 1")
    );
    running.stop.cancel();
    running.end().await.unwrap();
    // The last write of the controller was still let through: the Lease is given back after it.
    assert_eq!(word(&api), "stopped");
    assert_eq!(holder(&api), None);
    let last = api.writes().into_iter().map(|seen| seen.path).next_back();
    assert_eq!(last.as_deref(), Some(LEASE));
}

#[tokio::test]
async fn while_the_api_server_is_away_a_run_lives_waits_and_says_what_for() {
    let api = FakeApi::default();
    api.fail(|_| Some(Fault::Break));
    let running = start(options(&api, "pod-a")).await;
    let answer = get(running.admin, "/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(
        answer.contains("waiting for") && answer.contains("the aws-node DaemonSet"),
        "{answer}"
    );
    assert!(get(running.admin, "/livez").await.starts_with("HTTP/1.1 200"));
    api.heal();
    until("the controller writes", || word(&api) == "running").await;
    running.stop.cancel();
    running.end().await.unwrap();
}

#[tokio::test]
async fn a_controller_that_fails_ends_the_run_with_its_error_and_frees_the_lease() {
    let api = FakeApi::default();
    let (code, body) = crate::testing::status(403, "Forbidden", "cannot patch configmaps");
    assert_eq!(code, 403);
    api.fail(move |seen| {
        (seen.path == MARK && seen.method == http::Method::PATCH).then(|| Fault::Status(body.clone()))
    });
    let running = start(options(&api, "pod-a")).await;
    let error = running.end().await.unwrap_err().to_string();
    assert!(
        error.contains("marker failed") && error.contains("cannot patch configmaps"),
        "{error}"
    );
    assert_eq!(holder(&api), None);
}

#[tokio::test]
async fn a_wrapped_gate_stands_before_every_write() {
    #[derive(Debug)]
    struct Closed(Arc<dyn Gate>);

    #[async_trait]
    impl Gate for Closed {
        async fn before(&self, site: WriteSite) -> Result<(), WriteError> {
            match site {
                WriteSite::Lease => self.0.before(site).await,
                _ => Err(WriteError::NotLeader { site }),
            }
        }

        async fn after(&self, site: WriteSite) -> Result<(), WriteError> {
            self.0.after(site).await
        }

        fn time_left(&self, site: WriteSite) -> Option<Duration> {
            self.0.time_left(site)
        }
    }

    let api = FakeApi::default();
    let gate: WrapGate = Box::new(|fence| Arc::new(Closed(fence)));
    let running = start(RunOptions {
        gate: Some(gate),
        ..options(&api, "pod-a")
    })
    .await;
    let error = running.end().await.unwrap_err().to_string();
    assert!(error.contains("refused to write at apply_config_map"), "{error}");
    assert_eq!(word(&api), "");
}

#[tokio::test]
async fn a_release_silences_a_running_operator_and_keeps_it_silent() {
    let api = FakeApi::default();
    let running = start(options(&api, "pod-a")).await;
    until("the controller writes", || word(&api) == "running").await;
    release(options(&api, "release")).await.unwrap();
    assert_eq!(word(&api), "released");
    assert_eq!(holder(&api).as_deref(), Some("release"));
    // Twice the usual duration of the Lease: the operator would be back by now.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(word(&api), "released");
    running.stop.cancel();
    running.end().await.unwrap();
    assert_eq!(word(&api), "released");
}

#[tokio::test]
async fn a_release_that_cannot_write_says_what_was_not_released() {
    let api = FakeApi::default();
    let (_, body) = crate::testing::status(403, "Forbidden", "cannot patch configmaps");
    api.fail(move |seen| {
        (seen.path == MARK && seen.method == http::Method::PATCH).then(|| Fault::Status(body.clone()))
    });
    let error = release(options(&api, "release")).await.unwrap_err().to_string();
    assert!(
        error.starts_with("failed to release: marker: ") && error.contains("cannot patch"),
        "{error}"
    );
}
