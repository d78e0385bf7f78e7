//! The instances that Karpenter launches become Nodes, as the kubelet on each would register it, and go with them.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams};
use kube::{Api, Client};
use tokio::task::JoinSet;
use vpccni_sandbox::WorldHandle;
use vpccni_sandbox::world::InstanceState;

use crate::nodes::{Kubelets, NodeError, SimNode};

/// How often the instances are looked at.
const LOOK: Duration = Duration::from_millis(200);

/// The taint that Karpenter's user data gives a node, so that nothing runs there before it is registered.
const UNREGISTERED: &str = "karpenter.sh/unregistered";

/// The task that does it. Dropping it stops it; the nodes stay.
#[derive(Debug)]
pub struct Joining {
    _task: JoinSet<()>,
}

/// What a kubelet needs to know of its instance.
struct Machine {
    zone: String,
    instance_type: String,
    address: Ipv4Addr,
}

impl Joining {
    /// Follows the instances of a sandbox.
    pub fn start(client: Client, kubelets: Arc<Kubelets>, world: WorldHandle) -> Self {
        let mut task = JoinSet::new();
        task.spawn(follow(client, kubelets, world));
        Self { _task: task }
    }
}

/// Karpenter's kind for a node that it wants.
pub fn node_claims(client: Client) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("karpenter.sh", "v1", "NodeClaim");
    Api::all_with(client, &ApiResource::from_gvk(&kind))
}

async fn follow(client: Client, kubelets: Arc<Kubelets>, world: WorldHandle) {
    let mut joined: BTreeMap<String, String> = BTreeMap::new();
    let mut look = tokio::time::interval(LOOK);
    loop {
        look.tick().await;
        let running = running(&world);
        let gone: Vec<String> = joined
            .keys()
            .filter(|id| !running.contains_key(*id))
            .cloned()
            .collect();
        for id in gone {
            if let Some(node) = joined.remove(&id) {
                log(&node, kubelets.remove(&node).await);
            }
        }
        for (id, machine) in &running {
            if joined.contains_key(id) {
                continue;
            }
            if let Some(node) = join(&client, &kubelets, id, machine).await {
                joined.insert(id.clone(), node);
            }
        }
    }
}

fn running(world: &WorldHandle) -> BTreeMap<String, Machine> {
    world.read(|now| {
        now.instances
            .values()
            .filter(|instance| instance.state == InstanceState::Running)
            .map(|instance| {
                let machine = Machine {
                    zone: instance.zone.as_str().to_owned(),
                    instance_type: instance.instance_type.as_str().to_owned(),
                    address: instance.private_ip,
                };
                (instance.id.as_str().to_owned(), machine)
            })
            .collect()
    })
}

/// Registers the node of an instance once Karpenter has written down what it launched; gives its name.
async fn join(client: &Client, kubelets: &Kubelets, id: &str, machine: &Machine) -> Option<String> {
    let claims = node_claims(client.clone())
        .list(&ListParams::default())
        .await
        .ok()?;
    let claim = claims.items.iter().find(|claim| {
        let provider = claim.data.pointer("/status/providerID");
        provider.and_then(|p| p.as_str()).is_some_and(|p| p.ends_with(id))
    })?;
    // What `kubelet.maxPods` of the class or the type gives; a real kubelet has it from its user data.
    let pods = claim
        .data
        .pointer("/status/capacity/pods")?
        .as_str()?
        .parse()
        .ok()?;
    let node = SimNode::ec2(0, &machine.zone)
        .instance(id, machine.address)
        .instance_type(&machine.instance_type, pods)
        .taint(UNREGISTERED, "NoExecute");
    let name = node.name.clone();
    let added = kubelets.add_one(&node).await;
    let good = added.is_ok();
    log(&name, added);
    good.then_some(name)
}

fn log(node: &str, done: Result<(), NodeError>) {
    match done {
        Ok(()) => tracing::debug!(node, "follows its instance"),
        // Karpenter deletes the Node object itself.
        Err(error) => tracing::debug!(node, %error, "could not follow its instance"),
    }
}
