//! Instances that become Nodes, as the kubelet on each registers it with the max-pods of its user data, and go with them:
//! those of Auto Scaling groups, of managed node groups, of Karpenter, and those that somebody launched by hand. The CNI of
//! a new node is played when its aws-node pod starts: it takes what its environment says.

mod eks;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use tokio::task::JoinSet;
use vpccni_core::user_data::max_pods_of_encoded;
use vpccni_sandbox::WorldHandle;
use vpccni_sandbox::world::{Instance, InstanceState, World};

use crate::cloud::{Cloud, PodNetwork};
use crate::nodes::{Kubelets, SimNode, env_is};

/// How often the instances are looked at.
const LOOK: Duration = Duration::from_millis(200);

/// How often ipamd asks EC2 again.
const AGAIN: Duration = Duration::from_secs(2);

/// EC2 puts it on every instance of a group.
const GROUP_TAG: &str = "aws:autoscaling:groupName";
/// EKS puts it on every instance of a managed group.
const MANAGED_TAG: &str = "eks:nodegroup-name";
/// Karpenter puts it on every instance.
const POOL_TAG: &str = "karpenter.sh/nodepool";
/// What launches by hand carry here.
pub(crate) const BY_HAND_TAG: &str = "launched-by-hand";

/// The taint that Karpenter's user data gives a node, so that nothing runs there before it is registered.
const UNREGISTERED: &str = "karpenter.sh/unregistered";

/// How long an instance of Karpenter takes to join.
const BOOT: jiff::SignedDuration = jiff::SignedDuration::from_secs(2);

/// What a kubelet says where nobody told it a number: the limit of Kubernetes.
const UNTOLD: u32 = 110;

/// The tasks that follow the instances. Dropping it stops them; the nodes stay.
#[derive(Debug)]
pub struct Fleet {
    joined: Joined,
    image: Arc<Image>,
    _tasks: JoinSet<()>,
}

/// How the image of new nodes behaves.
#[derive(Debug, Default)]
struct Image {
    /// What kubelets say whatever they were told; 0 is none. A bootstrap that ignores the user data does that.
    max_pods: AtomicU32,
    /// Whether kubelets never say that they are ready.
    unready: AtomicBool,
}

impl Image {
    /// A node as it joins.
    fn starts(&self, node: &SimNode) -> SimNode {
        let mut node = node.clone();
        node.ready = !self.unready.load(Ordering::Relaxed);
        match self.max_pods.load(Ordering::Relaxed) {
            0 => node,
            pods => node.max_pods(pods),
        }
    }
}

/// Agents that did not get what they asked EC2 for, by instance: ipamd asks again and again.
type Asking = Arc<Mutex<BTreeMap<String, PodNetwork>>>;

/// Nodes and their instances.
type Joined = Arc<Mutex<BTreeMap<String, String>>>;

impl Fleet {
    /// Follows the instances of the sandbox that are to be nodes, and does what EKS asks of the nodes of its groups.
    pub fn start(client: Client, kubelets: &Arc<Kubelets>, cloud: Cloud, world: WorldHandle) -> Self {
        let (joined, image, asking) = (Joined::default(), Arc::default(), Asking::default());
        let (known, played, asks) = (Arc::clone(&joined), cloud.clone(), Arc::clone(&asking));
        kubelets.conduct(move |pod| {
            agent_starts(&played, &known, &asks, pod);
            None
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(eks::follow(client, world.clone(), Arc::clone(&joined)));
        tasks.spawn(ask_again(cloud.clone(), asking));
        let shared = (Arc::clone(&joined), Arc::clone(&image));
        tasks.spawn(follow(Arc::clone(kubelets), cloud, world, shared));
        Self {
            joined,
            image,
            _tasks: tasks,
        }
    }

    /// From now on nodes join with this max-pods, whatever their user data says; none is as they are told.
    pub fn ignore_user_data(&self, max_pods: Option<u32>) {
        let pods = max_pods.unwrap_or_default();
        self.image.max_pods.store(pods, Ordering::Relaxed);
    }

    /// Whether nodes that join from now on get Ready.
    pub fn get_ready(&self, ready: bool) {
        self.image.unready.store(!ready, Ordering::Relaxed);
    }

    /// How many nodes have joined and not gone.
    pub fn count(&self) -> usize {
        locked(&self.joined).len()
    }

    /// The nodes that have joined and not gone, with their instances.
    pub fn nodes(&self) -> BTreeMap<String, String> {
        locked(&self.joined).clone()
    }
}

fn locked(joined: &Joined) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
    joined.lock().unwrap_or_else(PoisonError::into_inner)
}

fn agent_starts(cloud: &Cloud, joined: &Joined, asking: &Asking, pod: &Pod) {
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_ref());
    let instance = node.and_then(|node| locked(joined).get(node).cloned());
    let Some(instance) = instance.filter(|_| name.starts_with("aws-node-")) else {
        return;
    };
    let is_on = |variable| env_is(pod, "aws-node", variable, "true");
    let network = PodNetwork::of(
        is_on("ENABLE_PREFIX_DELEGATION"),
        is_on("AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG"),
    );
    if let Err(error) = cloud.agent_starts(&instance, network) {
        tracing::debug!(%error, %instance, "the stand-in for ipamd changed nothing");
        asking
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(instance, network);
    }
}

async fn ask_again(cloud: Cloud, asking: Asking) {
    let mut again = tokio::time::interval(AGAIN);
    loop {
        again.tick().await;
        let mut asking = asking.lock().unwrap_or_else(PoisonError::into_inner);
        asking.retain(|instance, network| cloud.agent_starts(instance, *network).is_err());
    }
}

async fn follow(
    kubelets: Arc<Kubelets>,
    cloud: Cloud,
    world: WorldHandle,
    (joined, image): (Joined, Arc<Image>),
) {
    let mut told: BTreeMap<String, Vec<Ipv4Addr>> = BTreeMap::new();
    let mut look = tokio::time::interval(LOOK);
    loop {
        look.tick().await;
        let before = locked(&joined).clone();
        let known: BTreeSet<&str> = before.values().map(String::as_str).collect();
        let (there, new) = world.read(|now| (running(now), arrivals(now, &known)));
        for (node, _) in before.iter().filter(|(_, id)| !there.contains(*id)) {
            match kubelets.remove(node).await {
                Ok(()) => drop(locked(&joined).remove(node)),
                // The API server is away: tried again.
                Err(error) => tracing::debug!(node, %error, "could not follow its instance"),
            }
        }
        for (id, node) in &new {
            join(&kubelets, &joined, id, &image.starts(node)).await;
        }
        let now = locked(&joined).clone();
        for (node, instance) in now {
            let Ok(addresses) = cloud.pod_addresses(&instance) else {
                continue;
            };
            if told.get(&node) != Some(&addresses) {
                kubelets.set_pod_addresses(&node, &addresses);
                told.insert(node, addresses);
            }
        }
    }
}

/// Registers the node of an instance, unless one of the same address is still there; tried again where it fails.
async fn join(kubelets: &Kubelets, joined: &Joined, id: &str, node: &SimNode) {
    if locked(joined).contains_key(&node.name) {
        return;
    }
    // Known before it exists, so that no agent starts unseen.
    locked(joined).insert(node.name.clone(), id.to_owned());
    match kubelets.add_one(node).await {
        Ok(()) => {}
        Err(error) if error.is_there_already() => {}
        Err(error) => {
            tracing::debug!(node = node.name, %error, "could not join");
            locked(joined).remove(&node.name);
        }
    }
}

/// The instances that run.
fn running(world: &World) -> BTreeSet<String> {
    alive(world)
        .map(|instance| instance.id.as_str().to_owned())
        .collect()
}

fn alive(world: &World) -> impl Iterator<Item = &Instance> {
    let instances = world.instances.values();
    instances.filter(|instance| instance.state == InstanceState::Running)
}

/// The instances that are to be nodes and are none yet, and the nodes that they are to be.
fn arrivals(world: &World, known: &BTreeSet<&str>) -> BTreeMap<String, SimNode> {
    alive(world)
        .filter(|instance| !known.contains(instance.id.as_str()))
        .filter_map(|instance| Some((instance.id.as_str().to_owned(), node(world, instance)?)))
        .collect()
}

fn node(world: &World, instance: &Instance) -> Option<SimNode> {
    let tag = |key: &str| instance.tags.get(key).map(String::as_str);
    let told = max_pods_of_encoded(instance.user_data()).ok().flatten();
    let node = SimNode::ec2(0, instance.zone.as_str()).instance(instance.id.as_str(), instance.private_ip);
    let of_type = |node: SimNode, pods| node.instance_type(instance.instance_type.as_str(), pods);
    if let Some(name) = tag(MANAGED_TAG) {
        let cluster = tag("eks:cluster-name").unwrap_or_default();
        // EKS tells its own reckoning where the user's template says nothing.
        let pods = told.or_else(|| Some(world.nodegroup(cluster, name).ok()?.max_pods));
        return Some(of_type(node, pods.unwrap_or(UNTOLD)).managed(name));
    }
    let node = of_type(node, told.unwrap_or(UNTOLD));
    if tag(POOL_TAG).is_some() {
        // Sooner than any machine boots: Karpenter has not even noted which instance it got, and makes another one.
        let age = jiff::Timestamp::now().duration_since(instance.launch_time);
        if age < BOOT {
            return None;
        }
        // Its labels come from its NodeClaim, when Karpenter registers it.
        return Some(node.taint(UNREGISTERED, "NoExecute"));
    }
    (tag(GROUP_TAG).is_some() || tag(BY_HAND_TAG).is_some()).then_some(node)
}
