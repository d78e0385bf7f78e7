//! What plays the controller manager and the scheduler beside the server: it looks whenever something changed, writes in
//! their name, and rests while the server is away.

use super::request::Request;
use super::shared::{Shared, State};
use super::{daemon_sets, workloads};
use http::Method;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// How long a controller takes to notice: enough that others write in between.
const LAG: Duration = Duration::from_millis(20);

/// How long it waits while the server is away.
const AWAY: Duration = Duration::from_secs(1);

/// Runs for ever.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut changed = shared.subscribe();
    loop {
        changed.borrow_and_update();
        let wrote = {
            let mut state = shared.state();
            if state.is_away() {
                None
            } else {
                Some(sync(&mut state))
            }
        };
        match wrote {
            None => sleep(AWAY).await,
            Some(true) => {
                shared.tell();
                sleep(LAG).await;
            }
            Some(false) => {
                if changed.changed().await.is_err() {
                    return;
                }
                sleep(LAG).await;
            }
        }
    }
}

/// Whether anything was written.
fn sync(state: &mut State) -> bool {
    let before = state.world.store.version();
    daemon_sets::sync_all(state);
    workloads::sync_all(state);
    state.world.store.version() != before
}

impl State {
    fn kind_of(&self, plural: &str) -> Option<usize> {
        self.world.kinds.iter().position(|kind| kind.plural == plural)
    }

    /// All objects of a kind; none where there is no such kind.
    pub(super) fn all(&self, plural: &str) -> Vec<Arc<Value>> {
        self.kind_of(plural)
            .map(|kind| self.world.store.at(kind, u64::MAX))
            .unwrap_or_default()
    }

    /// A write about an object as the controller manager; whether it was done.
    pub(super) fn control(
        &mut self,
        method: Method,
        plural: &str,
        about: &Value,
        subresource: &str,
        body: Value,
    ) -> bool {
        let Some(kind) = self.kind_of(plural) else {
            return false;
        };
        let metadata = &about["metadata"];
        let request = Request::inside(
            method,
            kind,
            [&metadata["namespace"], &metadata["name"]].map(|value| value.as_str().unwrap_or_default()),
            subresource,
            body,
        );
        match self.write(&request) {
            Ok(_) => true,
            Err(refusal) => {
                tracing::debug!(plural, ?refusal, "a controller was refused");
                false
            }
        }
    }
}
