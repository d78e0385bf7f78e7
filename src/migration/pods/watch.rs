//! All pods of the cluster, kept by a watch as long as a migration is under way. Listing them in every round would cost the
//! API server a second of work at ten thousand pods, several times a second.
//!
//! What cannot be taken back is never decided on it alone: evictions and terminations read the node's pods live.

use super::row::Row;
use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, ResourceExt};
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;
use vpccni_core::ids::NodeName;

/// Pods of one page of a list.
const PAGE: u32 = 500;

/// A watch that has failed for so long is not relied on.
const TRUST: Duration = Duration::from_secs(30);

/// Namespace and name.
type Key = (String, String);

#[derive(Debug, Default)]
struct Kept {
    pods: BTreeMap<Key, Row>,
    /// What a list that is under way has given so far.
    listing: BTreeMap<Key, Row>,
    /// Pods that keep each node.
    keepers: BTreeMap<NodeName, usize>,
    listed: bool,
    /// Since when it fails, and with what.
    trouble: Option<(Instant, String)>,
}

/// The watch. Dropping it ends it.
#[derive(Debug)]
pub(in crate::migration) struct PodWatch {
    kept: Arc<Mutex<Kept>>,
    _task: JoinSet<()>,
}

impl PodWatch {
    /// Starts it. Whoever waits for `stirred` is told when all were listed, and when a node has become empty.
    pub(in crate::migration) fn start(client: Client, stirred: Arc<Notify>) -> Self {
        let kept = Arc::new(Mutex::new(Kept::default()));
        let mut task = JoinSet::new();
        task.spawn(follow(client, Arc::clone(&kept), stirred));
        Self { kept, _task: task }
    }

    /// Every pod; why not, where they are not known.
    pub(super) fn each(&self, mut look: impl FnMut((&str, &str), &Row)) -> Result<(), String> {
        let kept = locked(&self.kept);
        match &kept.trouble {
            Some((since, error)) if since.elapsed() >= TRUST || !kept.listed => {
                return Err(format!("the pods cannot be watched: {error}"));
            }
            _ if !kept.listed => return Err("the pods are being listed".to_owned()),
            _ => {}
        }
        for ((namespace, name), row) in &kept.pods {
            look((namespace, name), row);
        }
        Ok(())
    }
}

fn locked(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn follow(client: Client, kept: Arc<Mutex<Kept>>, stirred: Arc<Notify>) {
    let config = watcher::Config::default().page_size(PAGE);
    let mut events = pin!(watcher(Api::<Pod>::all(client), config).default_backoff());
    while let Some(event) = events.next().await {
        let told = match event {
            Ok(event) => locked(&kept).take(event),
            Err(error) => {
                tracing::debug!(%error, "the watch of pods");
                let mut kept = locked(&kept);
                let since = kept.trouble.take().map_or_else(Instant::now, |(since, _)| since);
                kept.trouble = Some((since, error.to_string()));
                false
            }
        };
        if told {
            stirred.notify_one();
        }
    }
}

impl Kept {
    /// Whether a round should look.
    fn take(&mut self, event: Event<Pod>) -> bool {
        match event {
            Event::Init => {
                self.listing.clear();
                false
            }
            Event::InitApply(pod) => {
                self.listing.insert(key(&pod), Row::of(&pod));
                false
            }
            Event::InitDone => {
                self.pods = std::mem::take(&mut self.listing);
                self.keepers.clear();
                for node in self.pods.values().filter_map(kept_by) {
                    *self.keepers.entry(node.clone()).or_default() += 1;
                }
                (self.listed, self.trouble) = (true, None);
                true
            }
            Event::Apply(pod) => {
                self.trouble = None;
                let row = Row::of(&pod);
                if let Some(node) = kept_by(&row) {
                    *self.keepers.entry(node.clone()).or_default() += 1;
                }
                let before = self.pods.insert(key(&pod), row);
                before.is_some_and(|before| self.left(&before))
            }
            Event::Delete(pod) => {
                self.trouble = None;
                let before = self.pods.remove(&key(&pod));
                before.is_some_and(|before| self.left(&before))
            }
        }
    }

    /// Whether what a pod was before was the last that kept its node.
    fn left(&mut self, before: &Row) -> bool {
        let Some(node) = kept_by(before) else {
            return false;
        };
        match self.keepers.get_mut(node) {
            Some(count) if *count > 1 => {
                *count -= 1;
                false
            }
            _ => self.keepers.remove(node).is_some(),
        }
    }
}

/// The node that may not be taken from under a pod.
fn kept_by(pod: &Row) -> Option<&NodeName> {
    pod.node.as_ref().filter(|_| pod.stays)
}

fn key(pod: &Pod) -> Key {
    (pod.namespace().unwrap_or_default(), pod.name_any())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(name: &str, node: &str) -> Pod {
        let owner = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "u", "controller": true}]);
        let value = json!({
            "metadata": {"name": name, "namespace": "shop", "uid": name, "ownerReferences": owner},
            "spec": {"nodeName": node, "containers": []}
        });
        serde_json::from_value(value).unwrap()
    }

    fn names(watch: &PodWatch) -> Result<Vec<String>, String> {
        let mut names = Vec::new();
        watch
            .each(|(_, name), _| names.push(name.to_owned()))
            .map(|()| names)
    }

    fn idle() -> PodWatch {
        PodWatch {
            kept: Arc::default(),
            _task: JoinSet::new(),
        }
    }

    #[test]
    fn pods_are_unknown_until_all_are_listed_and_stay_while_they_are_listed_again() {
        let watch = idle();
        let take = |event| locked(&watch.kept).take(event);
        take(Event::Init);
        take(Event::InitApply(pod("a", "n1")));
        assert_eq!(names(&watch), Err("the pods are being listed".to_owned()));
        assert!(take(Event::InitDone), "a round should look now");
        assert_eq!(names(&watch), Ok(vec!["a".to_owned()]));
        take(Event::Init);
        take(Event::InitApply(pod("b", "n1")));
        assert_eq!(
            names(&watch),
            Ok(vec!["a".to_owned()]),
            "the old list holds until the new one is whole"
        );
        take(Event::InitDone);
        assert_eq!(names(&watch), Ok(vec!["b".to_owned()]));
    }

    #[test]
    fn a_round_is_wanted_when_the_last_pod_has_left_a_node() {
        let watch = idle();
        let take = |event| locked(&watch.kept).take(event);
        take(Event::Init);
        for (name, node) in [("a", "n1"), ("b", "n1"), ("c", "n2")] {
            take(Event::InitApply(pod(name, node)));
        }
        take(Event::InitDone);
        assert!(!take(Event::Delete(pod("a", "n1"))));
        assert!(!take(Event::Apply(pod("b", "n1"))), "it is still there");
        assert!(take(Event::Delete(pod("b", "n1"))));
        assert!(!take(Event::Apply(pod("d", "n1"))), "one that comes is no reason");
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_fails_for_long_is_not_relied_on() {
        let watch = idle();
        locked(&watch.kept).take(Event::Init);
        locked(&watch.kept).take(Event::InitDone);
        locked(&watch.kept).trouble = Some((Instant::now(), "connection refused".to_owned()));
        assert_eq!(names(&watch), Ok(Vec::new()));
        tokio::time::advance(TRUST).await;
        assert!(names(&watch).unwrap_err().contains("connection refused"));
        locked(&watch.kept).take(Event::Apply(pod("a", "n1")));
        assert_eq!(names(&watch), Ok(vec!["a".to_owned()]));
    }
}
