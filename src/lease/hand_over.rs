//! Giving the Lease to another replica while this one lives on: the node it runs on is about to be emptied.

use std::sync::Arc;
use tokio::sync::{Notify, watch};

/// The wish, and whether anything of this replica still works as a leader. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct HandOver {
    wish: Arc<Notify>,
    at_work: Arc<watch::Sender<bool>>,
}

impl HandOver {
    /// Asks for it. Where there is no election nobody listens.
    pub fn ask(&self) {
        self.wish.notify_one();
    }

    /// Says whether controllers run: the Lease is not given away before their last write is done.
    pub(crate) fn set_at_work(&self, works: bool) {
        self.at_work.send_replace(works);
    }

    pub(super) async fn asked(&self) {
        self.wish.notified().await;
    }

    /// Waits until no controller runs.
    pub(super) async fn idle(&self) {
        let mut works = self.at_work.subscribe();
        // The sender lives as long as `self` does.
        if let Err(error) = works.wait_for(|works| !works).await {
            tracing::debug!(%error, "nobody says any more whether controllers run");
        }
    }
}
