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
         pods get single addresses of their own subnets. Karpenter's NodePool amber may make nodes in a third zone, \
         but has made none yet.",
    );
    let nodes = stage
        .run(
            "kubectl get nodes --no-headers -o custom-columns='ZONE:.metadata.labels.topology\\.kubernetes\\.io/zone,\
             TYPE:.metadata.labels.node\\.kubernetes\\.io/instance-type,PODS:.status.allocatable.pods' | sort | uniq -c",
        )
        .await?;
    if !(nodes.contains("us-west-2a   m5.large    20") && nodes.contains("us-west-2b   m5.xlarge   44")) {
        return Err(DemoError::not_shown(
            "there are m5.large in us-west-2a and m5.xlarge in us-west-2b",
            &nodes,
        ));
    }
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
