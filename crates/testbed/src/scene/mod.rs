//! A whole small cluster: control plane, AWS sandbox, nodes with their instances, aws-node, and the operator's charts.
//!
//! Tests and demo start from the same scene. The operator itself is started by them, as the chart's service account.

mod agent;
mod charts;
mod error;

pub use charts::install as install_charts;
pub use error::SceneError;

use crate::cloud::{Cloud, CloudError, PodNetwork};
use crate::control_plane::{AccountAccess, ControlPlane, Options};
use crate::fixtures::{self, AwsNode};
use crate::fleet::Fleet;
use crate::karpenter::{Karpenter, create_role};
use crate::nodes::{Kubelets, SimNode};
use crate::scaling::FleetGroup;
use crate::wait::until;
use agent::StandIn;
use std::sync::Arc;
use std::time::Duration;
use vpccni_sandbox::Sandbox;
use vpccni_sandbox::world::Placement;

/// The namespace the charts are installed in.
pub const NAMESPACE: &str = "vpc-cni-operator";

/// The name of the cluster.
const CLUSTER: &str = "demo";

/// How long instances may take to become nodes, and their agents to start; in large scenes longer.
const PATIENCE: Duration = Duration::from_mins(2);
const EACH_NODE: Duration = Duration::from_millis(500);

/// A group of nodes.
#[derive(Debug, Clone)]
pub struct GroupSpec {
    /// Its name; nodes carry it as a managed node group.
    pub name: &'static str,
    /// The zone of its nodes.
    pub zone: &'static str,
    /// Their type.
    pub instance_type: &'static str,
    /// What their kubelets were told.
    pub max_pods: u32,
    /// How many.
    pub count: u32,
    /// What their interfaces hold.
    pub network: PodNetwork,
}

/// What a scene consists of.
#[derive(Debug, Clone)]
pub struct SceneOptions {
    /// The control plane.
    pub control_plane: Options,
    /// Zones with a node subnet and a pod subnet each.
    pub zones: Vec<&'static str>,
    /// The nodes.
    pub groups: Vec<GroupSpec>,
    /// Auto Scaling groups of nodes beside them.
    pub fleet: Vec<FleetGroup>,
    /// EKS managed node groups beside them, each with a launch template of the user.
    pub managed: Vec<FleetGroup>,
    /// Instances that somebody launched by hand, as zone, type and max-pods.
    pub by_hand: Vec<(&'static str, &'static str, u32)>,
    /// Whether Karpenter runs there; it makes no node before there is a NodePool.
    pub karpenter: bool,
    /// The manifest of aws-node, applied with client-side kubectl; none for a cluster without.
    pub aws_node: Option<AwsNode>,
    /// `--set` values of the operator's chart.
    pub values: Vec<String>,
    /// The seed of the sandbox.
    pub seed: u64,
    /// Where single addresses are placed.
    pub placement: Placement,
    /// The length of the prefix of node subnets: 20, or down to 18 for up to four large zones.
    pub node_subnets: u8,
    /// How long pods take to end; none is at once.
    pub pod_end: Option<Duration>,
}

impl Default for SceneOptions {
    fn default() -> Self {
        Self {
            control_plane: Options::default(),
            zones: vec!["us-west-2a", "us-west-2b"],
            groups: vec![GroupSpec {
                name: "blue",
                zone: "us-west-2a",
                instance_type: "m5.large",
                max_pods: 29,
                count: 3,
                network: PodNetwork::SECONDARY,
            }],
            fleet: Vec::new(),
            managed: Vec::new(),
            by_hand: Vec::new(),
            karpenter: false,
            aws_node: Some(AwsNode::published()),
            values: Vec::new(),
            seed: 1,
            placement: Placement::Random,
            node_subnets: 20,
            pod_end: None,
        }
    }
}

/// A running scene.
#[derive(Debug)]
pub struct Scene {
    // Dropped in this order: what uses the API server before the API server.
    /// The real Karpenter, where it was asked for.
    pub karpenter: Option<Karpenter>,
    /// What makes nodes of instances.
    pub fleet: Fleet,
    /// The simulated nodes.
    pub kubelets: Arc<Kubelets>,
    /// The AWS sandbox.
    pub sandbox: Sandbox,
    /// The VPC in it.
    pub cloud: Cloud,
    /// The nodes.
    pub nodes: Vec<SimNode>,
    /// Access as the operator's service account.
    pub operator: AccountAccess,
    /// The control plane.
    pub plane: ControlPlane,
}

impl Scene {
    /// Starts everything; `progress` is told each step.
    pub async fn start(
        options: SceneOptions,
        progress: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Self, SceneError> {
        progress("starting etcd, kube-apiserver, kube-controller-manager, kube-scheduler");
        let plane = ControlPlane::start(options.control_plane.clone())
            .await
            .map_err(SceneError::ControlPlane)?;
        progress("starting the AWS sandbox");
        let sandbox = Sandbox::start(vpccni_sandbox::Options {
            seed: options.seed,
            region: "us-west-2".to_owned(),
            placement: options.placement,
            ..vpccni_sandbox::Options::default()
        })
        .await
        .map_err(|error| SceneError::Sandbox(error.to_string()))?;
        let cloud = Cloud::build_with(&sandbox, CLUSTER, &options.zones, options.node_subnets)
            .map_err(SceneError::Cloud)?;
        fixtures::apply_crds(&plane).await.map_err(SceneError::Command)?;
        progress("installing the charts with helm");
        install_charts(&plane, &options.values).await?;
        let operator = plane
            .service_account(NAMESPACE, "vpc-cni-operator")
            .await
            .map_err(SceneError::ControlPlane)?;
        let nodes = launch(&cloud, &options.groups).map_err(SceneError::Cloud)?;
        progress(&format!(
            "registering {} nodes with their instances and interfaces",
            nodes.len()
        ));
        let kubelets = Arc::new(match options.pod_end {
            Some(end) => Kubelets::start_with(plane.client(), end),
            None => Kubelets::start(plane.client()),
        });
        let stand_in = StandIn::new(cloud.clone(), &nodes);
        kubelets.conduct(move |pod| stand_in.pod_starts(pod));
        kubelets.add(&nodes).await.map_err(SceneError::Nodes)?;
        let fleet = Fleet::start(plane.client(), &kubelets, cloud.clone(), sandbox.world());
        let launched = launch_groups(&options, &cloud, &fleet, progress).await?;
        if let Some(manifest) = &options.aws_node {
            progress("applying aws-node as people do, with client-side kubectl apply");
            fixtures::apply_aws_node(&plane, manifest)
                .await
                .map_err(SceneError::Command)?;
            rolled_out_within(
                &plane,
                PATIENCE + EACH_NODE * u32::try_from(launched).unwrap_or(u32::MAX),
            )
            .await?;
        }
        let karpenter = start_karpenter(&options, &plane, &sandbox, progress).await?;
        Ok(Self {
            karpenter,
            fleet,
            kubelets,
            sandbox,
            cloud,
            nodes,
            operator,
            plane,
        })
    }

    /// Stops everything, the store last.
    pub async fn shutdown(self) {
        let Self {
            karpenter,
            fleet,
            kubelets,
            sandbox,
            cloud: _,
            nodes: _,
            operator: _,
            plane,
        } = self;
        if let Some(karpenter) = karpenter {
            karpenter.stop().await;
        }
        drop(fleet);
        drop(kubelets);
        sandbox.shutdown().await;
        plane.shutdown().await;
    }

    /// The folder of the charts of this checkout.
    pub fn charts() -> &'static str {
        charts::FOLDER
    }
}

/// Waits until so many instances of Auto Scaling groups have become nodes.
async fn joined(fleet: &Fleet, wanted: usize) -> Result<(), SceneError> {
    let look = || async {
        let there = fleet.count();
        (there >= wanted)
            .then_some(())
            .ok_or_else(|| format!("{there} nodes"))
    };
    let what = format!("{wanted} nodes of Auto Scaling groups");
    let within = PATIENCE + EACH_NODE * u32::try_from(wanted).unwrap_or(u32::MAX);
    until(&what, within, look).await.map_err(SceneError::Joined)
}

/// Launches the instances of the groups.
pub(crate) fn launch(cloud: &Cloud, groups: &[GroupSpec]) -> Result<Vec<SimNode>, CloudError> {
    let mut nodes = Vec::new();
    for group in groups {
        for _ in 0..group.count {
            let node = cloud.launch(group.zone, group.instance_type, group.network)?;
            nodes.push(
                node.managed(group.name)
                    .instance_type(group.instance_type, group.max_pods),
            );
        }
    }
    Ok(nodes)
}

/// Waits until every node runs the newest aws-node pod.
pub async fn wait_rolled_out(plane: &ControlPlane) -> Result<(), SceneError> {
    rolled_out_within(plane, PATIENCE).await
}

async fn rolled_out_within(plane: &ControlPlane, within: Duration) -> Result<(), SceneError> {
    let timeout = format!("--timeout={}s", within.as_secs());
    let arguments = [
        "-n",
        "kube-system",
        "rollout",
        "status",
        "daemonset/aws-node",
        &timeout,
    ];
    plane
        .kubectl_ok(&arguments, None)
        .await
        .map(drop)
        .map_err(SceneError::Command)
}

/// Makes the groups and the nodes made by hand, and waits until their nodes have joined; how many the groups launched.
async fn launch_groups(
    options: &SceneOptions,
    cloud: &Cloud,
    fleet: &Fleet,
    progress: &mut (dyn FnMut(&str) + Send),
) -> Result<usize, SceneError> {
    for group in &options.fleet {
        progress(&format!("creating the Auto Scaling group {}", group.name));
        cloud.scaling_group(group).map_err(SceneError::Cloud)?;
    }
    for group in &options.managed {
        progress(&format!("creating the managed node group {}", group.name));
        cloud.managed_group(group).map_err(SceneError::Cloud)?;
    }
    for (zone, instance_type, max_pods) in &options.by_hand {
        let made = cloud.by_hand(zone, instance_type, *max_pods);
        made.map(drop).map_err(SceneError::Cloud)?;
    }
    let groups = options.fleet.iter().chain(&options.managed);
    let launched: usize = groups.map(|group| group.count as usize).sum();
    joined(fleet, launched + options.by_hand.len()).await?;
    Ok(launched)
}

async fn start_karpenter(
    options: &SceneOptions,
    plane: &ControlPlane,
    sandbox: &Sandbox,
    progress: &mut (dyn FnMut(&str) + Send),
) -> Result<Option<Karpenter>, SceneError> {
    if !options.karpenter {
        return Ok(None);
    }
    progress("starting Karpenter");
    create_role(&sandbox.world()).map_err(SceneError::Cloud)?;
    let started = Karpenter::start(plane, &sandbox.endpoint(), CLUSTER).await;
    started.map(Some).map_err(SceneError::Karpenter)
}
