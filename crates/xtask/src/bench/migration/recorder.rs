//! What each replacement took by itself, as seen from outside the operator: Nodes and Pods by watches, instances in the
//! world of the sandbox.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, ResourceExt};
use tokio::task::JoinSet;
use vpccni_testbed::sandbox::WorldHandle;
use vpccni_testbed::sandbox::world::InstanceState;

use super::ideal::Job;

/// How often the instances are looked at.
const LOOK: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
struct Seen {
    /// Instances: launched, and no longer running.
    launched: BTreeMap<String, Instant>,
    ending: BTreeMap<String, Instant>,
    /// The instance of each node, by its name: names come again, instances do not.
    instance: BTreeMap<String, String>,
    /// By instance: when its node was Ready, and when it was gone.
    ready: BTreeMap<String, Instant>,
    gone: BTreeMap<String, Instant>,
    /// By instance: the first pod that was asked to leave, and the last that left.
    evicting: BTreeMap<String, (Instant, Option<Instant>)>,
}

/// Follows everything until it is dropped.
#[derive(Debug)]
pub(super) struct Recorder {
    seen: Arc<Mutex<Seen>>,
    _tasks: JoinSet<()>,
}

fn locked(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Recorder {
    pub(super) fn start(client: &Client, world: WorldHandle) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let mut tasks = JoinSet::new();
        tasks.spawn(instances(world, Arc::clone(&seen)));
        tasks.spawn(nodes(client.clone(), Arc::clone(&seen)));
        tasks.spawn(pods(client.clone(), Arc::clone(&seen)));
        Self { seen, _tasks: tasks }
    }

    /// One job for each node that has gone: the n-th that went with the n-th that came after `began`.
    pub(super) fn jobs(&self, began: Instant) -> Vec<Job> {
        let seen = locked(&self.seen);
        let mut came: Vec<(Instant, Duration)> = seen
            .ready
            .iter()
            .filter_map(|(instance, ready)| {
                let launched = seen.launched.get(instance)?;
                (*launched >= began).then(|| (*ready, ready.duration_since(*launched)))
            })
            .collect();
        came.sort_unstable();
        let mut went: Vec<(Instant, Duration, Duration)> = seen
            .gone
            .iter()
            .filter_map(|(instance, gone)| {
                let ending = seen.ending.get(instance)?;
                let evicted = seen
                    .evicting
                    .get(instance)
                    .map_or(Duration::ZERO, |(first, last)| {
                        last.map_or(Duration::ZERO, |last| last.duration_since(*first))
                    });
                Some((*gone, evicted, gone.duration_since(*ending)))
            })
            .collect();
        went.sort_unstable();
        let pairs = came.into_iter().zip(went);
        let job = |((_, ready), (_, evicted, ended))| Job {
            ready,
            evicted,
            ended,
        };
        pairs.map(job).collect()
    }
}

async fn instances(world: WorldHandle, seen: Arc<Mutex<Seen>>) {
    let mut look = tokio::time::interval(LOOK);
    loop {
        look.tick().await;
        let states: Vec<(String, InstanceState)> = world.read(|now| {
            let all = now.instances.values();
            all.map(|instance| (instance.id.as_str().to_owned(), instance.state))
                .collect()
        });
        let now = Instant::now();
        let mut seen = locked(&seen);
        for (id, state) in states {
            let going = !matches!(state, InstanceState::Pending | InstanceState::Running);
            if going {
                seen.ending.entry(id.clone()).or_insert(now);
            }
            seen.launched.entry(id).or_insert(now);
        }
    }
}

async fn nodes(client: Client, seen: Arc<Mutex<Seen>>) {
    let all = Api::<Node>::all(client);
    let mut events = pin!(watcher(all, watcher::Config::default()).default_backoff());
    while let Some(event) = events.next().await {
        let now = Instant::now();
        let mut seen = locked(&seen);
        match event {
            Ok(Event::Apply(node) | Event::InitApply(node)) => {
                let Some(instance) = instance_of(&node) else {
                    continue;
                };
                seen.instance.insert(node.name_any(), instance.clone());
                if is_ready(&node) {
                    seen.ready.entry(instance).or_insert(now);
                }
            }
            Ok(Event::Delete(node)) => {
                if let Some(instance) = instance_of(&node) {
                    seen.gone.entry(instance).or_insert(now);
                }
            }
            _ => {}
        }
    }
}

fn instance_of(node: &Node) -> Option<String> {
    let provider_id = node.spec.as_ref()?.provider_id.as_deref()?;
    provider_id.rsplit('/').next().map(str::to_owned)
}

fn is_ready(node: &Node) -> bool {
    let conditions = node
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    let mut ready = conditions.filter(|condition| condition.type_ == "Ready");
    ready.any(|condition| condition.status == "True")
}

async fn pods(client: Client, seen: Arc<Mutex<Seen>>) {
    let config = watcher::Config::default().labels("app");
    let mut events = pin!(watcher(Api::<Pod>::all(client), config).default_backoff());
    while let Some(event) = events.next().await {
        let (pod, left) = match event {
            Ok(Event::Apply(pod)) if pod.metadata.deletion_timestamp.is_some() => (pod, false),
            Ok(Event::Delete(pod)) => (pod, true),
            _ => continue,
        };
        let Some(node) = pod.spec.and_then(|spec| spec.node_name) else {
            continue;
        };
        let now = Instant::now();
        let mut seen = locked(&seen);
        let Some(instance) = seen.instance.get(&node).cloned() else {
            continue;
        };
        let (_, last) = seen.evicting.entry(instance).or_insert((now, None));
        if left {
            *last = Some(now);
        }
    }
}
