//! The addresses of pods as annotations of the pods, where that is asked for.
//!
//! Nobody waits for an annotation, and none is lost: what the API server does not take is written when it is back, and a
//! new agent compares what pods hold with what their annotations say.

use crate::agent::Ask;
use crate::kubernetes::{Annotated, Annotation, Kubernetes, KubernetesError};
use crate::node::Pace;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use vpccni_core::assign::PodRef;

/// Pods whose annotations wait at most. More come and go only on a node that is long without an API server, and then
/// all are compared.
const MOST: usize = 1024;

/// The longest pause before the API server is asked again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Annotations that wait to be written. Clones share them.
#[derive(Debug, Clone)]
pub struct Annotations(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    waiting: Mutex<Waiting>,
    told: Notify,
}

#[derive(Debug)]
struct Waiting {
    pods: BTreeMap<PodRef, Annotation>,
    /// The pod that was tried last: one that is refused again and again must not hold the others up.
    last: Option<PodRef>,
    /// Whether there may be more to write than is written down here.
    behind: bool,
}

impl Waiting {
    fn put(&mut self, pod: PodRef, annotation: Annotation) {
        if self.pods.len() < MOST || self.pods.contains_key(&pod) {
            self.pods.insert(pod, annotation);
        } else {
            self.behind = true;
        }
    }

    /// The next one in turn.
    fn take(&mut self) -> Option<(PodRef, Annotation)> {
        let after = self.last.as_ref().and_then(|last| {
            let mut later = self.pods.range(last..).filter(|(pod, _)| *pod != last);
            later.next().map(|(pod, _)| pod.clone())
        });
        let pod = after.or_else(|| self.pods.keys().next().cloned())?;
        self.last = Some(pod.clone());
        self.pods.remove_entry(&pod)
    }

    /// What could not be written; what was said of the pod meanwhile is newer.
    fn put_back(&mut self, pod: PodRef, annotation: Annotation) {
        self.pods.entry(pod).or_insert(annotation);
    }
}

impl Annotations {
    /// None yet; what was missed before is found at the beginning.
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            waiting: Mutex::new(Waiting {
                pods: BTreeMap::new(),
                last: None,
                behind: true,
            }),
            told: Notify::new(),
        }))
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes it soon.
    pub fn put(&self, pod: PodRef, annotation: Annotation) {
        self.waiting().put(pod, annotation);
        self.0.told.notify_one();
    }

    /// Writes until the end.
    pub async fn write(
        self,
        kubernetes: Kubernetes,
        asks: mpsc::Sender<Ask>,
        pace: Arc<Pace>,
        stop: CancellationToken,
    ) -> Result<(), Infallible> {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.work(&kubernetes, &asks, &pace) => {}
        }
        Ok(())
    }

    async fn work(&self, kubernetes: &Kubernetes, asks: &mpsc::Sender<Ask>, pace: &Pace) {
        let mut pause = pace.tick;
        loop {
            match self.step(kubernetes, asks).await {
                Ok(true) => pause = pace.tick,
                Ok(false) => self.0.told.notified().await,
                Err(error) => {
                    tracing::warn!(%error, "annotations of pods wait for the API server");
                    tokio::time::sleep(Pace::jittered(pause)).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Whether there was something to do.
    async fn step(&self, kubernetes: &Kubernetes, asks: &mpsc::Sender<Ask>) -> Result<bool, KubernetesError> {
        if self.waiting().behind {
            return self.compare(kubernetes, asks).await.map(|()| true);
        }
        let Some((pod, annotation)) = self.waiting().take() else {
            return Ok(false);
        };
        match kubernetes.annotate(&pod, &annotation).await {
            Ok(()) => Ok(true),
            Err(error) if error.may_pass() => {
                self.waiting().put_back(pod, annotation);
                Err(error)
            }
            Err(error) => {
                tracing::warn!(%error, namespace = %pod.namespace, pod = %pod.name, "a pod was not annotated");
                Ok(true)
            }
        }
    }

    /// Finds what was missed.
    async fn compare(
        &self,
        kubernetes: &Kubernetes,
        asks: &mpsc::Sender<Ask>,
    ) -> Result<(), KubernetesError> {
        let said = match kubernetes.annotated().await {
            Err(error) if error.may_pass() => return Err(error),
            said => said,
        };
        self.waiting().behind = false;
        let said = match said {
            Ok(said) => said,
            Err(error) => {
                tracing::warn!(%error, "what was not annotated before stays so");
                return Ok(());
            }
        };
        // Asked for after the list: what a pod got meanwhile is in it.
        let (reply, answer) = oneshot::channel();
        asks.send(Ask::Pods { reply }).await.ok();
        // The task that owns the store ends only with the process, and then nothing is known.
        let Ok(held) = answer.await else {
            return Ok(());
        };
        for (pod, annotation) in missed(said, &held) {
            self.waiting().put_back(pod, annotation);
        }
        Ok(())
    }
}

/// What pods of the node do not say, or say no longer rightly.
fn missed(said: Vec<Annotated>, held: &BTreeMap<PodRef, IpAddr>) -> Vec<(PodRef, Annotation)> {
    let wrong = |one: Annotated| {
        let address = held.get(&one.pod).copied();
        let wanted = address.map(|address| address.to_string()).unwrap_or_default();
        (one.value != wanted).then_some((
            one.pod,
            Annotation {
                address,
                uid: Some(one.uid),
            },
        ))
    };
    said.into_iter().filter_map(wrong).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str) -> PodRef {
        PodRef {
            namespace: "default".to_owned(),
            name: name.to_owned(),
        }
    }

    fn at(last: u8) -> Annotation {
        Annotation {
            address: Some(IpAddr::from([10, 0, 0, last])),
            uid: None,
        }
    }

    #[test]
    fn the_newest_word_of_a_pod_is_written_and_all_take_turns() {
        let all = Annotations::new();
        all.put(pod("a"), at(1));
        all.put(pod("b"), at(2));
        let (first, refused) = all.waiting().take().unwrap();
        assert_eq!(first, pod("a"));
        all.waiting().put_back(first, refused);
        assert_eq!(all.waiting().take(), Some((pod("b"), at(2))));
        let (again, refused) = all.waiting().take().unwrap();
        assert_eq!(again, pod("a"));
        all.put(pod("a"), at(9));
        all.waiting().put_back(again, refused);
        assert_eq!(all.waiting().take(), Some((pod("a"), at(9))));
        assert_eq!(all.waiting().take(), None);
    }

    #[test]
    fn what_does_not_fit_is_found_again_by_comparing() {
        let all = Annotations::new();
        all.waiting().behind = false;
        for number in 0..MOST {
            all.put(pod(&number.to_string()), at(1));
        }
        all.put(pod("0"), at(2));
        assert!(!all.waiting().behind);
        all.put(pod("more"), at(3));
        assert!(all.waiting().behind);
        assert_eq!(all.waiting().pods.len(), MOST);
    }

    #[test]
    fn only_what_differs_is_written() {
        let said = |name: &str, value: &str| Annotated {
            pod: pod(name),
            uid: format!("uid of {name}"),
            value: value.to_owned(),
        };
        let held = BTreeMap::from([("new", 1), ("right", 2)]);
        let held = held
            .iter()
            .map(|(name, last)| (pod(name), IpAddr::from([10, 0, 0, *last])));
        let all = vec![
            said("new", ""),
            said("right", "10.0.0.2"),
            said("gone", "10.0.0.3"),
            said("host", ""),
        ];
        let found = missed(all, &held.collect());
        let uid = |name: &str| Some(format!("uid of {name}"));
        let new = Annotation {
            uid: uid("new"),
            ..at(1)
        };
        let gone = Annotation {
            address: None,
            uid: uid("gone"),
        };
        assert_eq!(found, [(pod("new"), new), (pod("gone"), gone)]);
    }
}
