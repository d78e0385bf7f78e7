//! What wakes a loop before its re-sync interval is over.

use async_trait::async_trait;
use futures::future::select_all;
use std::sync::Arc;
use tokio::sync::Notify;
use vpccni_observe::Trigger;

/// A source of triggers. Triggers coalesce, and one that comes while nobody waits is kept.
#[async_trait]
pub trait Wake: Send + Sync {
    /// Waits for a trigger. Cancelling it loses nothing.
    async fn woken(&self);
}

/// `notify_one` keeps the trigger; `notify_waiters` would lose it while a reconcile runs.
#[async_trait]
impl Wake for Notify {
    async fn woken(&self) {
        self.notified().await;
    }
}

#[async_trait]
impl Wake for Trigger {
    async fn woken(&self) {
        self.changed().await;
    }
}

/// Several sources as one.
pub struct AnyOf(pub Vec<Arc<dyn Wake>>);

#[async_trait]
impl Wake for AnyOf {
    async fn woken(&self) {
        if self.0.is_empty() {
            return std::future::pending().await;
        }
        select_all(self.0.iter().map(|wake| wake.woken())).await;
    }
}

impl std::fmt::Debug for AnyOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AnyOf").field("sources", &self.0.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn any_of_its_sources_wakes_it_and_none_never_does() {
        let (first, second) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let both = AnyOf(vec![first.clone(), second.clone()]);
        assert!(both.woken().now_or_never().is_none());
        second.notify_one();
        assert!(both.woken().now_or_never().is_some());
        first.notify_one();
        assert!(both.woken().now_or_never().is_some());
        assert!(both.woken().now_or_never().is_none());
        assert!(AnyOf(Vec::new()).woken().now_or_never().is_none());
    }
}
