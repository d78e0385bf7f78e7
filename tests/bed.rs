//! A scene with the operator running in this process, as the chart's service account and through the real AWS SDK.

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use vpc_cni_operator::context::Settings;
use vpc_cni_operator::run::{Cloud, LeaseOptions, RunError, RunOptions, WrapGate, run};
use vpccni_aws::{Aws, Limits, Overrides};
use vpccni_testbed::scene::{NAMESPACE, Scene, SceneOptions};
use vpccni_testbed::wait::until;

/// Longer than anything takes on a loaded machine with two cores.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// What a story wants of an operator beyond the usual.
#[derive(Default)]
pub(crate) struct Wanted {
    /// Who it is in the Lease.
    pub(crate) identity: Option<&'static str>,
    /// AWS, if not the sandbox through the real SDK.
    pub(crate) cloud: Option<Cloud>,
    /// The Lease it stands for.
    pub(crate) lease: Option<LeaseOptions>,
    /// What stands around every write.
    pub(crate) gate: Option<WrapGate>,
}

/// An operator running in this process.
pub(crate) struct Operator {
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<Result<(), RunError>>,
}

impl Operator {
    /// Starts it, and waits until it listens.
    pub(crate) async fn start(options: RunOptions) -> Self {
        let (listening, address) = oneshot::channel();
        let options = RunOptions {
            listening: Some(listening),
            ..options
        };
        let stop = options.stop.clone();
        #[expect(clippy::disallowed_methods, reason = "the story joins it")]
        let task = tokio::spawn(run(options));
        Self {
            address: address.await.unwrap(),
            stop,
            task,
        }
    }

    /// Ends it as SIGTERM does.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }

    /// Ends it as SIGKILL does: nothing is finished, nothing is put away.
    pub(crate) async fn kill(self) {
        self.task.abort();
        self.task.await.unwrap_err();
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// What it answers at `/metrics`.
    pub(crate) async fn metrics(&self) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: operator\r\nConnection: close\r\n\r\n")
            .await
            .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }
}

pub(crate) struct Bed {
    pub(crate) scene: Scene,
    operator: Option<Operator>,
}

impl Bed {
    pub(crate) async fn start(options: SceneOptions) -> Self {
        let mut bed = Self::without_operator(options).await;
        bed.start_operator().await;
        bed
    }

    pub(crate) async fn without_operator(options: SceneOptions) -> Self {
        logs();
        let scene = Scene::start(options, &mut |_| {}).await.unwrap();
        Self {
            scene,
            operator: None,
        }
    }

    /// The sandbox through the real SDK.
    pub(crate) async fn aws_within(&self, limits: Limits) -> Cloud {
        let overrides = Overrides {
            region: Some("us-west-2".to_owned()),
            endpoint: Some(self.scene.sandbox.endpoint()),
            credentials: Some(SharedCredentialsProvider::new(Credentials::new(
                "test", "test", None, None, "tests",
            ))),
            limits,
        };
        let aws = Aws::from_environment(overrides).await.unwrap();
        Cloud::of(&Arc::new(aws))
    }

    pub(crate) async fn start_operator(&mut self) {
        self.operator = Some(self.another(Wanted::default()).await);
    }

    /// Replaces the operator that runs.
    pub(crate) async fn restart_operator(&mut self, wanted: Wanted) {
        self.stop_operator().await;
        self.operator = Some(self.another(wanted).await);
    }

    pub(crate) fn operator(&self) -> &Operator {
        self.operator.as_ref().unwrap()
    }

    /// What an operator is made of, whatever it is to do.
    pub(crate) async fn run_options(&self, wanted: Wanted) -> RunOptions {
        let cloud = match wanted.cloud {
            Some(cloud) => cloud,
            None => self.aws_within(Limits::default()).await,
        };
        RunOptions {
            client: Some(self.scene.operator.client.clone()),
            cloud: Some(cloud),
            lease: wanted.lease,
            gate: wanted.gate,
            signals: false,
            ..RunOptions::new(settings(wanted.identity), ([127, 0, 0, 1], 0).into())
        }
    }

    /// One more operator, for the story to keep.
    pub(crate) async fn another(&self, wanted: Wanted) -> Operator {
        Operator::start(self.run_options(wanted).await).await
    }

    /// Ends the operator that runs as SIGKILL does.
    pub(crate) async fn kill_operator(&mut self) {
        if let Some(operator) = self.operator.take() {
            operator.kill().await;
        }
    }

    pub(crate) async fn stop_operator(&mut self) {
        if let Some(operator) = self.operator.take() {
            operator.stop().await;
        }
    }

    /// kubectl as an administrator; what it printed.
    pub(crate) async fn kubectl(&self, arguments: &[&str]) -> String {
        self.scene.plane.kubectl_ok(arguments, None).await.unwrap()
    }

    /// kubectl as somebody: what it said, and whether it succeeded.
    pub(crate) async fn kubectl_as(&self, user: &str, arguments: &[&str]) -> Result<String, String> {
        let mut all = vec!["--as", user];
        all.extend(arguments);
        let output = self.scene.plane.kubectl(&all, None).await.unwrap();
        let text = [output.stdout, output.stderr]
            .map(|bytes| String::from_utf8(bytes).unwrap())
            .concat();
        if output.status.success() {
            Ok(text)
        } else {
            Err(text)
        }
    }

    /// Sets a variable of aws-node by hand, as `kubectl set env` under this field manager would.
    pub(crate) async fn set_by_hand(&self, manager: &str, name: &str, value: &str) {
        let patch = env_patch("aws-node", name, value, "");
        self.patch_by_hand(manager, &patch).await;
    }

    /// A strategic merge patch of the DaemonSet under this field manager.
    pub(crate) async fn patch_by_hand(&self, manager: &str, patch: &str) {
        let manager = format!("--field-manager={manager}");
        self.kubectl(&[
            "-n",
            "kube-system",
            "patch",
            "daemonset",
            "aws-node",
            &manager,
            "-p",
            patch,
        ])
        .await;
    }

    pub(crate) async fn daemon_set(&self) -> Value {
        self.get(&["-n", "kube-system", "daemonset", "aws-node"]).await
    }

    /// Waits for an Event of this reason whose note contains the text.
    pub(crate) async fn event(&self, reason: &str, text: &str) -> Value {
        let what = format!("an Event {reason}: {text}");
        let found = until(&what, PATIENCE, || async {
            let all = self.get(&["events.v1.events.k8s.io", "-A"]).await;
            let events = all["items"].as_array().unwrap();
            let of = |event: &&Value| event["reason"] == reason;
            let note = |event: &Value| event["note"].as_str().unwrap_or_default().to_owned();
            match events.iter().filter(of).find(|event| note(event).contains(text)) {
                Some(event) => Ok(event.clone()),
                None => Err(events
                    .iter()
                    .map(|event| format!("{}: {}", event["reason"], note(event)))
                    .collect::<Vec<_>>()
                    .join(" | ")),
            }
        });
        found.await.unwrap()
    }

    pub(crate) async fn apply(&self, manifest: &str) {
        self.scene
            .plane
            .kubectl_ok(&["apply", "-f", "-"], Some(manifest))
            .await
            .unwrap();
    }

    pub(crate) async fn get(&self, arguments: &[&str]) -> Value {
        let mut all = vec!["get", "-o", "json"];
        all.extend(arguments);
        all.push("--show-managed-fields");
        let text = self.scene.plane.kubectl_ok(&all, None).await.unwrap();
        serde_json::from_str(&text).unwrap()
    }

    pub(crate) async fn policy(&self) -> Value {
        self.get(&["cnip", "default"]).await
    }

    /// Waits until a condition of the policy has this status and reason for the newest generation.
    pub(crate) async fn condition(&self, kind: &str, status: &str, reason: &str) -> Value {
        let what = format!("{kind}={status} {reason}");
        let found = until(&what, PATIENCE, || async {
            let policy = self.policy().await;
            let generation = &policy["metadata"]["generation"];
            let found = policy["status"]["conditions"].as_array().and_then(|all| {
                all.iter().find(|condition| {
                    condition["type"] == kind
                        && condition["status"] == status
                        && condition["reason"] == reason
                        && condition["observedGeneration"] == *generation
                })
            });
            match found {
                Some(_) => Ok(policy.clone()),
                None => Err(serde_json::to_string_pretty(&policy["status"]["conditions"]).unwrap()),
            }
        });
        found.await.unwrap()
    }

    /// Waits until a look at the cluster finds what is wanted.
    pub(crate) async fn sees<T, F: Future<Output = Result<T, String>>>(
        &self,
        what: &str,
        look: impl FnMut() -> F,
    ) -> T {
        until(what, PATIENCE, look).await.unwrap()
    }

    /// The value of a variable of aws-node.
    pub(crate) async fn variable(&self, name: &str) -> Option<String> {
        let daemon_set = self.daemon_set().await;
        let containers = daemon_set["spec"]["template"]["spec"]["containers"]
            .as_array()
            .unwrap()
            .clone();
        let aws_node = containers
            .iter()
            .find(|container| container["name"] == "aws-node")
            .unwrap();
        let found = aws_node["env"]
            .as_array()
            .unwrap()
            .iter()
            .find(|variable| variable["name"] == name)?;
        found["value"].as_str().map(str::to_owned)
    }

    pub(crate) async fn shutdown(mut self) {
        self.stop_operator().await;
        self.scene.shutdown().await;
    }
}

/// What an operator is told at start.
pub(crate) fn settings(identity: Option<&str>) -> Settings {
    Settings {
        namespace: NAMESPACE.to_owned(),
        identity: identity.unwrap_or("test-0").to_owned(),
        cluster_name: Some("demo".to_owned()),
        aws_region: Some("us-west-2".to_owned()),
        ec2_calls_per_minute: 300,
        inventory_interval: Duration::from_secs(5),
        admission_parameters_name: "vpc-cni-operator-admission".to_owned(),
    }
}

/// The message of a condition.
pub(crate) fn message(policy: &Value, kind: &str) -> String {
    let conditions = policy["status"]["conditions"].as_array().unwrap();
    let found = conditions
        .iter()
        .find(|condition| condition["type"] == kind)
        .unwrap();
    found["message"].as_str().unwrap().to_owned()
}

/// A strategic merge patch that sets a variable of a container; `metadata` is what the patch changes besides.
pub(crate) fn env_patch(container: &str, name: &str, value: &str, metadata: &str) -> String {
    format!(
        r#"{{"metadata":{{{metadata}}},"spec":{{"template":{{"spec":{{"containers":[{{"name":"{container}","env":[{{"name":"{name}","value":"{value}"}}]}}]}}}}}}}}"#
    )
}

/// The field managers that own a variable of aws-node.
pub(crate) fn owners(daemon_set: &Value, name: &str) -> Vec<String> {
    let field = |fields: &Value| {
        let containers = &fields["f:spec"]["f:template"]["f:spec"]["f:containers"];
        let env = &containers[r#"k:{"name":"aws-node"}"#]["f:env"];
        env.get(format!(r#"k:{{"name":"{name}"}}"#))
            .and_then(|variable| variable.get("f:value"))
            .is_some()
    };
    let managed = daemon_set["metadata"]["managedFields"]
        .as_array()
        .into_iter()
        .flatten();
    managed
        .filter(|entry| field(&entry["fieldsV1"]))
        .map(|entry| entry["manager"].as_str().unwrap().to_owned())
        .collect()
}

/// A policy with this spec, as YAML below `spec:`.
pub(crate) fn policy(spec: &str) -> String {
    let indented: String = spec.lines().flat_map(|line| ["  ", line, "\n"]).collect();
    format!("apiVersion: vpccni.io/v1alpha1\nkind: CniPolicy\nmetadata: {{name: default}}\nspec:\n{indented}")
}

/// Logs of the operator, where RUST_LOG asks for them.
pub(crate) fn logs() {
    if let Ok(filter) = std::env::var("RUST_LOG") {
        // A second test of the process finds them initialised already.
        vpccni_telemetry::logs::init(vpccni_telemetry::logs::Format::Text, &filter).ok();
    }
}
