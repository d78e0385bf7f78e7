//! The shell tests of the charts, on a real API server with the real helm.

use std::path::Path;

use tokio::process::Command;
use vpccni_testbed::{ControlPlane, Options, Program, fixtures};

async fn script(plane: &ControlPlane, name: &str, args: &[&str]) {
    let charts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charts/tests");
    let output = Command::new("bash")
        .arg(charts.join(name))
        .args(args)
        .env("KUBECONFIG", plane.kubeconfig_path())
        .env("HOME", plane.folder())
        .env("KUBECTL", plane.tool(Program::Kubectl).unwrap())
        .env("HELM", plane.tool(Program::Helm).unwrap())
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{name}:\n{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let last = text.lines().last().unwrap_or_default();
    assert!(last.ends_with(" 0 failed"), "{last}");
    println!("NOTE: charts/tests/{name}: {last}");
}

#[tokio::test]
async fn the_charts_install_and_their_policies_hold() {
    let plane = ControlPlane::start(Options {
        scheduler: false,
        ..Options::default()
    })
    .await
    .unwrap();
    fixtures::apply_aws_node(&plane, &fixtures::AwsNode::published())
        .await
        .unwrap();
    script(&plane, "install.sh", &["keep"]).await;
    script(&plane, "admission.sh", &[]).await;
    plane.shutdown().await;
}

#[tokio::test]
async fn the_chart_of_the_node_agent_installs_beside_the_operator() {
    let plane = ControlPlane::start(Options {
        scheduler: false,
        ..Options::default()
    })
    .await
    .unwrap();
    // The definitions come from their own chart: the rights are looked at on kinds that exist.
    script(&plane, "install.sh", &["keep"]).await;
    script(&plane, "node.sh", &[]).await;
    plane.shutdown().await;
}
