//! The cluster as people have set it up, before the operator runs.

use crate::demo::error::DemoError;
use crate::demo::setting::{APPLY_NODE_POOL, APPLY_WORKLOAD, NODE_POOL_DEFINITION, ZONES, apply_eni_config};
use crate::demo::stage::Stage;
use vpccni_testbed::scene::SceneError;

pub(in crate::demo) async fn play(stage: &Stage<'_>) -> Result<(), DemoError> {
    let plane = &stage.scene.plane;
    let define = plane
        .kubectl_ok(&["apply", "-f", "-"], Some(NODE_POOL_DEFINITION))
        .await;
    define.map_err(|error| DemoError::Scene(SceneError::Command(error)))?;
    let wait = [
        "wait",
        "--for=condition=Established",
        "crd/nodepools.karpenter.sh",
        "--timeout=30s",
    ];
    plane
        .kubectl_ok(&wait, None)
        .await
        .map_err(|error| DemoError::Scene(SceneError::Command(error)))?;

    stage.page.headline("The cluster as it is");
    stage.page.prose(
        "24 nodes in two zones. aws-node was applied with kubectl and runs with custom networking in secondary mode: \
         pods get single addresses of subnets of their own.",
    );
    let nodes = stage
        .run(
            "kubectl get nodes -L topology.kubernetes.io/zone -L eks.amazonaws.com/nodegroup \\\n  \
             -L node.kubernetes.io/instance-type --no-headers | awk '{print $6, $7, $8}' | sort | uniq -c",
        )
        .await?;
    if !(nodes.contains("12 us-west-2a blue m5.large") && nodes.contains("12 us-west-2b green m5.xlarge")) {
        return Err(DemoError::not_shown("twelve nodes in each of two zones", &nodes));
    }
    stage
        .page
        .prose("\nKarpenter's NodePool amber may make nodes in a third zone. It has made none yet.");
    stage.run(APPLY_NODE_POOL).await?;
    stage
        .page
        .prose("\nSomebody wrote an ENIConfig for each zone that had nodes at the time, and there is work.");
    for zone in &ZONES[..2] {
        stage.run(&apply_eni_config(stage.scene, zone, zone)).await?;
    }
    stage.run(APPLY_WORKLOAD).await?;
    stage
        .run("kubectl rollout status deployment/shop --timeout=90s | tail -1")
        .await?;
    Ok(())
}
