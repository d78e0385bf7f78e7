//! The cluster of the demo: 24 nodes over two zones, custom networking in secondary mode, and what people have applied
//! to it before the operator comes.

use vpccni_testbed::cloud::PodNetwork;
use vpccni_testbed::fixtures::AwsNode;
use vpccni_testbed::scene::{GroupSpec, Scene, SceneOptions};

/// The definition of Karpenter's NodePool, as far as the operator reads it.
pub(super) const NODE_POOL_DEFINITION: &str = include_str!("nodepool-crd.yaml");

/// Zones of the demo: two with nodes, and one that can get some.
pub(super) const ZONES: [&str; 3] = ["us-west-2a", "us-west-2b", "us-west-2c"];

/// Nodes in both groups.
pub(super) const NODES: u32 = 24;

/// The scene.
pub(super) fn options() -> SceneOptions {
    let group = |name, zone, instance_type, max_pods| GroupSpec {
        name,
        zone,
        instance_type,
        max_pods,
        count: NODES / 2,
        network: PodNetwork::CUSTOM,
    };
    SceneOptions {
        zones: ZONES.to_vec(),
        // m5.large: (3 - 1) x (10 - 1) + 2 = 20 pods; m5.xlarge: (4 - 1) x (15 - 1) + 2 = 44.
        groups: vec![
            group("blue", ZONES[0], "m5.large", 20),
            group("green", ZONES[1], "m5.xlarge", 44),
        ],
        aws_node: Some(AwsNode::published().custom_networking("topology.kubernetes.io/zone")),
        seed: 7,
        ..SceneOptions::default()
    }
}

/// The command that applies an ENIConfig by hand.
pub(super) fn apply_eni_config(scene: &Scene, name: &str, subnet_of: &str) -> String {
    format!(
        "kubectl apply -f - <<'EOF'\n\
         {{apiVersion: crd.k8s.amazonaws.com/v1alpha1, kind: ENIConfig, metadata: {{name: {name}}},\n \
         spec: {{subnet: {}, securityGroups: [{}]}}}}\n\
         EOF",
        pod_subnet(scene, subnet_of),
        scene.cloud.pod_group
    )
}

/// The command that applies a NodePool for the third zone.
pub(super) const APPLY_NODE_POOL: &str = "kubectl apply -f - <<'EOF'
apiVersion: karpenter.sh/v1
kind: NodePool
metadata: {name: amber}
spec:
  template:
    spec:
      requirements: [{key: topology.kubernetes.io/zone, operator: In, values: [us-west-2c]}]
EOF";

/// A workload, so that the numbers of pods in findings are those of a cluster that works.
pub(super) const APPLY_WORKLOAD: &str = "kubectl create deployment shop --image=shop:1 --replicas=48";

/// The command that applies the policy: what the team wants, and how far the operator may go.
pub(super) fn apply_policy(management: &str, eni_configs: &str) -> String {
    format!(
        "kubectl apply -f - <<'EOF'\n\
         apiVersion: vpccni.io/v1alpha1\n\
         kind: CniPolicy\n\
         metadata: {{name: default}}\n\
         spec:\n{management}  \
           ipAllocation: {{mode: SecondaryIp, warmEniTarget: 0, warmIpTarget: 4, minimumIpTarget: 8}}\n  \
           customNetworking:\n    \
             enabled: true\n    \
             labelKey: topology.kubernetes.io/zone\n{eni_configs}\
         EOF"
    )
}

/// The ENIConfigs of all three zones, for the policy.
pub(super) fn eni_configs(scene: &Scene) -> String {
    let entry = |zone: &&str| {
        format!(
            "      - name: {zone}\n        zone: {zone}\n        subnet: {{id: {}}}\n        \
             securityGroups: [{{id: {}}}]\n",
            pod_subnet(scene, zone),
            scene.cloud.pod_group
        )
    };
    let entries: String = ZONES.iter().map(entry).collect();
    format!("    eniConfigs:\n{entries}")
}

/// The subnet of pods in a zone.
fn pod_subnet(scene: &Scene, zone: &str) -> String {
    scene
        .cloud
        .zones
        .get(zone)
        .map(|subnets| subnets.pods.to_string())
        .unwrap_or_default()
}
