//! A big cluster of static objects: real API server, sandbox, charts; nodes and pods that nobody plays.

use vpccni_testbed::cloud::{Cloud, PodNetwork};
use vpccni_testbed::control_plane::AccountAccess;
use vpccni_testbed::fixtures::{self, AwsNode};
use vpccni_testbed::nodes::{StaticPods, static_nodes, static_pods};
use vpccni_testbed::sandbox::Sandbox;
use vpccni_testbed::scene::{NAMESPACE, install_charts};
use vpccni_testbed::{ControlPlane, Options, SimNode};

/// The zones of the sandbox's region: three /20 for nodes hold 12,000 addresses.
const ZONES: [&str; 3] = ["us-west-2a", "us-west-2b", "us-west-2c"];

/// One primary address and nothing else: the operator reads every interface, and the subnets hold them all.
const ONE_INTERFACE: PodNetwork = PodNetwork {
    prefixes: false,
    custom: true,
    secondary_interfaces: 0,
};

pub(super) struct Cluster {
    pub(super) plane: ControlPlane,
    pub(super) sandbox: Sandbox,
    pub(super) operator: AccountAccess,
}

impl Cluster {
    /// Makes it; pods are there before the operator is.
    pub(super) async fn start(nodes: u16, pods_per_node: usize) -> Result<Self, String> {
        let plane = ControlPlane::start(Options::api_only())
            .await
            .map_err(|error| error.to_string())?;
        let sandbox = Sandbox::start(vpccni_testbed::sandbox::Options::default())
            .await
            .map_err(|error| error.to_string())?;
        let cloud = Cloud::build(&sandbox, "demo", &ZONES).map_err(|error| error.to_string())?;
        fixtures::apply_crds(&plane)
            .await
            .map_err(|error| error.to_string())?;
        install_charts(&plane, &[])
            .await
            .map_err(|error| error.to_string())?;
        fixtures::apply_aws_node(&plane, &AwsNode::published())
            .await
            .map_err(|error| error.to_string())?;
        let nodes = launch(&cloud, nodes)?;
        let client = plane.client();
        static_nodes(&client, &nodes)
            .await
            .map_err(|error| error.to_string())?;
        let agents = StaticPods {
            namespace: "kube-system",
            prefix: "aws-node",
            count: nodes.len(),
            running: true,
            label: ("k8s-app", "aws-node"),
        };
        let workload = StaticPods {
            namespace: "default",
            prefix: "workload",
            count: nodes.len() * pods_per_node,
            running: false,
            label: ("app", "static"),
        };
        static_pods(&client, &nodes, &agents)
            .await
            .map_err(|error| error.to_string())?;
        static_pods(&client, &nodes, &workload)
            .await
            .map_err(|error| error.to_string())?;
        let operator = plane
            .service_account(NAMESPACE, "vpc-cni-operator")
            .await
            .map_err(|error| error.to_string())?;
        Ok(Self {
            plane,
            sandbox,
            operator,
        })
    }

    /// Calls of EC2 so far.
    pub(super) fn ec2_calls(&self) -> u64 {
        self.sandbox.calls().iter().map(|call| call.count).sum()
    }

    pub(super) async fn shutdown(self) {
        self.sandbox.shutdown().await;
        self.plane.shutdown().await;
    }
}

fn launch(cloud: &Cloud, count: u16) -> Result<Vec<SimNode>, String> {
    (0..count)
        .zip(ZONES.iter().cycle())
        .map(|(_, zone)| {
            let node = cloud
                .launch(zone, "m5.large", ONE_INTERFACE)
                .map_err(|error| error.to_string())?;
            Ok(node.managed("blue"))
        })
        .collect()
}
