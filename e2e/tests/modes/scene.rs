//! A VPC with an API server, and a node for each combination. The tests do here what the resource controller does: they
//! attach trunks, make branches and write them to pods.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::{Value, json};
use vpccni_core::ids::{EniId, SubnetId};
use vpccni_testbed::boxes::{Agent, AgentOptions, Egress, INTROSPECTION, NodeBox, Vpc};
use vpccni_testbed::fixtures::{apply_crds, eni_config};
use vpccni_testbed::sandbox::world::{InterfaceKind, NewInterface, World};
use vpccni_testbed::wait::until;

use crate::bed::{PATIENCE, ZONES, vpc};
use crate::cluster::{Cluster, tail};

/// A trunk that comes later is found when the agent compares its store with the metadata, after a minute of quiet.
const TRUNK_PATIENCE: Duration = Duration::from_mins(3);
/// The label by which a node finds its ENIConfig.
const ZONE_LABEL: &str = "topology.kubernetes.io/zone";

/// What a node is set to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Combination {
    /// Custom networking.
    pub(super) custom: bool,
    /// Security groups for pods, in this way of enforcing them.
    pub(super) groups: Option<&'static str>,
}

/// A node with its agent.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) agent: Agent,
    pub(super) node: NodeBox,
    pub(super) zone: &'static str,
    pub(super) is: Combination,
}

/// The branch interface of a pod.
#[derive(Debug, Clone)]
pub(super) struct Branch {
    pub(super) eni: EniId,
    pub(super) vlan: u32,
    pub(super) address: Ipv4Addr,
}

/// The VPC and the API server.
pub(super) struct Scene {
    pub(super) cluster: Cluster,
    pub(super) vpc: Vpc,
    pub(super) prefixes: bool,
}

impl Scene {
    /// With an ENIConfig for each zone; none where this machine lacks something, and then the skip is printed.
    pub(super) async fn start(prefixes: bool) -> Option<Self> {
        // A pod with groups of its own goes to the internet by its own address, which a NAT gateway lets out.
        let vpc = vpc(Egress::NatGateway).await?;
        let cluster = Cluster::start().await?;
        apply_crds(&cluster.plane).await.unwrap();
        let scene = Self {
            cluster,
            vpc,
            prefixes,
        };
        let cloud = scene.vpc.cloud();
        let configs = ZONES.map(|zone| {
            let subnet = cloud.zones[zone].pods.as_str();
            eni_config(zone, subnet, &[cloud.pod_group.as_str()])
        });
        scene.apply(&configs).await;
        Some(scene)
    }

    /// Creates objects, or changes them.
    pub(super) async fn apply(&self, objects: &[Value]) {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string();
        let plane = &self.cluster.plane;
        plane
            .kubectl_ok(&["apply", "-f", "-"], Some(&list))
            .await
            .unwrap();
    }

    /// The subnet of a node's interfaces for pods.
    pub(super) fn pod_subnet(&self, zone: &str, is: Combination) -> &SubnetId {
        let zone = &self.vpc.cloud().zones[zone];
        if is.custom { &zone.pods } else { &zone.nodes }
    }

    /// Launches an instance, says to the API server what a kubelet and the resource controller would, and starts the
    /// agent without waiting for it.
    pub(super) async fn join(&self, zone: &'static str, is: Combination, trunk_first: bool) -> Member {
        let mut node = self.vpc.launch(zone, "m5.large").await.unwrap();
        node.use_api_server(&self.cluster.plane).unwrap();
        let name = node.name().to_owned();
        self.apply(&[
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {ZONE_LABEL: zone}}}),
            json!({"apiVersion": "vpcresources.k8s.aws/v1alpha1", "kind": "CNINode", "metadata": {"name": name},
                "spec": {}}),
        ])
        .await;
        if trunk_first && is.groups.is_some() {
            self.give_trunk(&node, self.pod_subnet(zone, is));
        }
        let agent = Agent::launch(&node, &AgentOptions::new(&settings(is, self.prefixes))).unwrap();
        Member {
            agent,
            node,
            zone,
            is,
        }
    }

    /// Waits until the CNINode asks for what the combination needs, and attaches the trunk if the node has none.
    pub(super) async fn trunk_on_demand(&self, member: &Member) {
        let mut wanted = vec![json!({"name": "SecurityGroupsForPods"})];
        if member.is.custom {
            wanted.push(json!({"name": "CustomNetworking", "value": member.zone}));
        }
        let name = member.node.name();
        let args = ["get", "cninode", name, "-o", "jsonpath={.spec.features}"];
        let look = || async {
            let asked = self.cluster.plane.kubectl_ok(&args, None);
            let text = asked.await.map_err(|error| error.to_string())?;
            let features: Value = serde_json::from_str(&text).unwrap_or_default();
            if features == json!(wanted) {
                Ok(())
            } else {
                Err(text)
            }
        };
        until("the CNINode to ask for a trunk", PATIENCE, look)
            .await
            .unwrap();
        if !self.has_trunk(&member.node) {
            self.give_trunk(&member.node, self.pod_subnet(member.zone, member.is));
        }
    }

    fn has_trunk(&self, node: &NodeBox) -> bool {
        self.vpc
            .sandbox()
            .world()
            .read(|world| trunk_of(world, node).is_some())
    }

    fn give_trunk(&self, node: &NodeBox, subnet: &SubnetId) {
        self.vpc.sandbox().world().write(|world| {
            let new = NewInterface {
                kind: InterfaceKind::Trunk,
                description: "aws-k8s-trunk-eni".to_owned(),
                tags: controllers(),
                ..NewInterface::in_subnet(subnet.clone())
            };
            let trunk = world.create_interface(new).unwrap();
            let taken = &world.instances[node.instance()].interfaces;
            let device = (1..100)
                .find(|device| !taken.contains_key(&(0, *device)))
                .unwrap();
            let attachment = world.attach(&trunk, node.instance(), device, 0).unwrap();
            world
                .set_delete_on_termination(&trunk, &attachment, true)
                .unwrap();
        });
    }

    /// Waits until the agent knows its trunk.
    pub(super) async fn trunk_known(&self, member: &Member) {
        let look = || async {
            let text = member
                .node
                .get(INTROSPECTION, "/v1/enis")
                .map_err(|error| error.to_string())?;
            if text.contains("\"IsTrunk\":true") {
                Ok(())
            } else {
                Err(text)
            }
        };
        let known = until("the agent to know its trunk", TRUNK_PATIENCE, look).await;
        known.unwrap_or_else(|error| panic!("{error}\n{}", tail(&member.agent.log())));
    }

    /// Creates the objects of pods; those of a `branch` ask for a branch interface.
    pub(super) async fn create_pods(&self, pods: &[(&Member, String, bool)]) {
        let objects: Vec<Value> = pods
            .iter()
            .map(|(member, name, branch)| {
                let limits = if *branch {
                    json!({"vpc.amazonaws.com/pod-eni": "1"})
                } else {
                    json!({})
                };
                json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"},
                    "spec": {"nodeName": member.node.name(), "automountServiceAccountToken": false,
                        "containers": [{"name": "tool", "image": "tool", "resources": {"limits": limits}}]}})
            })
            .collect();
        self.apply(&objects).await;
    }

    /// Makes a branch on the trunk of a node, and writes it to a pod.
    pub(super) async fn give_branch(&self, member: &Member, pod: &str) -> Branch {
        let subnet = self.pod_subnet(member.zone, member.is);
        let (branch, annotation) = self.vpc.sandbox().world().write(|world| {
            let trunk = trunk_of(world, &member.node).unwrap();
            let new = NewInterface {
                description: "aws-k8s-branch-eni".to_owned(),
                tags: controllers(),
                ..NewInterface::in_subnet(subnet.clone())
            };
            let eni = world.create_interface(new).unwrap();
            let id = world.associate_trunk(&trunk, &eni, None, None).unwrap();
            let (vlan, interface) = (world.trunk_associations[&id].vlan, &world.interfaces[&eni]);
            let annotation = json!([{
                "eniId": eni.as_str(), "ifAddress": interface.mac, "privateIp": interface.primary.to_string(),
                "vlanID": vlan, "subnetCidr": world.subnets[subnet].cidr.to_string(), "associationID": id,
            }]);
            let address = interface.primary;
            (Branch { eni, vlan, address }, annotation)
        });
        self.vpc.fabric().sync().unwrap();
        println!(
            "vlan.eth.{}: a link of its own stands in for the VLAN of the trunk",
            branch.vlan
        );
        let annotation = format!("vpc.amazonaws.com/pod-eni={annotation}");
        let plane = &self.cluster.plane;
        plane
            .kubectl_ok(&["annotate", "pod", pod, &annotation], None)
            .await
            .unwrap();
        branch
    }
}

fn settings(is: Combination, prefixes: bool) -> Vec<(&'static str, &'static str)> {
    let mut settings = Vec::new();
    if is.custom {
        settings.push(("AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG", "true"));
        settings.push(("ENI_CONFIG_LABEL_DEF", ZONE_LABEL));
    }
    if let Some(enforcing) = is.groups {
        settings.push(("ENABLE_POD_ENI", "true"));
        settings.push(("POD_SECURITY_GROUP_ENFORCING_MODE", enforcing));
        if enforcing == "strict" {
            // Packets of a pod for its own node go out and in again: the kernel must not take the first pass for the
            // second.
            settings.push(("DISABLE_TCP_EARLY_DEMUX", "true"));
        }
    }
    if prefixes {
        settings.push(("ENABLE_PREFIX_DELEGATION", "true"));
    }
    settings
}

fn trunk_of(world: &World, node: &NodeBox) -> Option<EniId> {
    let mut held = world.instances[node.instance()].interfaces.values();
    held.find(|eni| world.interfaces[*eni].kind == InterfaceKind::Trunk)
        .cloned()
}

/// The tags that the resource controller writes.
fn controllers() -> vpccni_testbed::sandbox::world::Tags {
    let tags = [("eks:eni:owner", "eks-vpc-resource-controller")];
    tags.into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}
