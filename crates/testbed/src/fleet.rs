//! Auto Scaling groups whose instances become Nodes, as the kubelet on each registers it with the max-pods of its user
//! data, and go with them. The CNI of a new node is played when its aws-node pod starts: it takes single addresses, or a
//! prefix, as its environment says.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use tokio::task::JoinSet;
use vpccni_core::user_data::max_pods_of_encoded;
use vpccni_sandbox::WorldHandle;
use vpccni_sandbox::world::InstanceState;

use crate::cloud::Cloud;
use crate::nodes::{Kubelets, SimNode, env_is};

/// How often the instances are looked at.
const LOOK: Duration = Duration::from_millis(200);

/// EC2 puts it on every instance of a group.
const GROUP_TAG: &str = "aws:autoscaling:groupName";

/// What a kubelet says where nobody told it a number: the limit of Kubernetes.
const UNTOLD: u32 = 110;

/// The task that follows the instances. Dropping it stops it; the nodes stay.
#[derive(Debug)]
pub struct Fleet {
    joined: Joined,
    broken: Broken,
    _task: JoinSet<()>,
}

/// What kubelets say whatever they were told; 0 is none. It is how an image behaves whose bootstrap ignores the user data.
type Broken = Arc<AtomicU32>;

/// Nodes and their instances.
type Joined = Arc<Mutex<BTreeMap<String, String>>>;

struct Machine {
    zone: String,
    instance_type: String,
    address: Ipv4Addr,
    user_data: Option<String>,
}

impl Fleet {
    /// Follows the instances of all Auto Scaling groups of the sandbox.
    pub fn start(kubelets: &Arc<Kubelets>, cloud: Cloud, world: WorldHandle) -> Self {
        let (joined, broken) = (Joined::default(), Broken::default());
        let (known, played) = (Arc::clone(&joined), cloud.clone());
        kubelets.conduct(move |pod| {
            agent_starts(&played, &known, pod);
            None
        });
        let mut task = JoinSet::new();
        let shared = (Arc::clone(&joined), Arc::clone(&broken));
        task.spawn(follow(Arc::clone(kubelets), cloud, world, shared));
        Self {
            joined,
            broken,
            _task: task,
        }
    }

    /// From now on nodes join with this max-pods, whatever their user data says; none is as they are told.
    pub fn ignore_user_data(&self, max_pods: Option<u32>) {
        self.broken.store(max_pods.unwrap_or_default(), Ordering::Relaxed);
    }

    /// How many nodes have joined and not gone.
    pub fn count(&self) -> usize {
        locked(&self.joined).len()
    }
}

fn locked(joined: &Joined) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
    joined.lock().unwrap_or_else(PoisonError::into_inner)
}

fn agent_starts(cloud: &Cloud, joined: &Joined, pod: &Pod) {
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_ref());
    let instance = node.and_then(|node| locked(joined).get(node).cloned());
    let Some(instance) = instance.filter(|_| name.starts_with("aws-node-")) else {
        return;
    };
    let prefixes = env_is(pod, "aws-node", "ENABLE_PREFIX_DELEGATION", "true");
    if let Err(error) = cloud.agent_starts(&instance, prefixes) {
        tracing::debug!(%error, %instance, "the stand-in for ipamd changed nothing");
    }
}

async fn follow(
    kubelets: Arc<Kubelets>,
    cloud: Cloud,
    world: WorldHandle,
    (joined, broken): (Joined, Broken),
) {
    let mut told: BTreeMap<String, Vec<Ipv4Addr>> = BTreeMap::new();
    let mut look = tokio::time::interval(LOOK);
    loop {
        look.tick().await;
        let running = running(&world);
        let before = locked(&joined).clone();
        for (node, _) in before.iter().filter(|(_, id)| !running.contains_key(*id)) {
            locked(&joined).remove(node);
            if let Err(error) = kubelets.remove(node).await {
                tracing::debug!(node, %error, "could not follow its instance");
            }
        }
        let known: BTreeSet<&String> = before.values().collect();
        for (id, machine) in running.iter().filter(|(id, _)| !known.contains(*id)) {
            let max_pods = match broken.load(Ordering::Relaxed) {
                0 => max_pods_of_encoded(machine.user_data.as_deref()).ok().flatten(),
                broken => Some(broken),
            };
            let node = SimNode::ec2(0, &machine.zone)
                .instance(id, machine.address)
                .instance_type(&machine.instance_type, max_pods.unwrap_or(UNTOLD));
            locked(&joined).insert(node.name.clone(), id.clone());
            if let Err(error) = kubelets.add_one(&node).await {
                tracing::debug!(node = node.name, %error, "could not join");
            }
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

fn running(world: &WorldHandle) -> BTreeMap<String, Machine> {
    world.read(|now| {
        now.instances
            .values()
            .filter(|instance| {
                instance.state == InstanceState::Running && instance.tags.contains_key(GROUP_TAG)
            })
            .map(|instance| {
                let machine = Machine {
                    zone: instance.zone.as_str().to_owned(),
                    instance_type: instance.instance_type.as_str().to_owned(),
                    address: instance.private_ip,
                    user_data: instance.user_data().map(str::to_owned),
                };
                (instance.id.as_str().to_owned(), machine)
            })
            .collect()
    })
}
