//! The program against a real API server and AWS as the sandbox is, as a person runs it: a kubeconfig and an environment.

use crate::golden::path;
use serde_json::Value;
use std::process::{Command, Output};
use std::time::Duration;
use vpccni_testbed::cloud::{Cloud, PodNetwork};
use vpccni_testbed::control_plane::{ControlPlane, Options};
use vpccni_testbed::fixtures::{self, AwsNode};
use vpccni_testbed::nodes::Kubelets;
use vpccni_testbed::sandbox::{self, Sandbox};
use vpccni_testbed::scene::{GroupSpec, wait_rolled_out};
use vpccni_testbed::wait::until;

/// Longer than a definition takes to be served on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A cluster as it was before the operator came.
struct Bed {
    plane: ControlPlane,
    sandbox: Sandbox,
    _kubelets: Kubelets,
}

impl Bed {
    async fn start() -> Self {
        let plane = ControlPlane::start(Options::default()).await.unwrap();
        let sandbox = Sandbox::start(sandbox::Options {
            region: "us-west-2".to_owned(),
            ..sandbox::Options::default()
        })
        .await
        .unwrap();
        let cloud = Cloud::build(&sandbox, "demo", &["us-west-2a", "us-west-2b"]).unwrap();
        fixtures::apply_crds(&plane).await.unwrap();
        let group = GroupSpec {
            name: "blue",
            zone: "us-west-2a",
            instance_type: "m5.large",
            max_pods: 29,
            count: 2,
            network: PodNetwork::SECONDARY,
        };
        let nodes: Vec<_> = (0..group.count)
            .map(|_| {
                let node = cloud.launch(group.zone, group.instance_type, group.network);
                node.unwrap().managed(group.name)
            })
            .collect();
        let kubelets = Kubelets::start(plane.client());
        kubelets.add(&nodes).await.unwrap();
        fixtures::apply_aws_node(&plane, &AwsNode::published())
            .await
            .unwrap();
        wait_rolled_out(&plane).await.unwrap();
        Self {
            plane,
            sandbox,
            _kubelets: kubelets,
        }
    }

    /// Runs the program beside the runtime, with or without AWS in its environment.
    async fn run(&self, arguments: &[&str], with_aws: bool) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-vpc_cni"));
        command
            .args(arguments)
            .env_clear()
            .env("KUBECONFIG", self.plane.kubeconfig_path())
            .current_dir(path("data"));
        if with_aws {
            command
                .env("AWS_REGION", "us-west-2")
                .env("AWS_ENDPOINT_URL", self.sandbox.endpoint())
                .env("AWS_ACCESS_KEY_ID", "test")
                .env("AWS_SECRET_ACCESS_KEY", "test");
        }
        tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap()
    }

    /// Standard output of a run that ends with this code.
    async fn shown(&self, arguments: &[&str], with_aws: bool, code: i32) -> String {
        let output = self.run(arguments, with_aws).await;
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {complaint}");
        String::from_utf8(output.stdout).unwrap()
    }
}

fn rules(plan: &str) -> Vec<String> {
    let plan: Value = serde_json::from_str(plan).unwrap();
    let findings = plan["findings"].as_array().unwrap().iter();
    findings.map(|finding| finding["rule"].to_string()).collect()
}

#[tokio::test]
async fn a_person_plans_before_the_operator_is_installed_and_releases_in_the_end() {
    let bed = Bed::start().await;
    let plan = ["plan", "-f", "prefix.yaml", "-o", "json"];
    let live = bed.shown(&plan, true, 2).await;
    assert!(
        rules(&live).contains(&"\"prefix-mode-in-place\"".to_owned()),
        "{live}"
    );

    let file = tempfile::NamedTempFile::new().unwrap();
    let file = file.path().to_str().unwrap();
    bed.shown(&["snapshot", "--file", file], true, 0).await;
    let offline = bed
        .shown(&[&plan[..], &["--snapshot", file]].concat(), false, 2)
        .await;
    let comparable = |text: &str| {
        let mut view: Value = serde_json::from_str(text).unwrap();
        view["seen"] = Value::Null;
        view
    };
    assert_eq!(comparable(&offline), comparable(&live));

    let blind = bed.shown(&["plan", "-f", "prefix.yaml"], false, 2).await;
    assert!(
        blind.contains("\nNot known\n") && blind.contains("AWS_REGION"),
        "{blind}"
    );
    let nodes = bed.shown(&["nodes"], true, 0).await;
    assert_eq!(nodes.matches("SecondaryIp").count(), 2, "{nodes}");
    assert!(
        bed.shown(&["subnets"], true, 0)
            .await
            .contains(" free for prefixes")
    );

    let none = bed.run(&["status"], false).await;
    let said = String::from_utf8_lossy(&none.stderr).into_owned();
    assert!(
        none.status.code() == Some(1) && said.contains("what to do: "),
        "{said}"
    );
    with_a_policy(&bed).await;
    let Bed { plane, sandbox, .. } = bed;
    sandbox.shutdown().await;
    plane.shutdown().await;
}

/// No operator runs: nothing of the DaemonSet is ours, so the release is done with the policy.
async fn with_a_policy(bed: &Bed) {
    let definitions = vpccni_api::crds().unwrap();
    let (_, definition) = definitions
        .iter()
        .find(|(file, _)| file.contains("cnipolicies"))
        .unwrap();
    let apply = ["apply", "-f", "-"];
    bed.plane.kubectl_ok(&apply, Some(definition)).await.unwrap();
    let established = ["wait", "--for=condition=Established", "crd/cnipolicies.vpccni.io"];
    bed.plane.kubectl_ok(&established, None).await.unwrap();
    let policy = std::fs::read_to_string(path("data/prefix.yaml")).unwrap();
    let applied = until("the policy to be applied", PATIENCE, || async {
        let applied = bed.plane.kubectl_ok(&apply, Some(&policy)).await;
        applied.map_err(|error| error.to_string())
    });
    applied.await.unwrap();
    let status = bed.shown(&["status"], false, 0).await;
    assert!(
        status.starts_with("Policy    default, Manage (the operator has not seen"),
        "{status}"
    );
    assert_eq!(rules(&bed.shown(&["plan", "-o", "json"], true, 2).await).len(), 1);

    let refused = bed.run(&["plan", "-f", "automatic.yaml"], true).await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        refused.status.code() == Some(1) && said.contains("spec.migration.windows: strategy Automatic"),
        "{said}"
    );

    let asked = bed.run(&["release"], false).await;
    assert_eq!(asked.status.code(), Some(1), "nobody can be asked here");
    let saved = tempfile::NamedTempFile::new().unwrap();
    let saved = saved.path().to_str().unwrap();
    bed.shown(&["release", "--yes", "--save", saved], false, 0).await;
    let gone = bed.run(&["status"], false).await;
    assert_eq!(gone.status.code(), Some(1));
    let again = bed.shown(&["plan", "-f", saved, "-o", "json"], true, 2).await;
    assert_eq!(rules(&again).len(), 1, "the saved policy is the policy");
}
