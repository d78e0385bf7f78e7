//! Auto Scaling groups whose instances become Nodes, as the kubelet on each registers it with the max-pods of its user
//! data, and go with them. The CNI of a new node is played when its aws-node pod starts: it takes single addresses, or a
//! prefix, as its environment says.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use tokio::task::JoinSet;
use vpccni_core::user_data::max_pods_of_encoded;
use vpccni_sandbox::WorldHandle;
use vpccni_sandbox::world::{InstanceState, Tags};

use crate::cloud::Cloud;
use crate::nodes::{Kubelets, SimNode, env_is};

/// How often the instances are looked at.
const LOOK: Duration = Duration::from_millis(200);

/// EC2 puts it on every instance of a group.
const GROUP_TAG: &str = "aws:autoscaling:groupName";

/// EKS puts it on every instance of a managed node group.
const MANAGED_TAG: &str = "eks:nodegroup-name";

/// What a kubelet says where nobody told it a number: the limit of Kubernetes.
const UNTOLD: u32 = 110;

/// The task that follows the instances. Dropping it stops it; the nodes stay.
#[derive(Debug)]
pub struct Fleet {
    joined: Joined,
    _task: JoinSet<()>,
}

/// Nodes and their instances.
type Joined = Arc<Mutex<BTreeMap<String, String>>>;

struct Machine {
    zone: String,
    instance_type: String,
    address: Ipv4Addr,
    /// What its kubelet is told: by its own user data, else by EKS.
    max_pods: Option<u32>,
    managed: Option<String>,
}

impl Fleet {
    /// Follows the instances of all Auto Scaling groups of the sandbox.
    pub fn start(kubelets: &Arc<Kubelets>, cloud: Cloud, world: WorldHandle) -> Self {
        let joined = Joined::default();
        let (known, played) = (Arc::clone(&joined), cloud.clone());
        kubelets.conduct(move |pod| {
            agent_starts(&played, &known, pod);
            None
        });
        let mut task = JoinSet::new();
        task.spawn(follow(Arc::clone(kubelets), cloud, world, Arc::clone(&joined)));
        Self { joined, _task: task }
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

async fn follow(kubelets: Arc<Kubelets>, cloud: Cloud, world: WorldHandle, joined: Joined) {
    let mut told: BTreeMap<String, Vec<Ipv4Addr>> = BTreeMap::new();
    let mut look = tokio::time::interval(LOOK);
    loop {
        look.tick().await;
        let running = running(&cloud, &world);
        let before = locked(&joined).clone();
        for (node, _) in before.iter().filter(|(_, id)| !running.contains_key(*id)) {
            match kubelets.remove(node).await {
                Ok(()) => drop(locked(&joined).remove(node)),
                // The API server is away: tried again.
                Err(error) => tracing::debug!(node, %error, "could not follow its instance"),
            }
        }
        for (id, machine) in running
            .iter()
            .filter(|(id, _)| !before.values().any(|known| known == *id))
        {
            join(&kubelets, &joined, id, machine).await;
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
async fn join(kubelets: &Kubelets, joined: &Joined, id: &str, machine: &Machine) {
    let node = SimNode::ec2(0, &machine.zone)
        .instance(id, machine.address)
        .instance_type(&machine.instance_type, machine.max_pods.unwrap_or(UNTOLD));
    let node = match &machine.managed {
        Some(group) => node.managed(group),
        None => node,
    };
    if locked(joined).contains_key(&node.name) {
        return;
    }
    // Known before it exists, so that no agent starts unseen.
    locked(joined).insert(node.name.clone(), id.to_owned());
    match kubelets.add_one(&node).await {
        Ok(()) => {}
        Err(error) if error.is_there_already() => {}
        Err(error) => {
            tracing::debug!(node = node.name, %error, "could not join");
            locked(joined).remove(&node.name);
        }
    }
}

fn running(cloud: &Cloud, world: &WorldHandle) -> BTreeMap<String, Machine> {
    world.read(|now| {
        let managed = |tags: &Tags| {
            let name = tags.get(MANAGED_TAG)?;
            Some(now.nodegroup(&cloud.cluster, name).ok()?.clone())
        };
        now.instances
            .values()
            .filter(|instance| {
                instance.state == InstanceState::Running && instance.tags.contains_key(GROUP_TAG)
            })
            .map(|instance| {
                let group = managed(&instance.tags);
                let own = instance
                    .user_data()
                    .and_then(|data| max_pods_of_encoded(Some(data)).ok().flatten());
                let machine = Machine {
                    zone: instance.zone.as_str().to_owned(),
                    instance_type: instance.instance_type.as_str().to_owned(),
                    address: instance.private_ip,
                    max_pods: own.or(group.as_ref().map(|group| group.max_pods)),
                    managed: group.map(|group| group.name),
                };
                (instance.id.as_str().to_owned(), machine)
            })
            .collect()
    })
}
