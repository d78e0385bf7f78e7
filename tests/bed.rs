//! A scene with the operator running in this process, as the chart's service account and through the real AWS SDK.

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use vpc_cni_operator::context::Settings;
use vpc_cni_operator::run::{Cloud, RunError, RunOptions, run};
use vpccni_aws::{Aws, Limits, Overrides};
use vpccni_testbed::scene::{NAMESPACE, Scene, SceneOptions};
use vpccni_testbed::wait::until;

/// Longer than anything takes on a loaded machine with two cores.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Bed {
    pub(crate) scene: Scene,
    operator: Option<(CancellationToken, JoinHandle<Result<(), RunError>>)>,
}

impl Bed {
    pub(crate) async fn start(options: SceneOptions) -> Self {
        logs();
        let scene = Scene::start(options, &mut |_| {}).await.unwrap();
        let mut bed = Self {
            scene,
            operator: None,
        };
        bed.start_operator().await;
        bed
    }

    pub(crate) async fn aws(&self) -> Aws {
        let overrides = Overrides {
            region: Some("us-west-2".to_owned()),
            endpoint: Some(self.scene.sandbox.endpoint()),
            credentials: Some(SharedCredentialsProvider::new(Credentials::new(
                "test", "test", None, None, "tests",
            ))),
            limits: Limits::default(),
        };
        Aws::from_environment(overrides).await.unwrap()
    }

    pub(crate) async fn start_operator(&mut self) {
        let aws = self.aws().await;
        let stop = CancellationToken::new();
        let settings = Settings {
            namespace: NAMESPACE.to_owned(),
            identity: "test-0".to_owned(),
            cluster_name: Some("demo".to_owned()),
            aws_region: Some("us-west-2".to_owned()),
            ec2_calls_per_minute: 300,
            inventory_interval: Duration::from_secs(5),
            admission_parameters_name: "vpc-cni-operator-admission".to_owned(),
        };
        let options = RunOptions {
            client: Some(self.scene.operator.client.clone()),
            cloud: Some(Cloud {
                ec2: Arc::new(aws.clone()),
                eks: Arc::new(aws),
            }),
            signals: false,
            stop: stop.clone(),
            ..RunOptions::new(settings, ([127, 0, 0, 1], 0).into())
        };
        self.operator = Some((stop, tokio::spawn(run(options))));
    }

    pub(crate) async fn stop_operator(&mut self) {
        if let Some((stop, task)) = self.operator.take() {
            stop.cancel();
            task.await.unwrap().unwrap();
        }
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

    /// The value of a variable of aws-node.
    pub(crate) async fn variable(&self, name: &str) -> Option<String> {
        let daemon_set = self.get(&["-n", "kube-system", "daemonset", "aws-node"]).await;
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

/// A policy with this spec, as YAML below `spec:`.
pub(crate) fn policy(spec: &str) -> String {
    let indented: String = spec.lines().map(|line| format!("  {line}\n")).collect();
    format!("apiVersion: vpccni.io/v1alpha1\nkind: CniPolicy\nmetadata: {{name: default}}\nspec:\n{indented}")
}

/// Logs of the operator, where RUST_LOG asks for them.
fn logs() {
    if let Ok(filter) = std::env::var("RUST_LOG") {
        // A second test of the process finds them initialised already.
        vpccni_telemetry::logs::init(vpccni_telemetry::logs::Format::Text, &filter).ok();
    }
}
