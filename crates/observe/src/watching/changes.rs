//! Who wants to know that a store changed. Wake-ups coalesce: however much happened, a subscriber wakes once.

use super::Kind;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::Notify;

/// What one subscriber has not heard of yet.
#[derive(Debug)]
struct Pending {
    wanted: BTreeSet<Kind>,
    seen: Mutex<BTreeSet<Kind>>,
    wake: Notify,
}

/// The subscribers of all stores; one that is dropped is forgotten at the next change.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hub {
    subscribers: Arc<Mutex<Vec<Weak<Pending>>>>,
}

impl Hub {
    pub(crate) fn subscribe(&self, kinds: &[Kind]) -> Trigger {
        let pending = Arc::new(Pending {
            wanted: kinds.iter().copied().collect(),
            seen: Mutex::default(),
            wake: Notify::new(),
        });
        let mut subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers.push(Arc::downgrade(&pending));
        Trigger { pending }
    }

    pub(crate) fn changed(&self, kind: Kind) {
        let mut subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers.retain(|subscriber| {
            let Some(pending) = subscriber.upgrade() else {
                return false;
            };
            if pending.wanted.contains(&kind) {
                let mut seen = pending.seen.lock().unwrap_or_else(PoisonError::into_inner);
                seen.insert(kind);
                pending.wake.notify_one();
            }
            true
        });
    }
}

/// Wakes when a store of the wanted kinds changed since the last wake-up.
#[derive(Debug)]
pub struct Trigger {
    pending: Arc<Pending>,
}

impl Trigger {
    /// Waits for a change, and says which kinds changed. Cancelling it loses nothing.
    pub async fn changed(&self) -> BTreeSet<Kind> {
        loop {
            let notified = self.pending.wake.notified();
            {
                let mut seen = self.pending.seen.lock().unwrap_or_else(PoisonError::into_inner);
                if !seen.is_empty() {
                    return std::mem::take(&mut *seen);
                }
            }
            notified.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn changes_coalesce_and_foreign_kinds_do_not_wake() {
        let hub = Hub::default();
        let trigger = hub.subscribe(&[Kind::Node, Kind::Target]);
        hub.changed(Kind::EniConfig);
        assert!(trigger.changed().now_or_never().is_none());
        hub.changed(Kind::Node);
        hub.changed(Kind::Node);
        hub.changed(Kind::Target);
        assert_eq!(
            trigger.changed().await,
            BTreeSet::from([Kind::Node, Kind::Target])
        );
        assert!(trigger.changed().now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_dropped_subscriber_is_forgotten() {
        let hub = Hub::default();
        drop(hub.subscribe(&[Kind::Node]));
        hub.changed(Kind::Node);
        assert!(hub.subscribers.lock().unwrap().is_empty());
    }
}
