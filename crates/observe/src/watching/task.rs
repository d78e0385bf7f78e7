//! One watch task: it follows one type for ever and folds what it sees into its store.

use super::scope::Scope;
use super::store::Store;
use super::{Kind, Presence};
use futures::{StreamExt, pin_mut};
use kube::core::DeserializeGuard;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Objects of one page: with whole nodes of about 15 KiB a page is 8 MiB on the wire and much less when parsed.
const PAGE: u32 = 500;

/// How often a type that was not there is looked for: someone installs Karpenter once in the life of a cluster.
const ABSENT_RETRY: Duration = Duration::from_mins(1);

/// What may be missing for good. Where it may not, the watch is tried again and nothing is decided meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MayMiss {
    Nothing,
    /// The type: without its definition there are no objects of it.
    Type,
    /// The type, or our permission to list it.
    TypeOrPermission,
}

/// A compact value and the objects it is folded from.
pub(crate) trait Watched: PartialEq + Debug + Send + Sync + 'static {
    /// What comes off the wire.
    type Wire: Resource + Clone + DeserializeOwned + Debug + Send + 'static;
    /// Which store it is for.
    const KIND: Kind;
    /// What may be missing for good.
    const MAY_MISS: MayMiss = MayMiss::Nothing;

    /// Where the objects are.
    fn api(client: Client, scope: &Scope) -> Api<DeserializeGuard<Self::Wire>>;
    /// Which of them.
    fn narrow(config: watcher::Config, _scope: &Scope) -> watcher::Config {
        config
    }
    /// The compact value, or what is wrong with the object.
    fn parse(wire: Self::Wire, scope: &Scope) -> Result<Self, String>
    where
        Self: Sized;
    /// Whether what was seen under one scope holds under another.
    fn same_view(_old: &Scope, _new: &Scope) -> bool {
        true
    }
}

/// Follows the type until the process stops.
pub(crate) async fn run<T: Watched>(
    client: Client,
    store: Store<T>,
    mut scope: watch::Receiver<Scope>,
    stop: CancellationToken,
) {
    loop {
        let view = scope.borrow_and_update().clone();
        tokio::select! {
            () = stop.cancelled() => return,
            () = other_view::<T>(&mut scope, &view) => store.forget(),
            () = follow(client.clone(), &store, &view) => {}
        }
    }
}

async fn other_view<T: Watched>(scope: &mut watch::Receiver<Scope>, view: &Scope) {
    loop {
        if scope.changed().await.is_err() {
            // Nobody can change the scope any more; the watch goes on as it is.
            std::future::pending::<()>().await;
        }
        if !T::same_view(view, &scope.borrow_and_update()) {
            return;
        }
    }
}

/// Ends only where the type is absent or forbidden and may be: the caller starts over.
async fn follow<T: Watched>(client: Client, store: &Store<T>, view: &Scope) {
    let config = T::narrow(watcher::Config::default().page_size(PAGE), view);
    let events = watcher(T::api(client, view), config).default_backoff();
    pin_mut!(events);
    while let Some(event) = events.next().await {
        let error = match event {
            Ok(event) => {
                store.fold(event, |wire| T::parse(wire, view));
                continue;
            }
            Err(error) => error,
        };
        let Some(presence) = settled_by(&error, T::KIND, T::MAY_MISS) else {
            tracing::warn!(kind = %T::KIND, %error, "failed to watch, trying again");
            store.failed(format!("failed to watch {}: {}", T::KIND, sentence(&error)));
            continue;
        };
        store.settle_without(presence);
        tokio::time::sleep(ABSENT_RETRY).await;
        return;
    }
}

fn status(error: &watcher::Error) -> Option<&kube::core::Status> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => Some(status),
        _ => None,
    }
}

/// What the server said, without the debug form of its answer.
fn sentence(error: &watcher::Error) -> String {
    status(error).map_or_else(|| error.to_string(), |status| status.message.clone())
}

fn settled_by(error: &watcher::Error, kind: Kind, may_miss: MayMiss) -> Option<Presence> {
    match (status(error)?.code, may_miss) {
        (404, MayMiss::Type | MayMiss::TypeOrPermission) => Some(Presence::Absent),
        (403, MayMiss::TypeOrPermission) => Some(Presence::Denied(format!(
            "{kind} may not be listed: {}",
            sentence(error)
        ))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;

    fn failure(code: u16) -> watcher::Error {
        let status = Status::failure("nodepools is forbidden", "Reason").with_code(code);
        watcher::Error::InitialListFailed(kube::Error::Api(Box::new(status)))
    }

    #[test]
    fn absent_and_denied_are_answers_and_the_rest_is_trouble() {
        let settled = |code, may_miss| settled_by(&failure(code), Kind::NodePool, may_miss);
        let denied = "NodePools of Karpenter may not be listed: nodepools is forbidden".to_owned();
        assert_eq!(settled(404, MayMiss::TypeOrPermission), Some(Presence::Absent));
        assert_eq!(
            settled(403, MayMiss::TypeOrPermission),
            Some(Presence::Denied(denied))
        );
        assert_eq!(settled(404, MayMiss::Type), Some(Presence::Absent));
        assert_eq!(settled(403, MayMiss::Type), None);
        assert_eq!(settled(404, MayMiss::Nothing), None);
        assert_eq!(settled(500, MayMiss::TypeOrPermission), None);
        let other = watcher::Error::NoResourceVersion;
        assert_eq!(
            settled_by(&other, Kind::NodePool, MayMiss::TypeOrPermission),
            None
        );
    }
}
