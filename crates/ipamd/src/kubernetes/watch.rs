//! The watches of the node and of its pods, each into one value that readers look at.

use super::view::{NodeView, PodView, Pods};
use futures::StreamExt;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, ResourceExt};
use std::convert::Infallible;
use tokio::sync::watch::Sender;
use tokio_util::sync::CancellationToken;

/// A new list is held back until it is whole: half of the pods of a node is no answer.
#[derive(Debug, Default)]
struct Listing(Option<Pods>);

/// Follows the node.
pub(super) async fn node(
    api: Api<Node>,
    fields: String,
    seen: Sender<Option<NodeView>>,
    stop: CancellationToken,
) -> Result<(), Infallible> {
    let events = watcher(api, watcher::Config::default().fields(&fields)).default_backoff();
    let mut events = std::pin::pin!(events.take_until(stop.cancelled()));
    while let Some(event) = events.next().await {
        match event {
            Ok(watcher::Event::Apply(node) | watcher::Event::InitApply(node)) => {
                seen.send_replace(Some(NodeView::from(&node)));
            }
            // What was known of a node that is going still holds for its pods.
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "the watch of the node begins anew"),
        }
    }
    Ok(())
}

/// Follows the pods.
pub(super) async fn pods(
    api: Api<Pod>,
    fields: String,
    seen: Sender<Option<Pods>>,
    stop: CancellationToken,
) -> Result<(), Infallible> {
    let events = watcher(api, watcher::Config::default().fields(&fields)).default_backoff();
    let mut events = std::pin::pin!(events.take_until(stop.cancelled()));
    let mut listing = Listing::default();
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => take(event, &seen, &mut listing),
            Err(error) => tracing::debug!(%error, "the watch of pods begins anew"),
        }
    }
    Ok(())
}

fn take(event: watcher::Event<Pod>, seen: &Sender<Option<Pods>>, listing: &mut Listing) {
    let row = |pod: &Pod| {
        (
            (pod.namespace().unwrap_or_default(), pod.name_any()),
            PodView::from(pod),
        )
    };
    match event {
        watcher::Event::Init => listing.0 = Some(Pods::default()),
        watcher::Event::InitApply(pod) => listing.0.get_or_insert_default().extend([row(&pod)]),
        watcher::Event::InitDone => {
            seen.send_replace(Some(listing.0.take().unwrap_or_default()));
        }
        watcher::Event::Apply(pod) => {
            seen.send_modify(|pods| pods.get_or_insert_default().extend([row(&pod)]));
        }
        watcher::Event::Delete(pod) => {
            seen.send_modify(|pods| {
                pods.get_or_insert_default().remove(&row(&pod).0);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(name: &str) -> Pod {
        let pod: Result<Pod, _> =
            serde_json::from_value(json!({"metadata": {"name": name, "namespace": "a", "uid": name}}));
        pod.unwrap()
    }

    #[test]
    fn a_list_takes_the_place_of_the_old_one_when_it_is_whole() {
        let (seen, read) = tokio::sync::watch::channel(None);
        let mut listing = Listing::default();
        let names = || {
            let pods: Option<Pods> = read.borrow().clone();
            pods.map(|pods| pods.into_keys().map(|(_, name)| name).collect::<Vec<_>>())
        };
        take(watcher::Event::Init, &seen, &mut listing);
        take(watcher::Event::InitApply(pod("one")), &seen, &mut listing);
        assert_eq!(names(), None);
        take(watcher::Event::InitDone, &seen, &mut listing);
        take(watcher::Event::Apply(pod("two")), &seen, &mut listing);
        assert_eq!(names(), Some(vec!["one".to_owned(), "two".to_owned()]));
        take(watcher::Event::Init, &seen, &mut listing);
        take(watcher::Event::InitApply(pod("two")), &seen, &mut listing);
        take(watcher::Event::InitDone, &seen, &mut listing);
        take(watcher::Event::Delete(pod("two")), &seen, &mut listing);
        assert_eq!(names(), Some(Vec::new()));
    }
}
