//! Watches: what happened since a version, and then what happens, until the client's time is over or the connection is
//! cut. An object that begins or ceases to match the selector comes or goes for the watcher.

use super::request::Request;
use super::selectors::Selector;
use super::shared::{Shared, State};
use super::status::Refusal;
use super::store::Change;
use super::world::partial;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt, unfold};
use http_body::Frame;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// What a watch sends.
pub(super) type Frames = BoxStream<'static, Result<Frame<Bytes>, io::Error>>;

/// How often a quiet watch says where it is.
const BOOKMARK: Duration = Duration::from_mins(1);

/// How long a watch lasts where the client does not say.
const USUAL: u64 = 1800;

struct Watching {
    shared: Arc<Shared>,
    changed: watch::Receiver<u64>,
    request: Request,
    selector: Selector,
    position: u64,
    end: Instant,
    bookmark: Instant,
    cuts: u64,
    ready: VecDeque<Value>,
    is_over: bool,
}

/// Starts a watch.
pub(super) fn start(shared: &Arc<Shared>, state: &State, request: &Request) -> Frames {
    let selector = Selector::of(&request.namespace, &request.query);
    let mut ready = VecDeque::new();
    let (horizon, _) = state.horizon(request.kind);
    let mut is_over = false;
    let position = match request.query.number("resourceVersion") {
        None | Some(0) => {
            let all = state.world.store.at(request.kind, horizon);
            let matching = all.into_iter().filter(|object| selector.matches(object));
            ready.extend(matching.map(|object| event("ADDED", &partial(object, request.partial))));
            horizon
        }
        Some(asked) if asked < state.world.store.oldest() => {
            let refusal = Refusal::expired(asked, state.world.store.oldest());
            ready.push_back(event("ERROR", &refusal.body));
            is_over = true;
            asked
        }
        Some(asked) => asked,
    };
    let lasts = request.query.number("timeoutSeconds").unwrap_or(USUAL);
    let watching = Watching {
        shared: shared.clone(),
        changed: shared.subscribe(),
        request: request.clone(),
        selector,
        position,
        end: Instant::now() + Duration::from_secs(lasts),
        bookmark: Instant::now() + BOOKMARK,
        cuts: state.cuts,
        ready,
        is_over,
    };
    unfold(watching, Watching::next).boxed()
}

impl Watching {
    async fn next(mut self) -> Option<(Result<Frame<Bytes>, io::Error>, Self)> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                let line = format!("{event}\n");
                return Some((Ok(Frame::data(Bytes::from(line))), self));
            }
            if self.is_over {
                return None;
            }
            self.changed.borrow_and_update();
            let Some(released) = self.look() else {
                self.is_over = true;
                let cut = io::Error::new(io::ErrorKind::ConnectionReset, "connection reset by peer");
                return Some((Err(cut), self));
            };
            if self.ready.is_empty() {
                self.wait(released).await;
            }
        }
    }

    /// Takes up what happened; none if the connection is cut, else when more is to be seen, if it is held back.
    #[expect(
        clippy::option_option,
        reason = "a cut connection is not one that nothing is held back from"
    )]
    fn look(&mut self) -> Option<Option<Instant>> {
        let shared = self.shared.clone();
        let state = shared.state();
        if state.cuts != self.cuts {
            return None;
        }
        let (horizon, released) = state.horizon(self.request.kind);
        let changes = state
            .world
            .store
            .between(self.request.kind, self.position, horizon);
        let events: Vec<Value> = changes.filter_map(|change| self.event_of(change)).collect();
        self.ready.extend(events);
        self.position = self.position.max(horizon);
        Some(released)
    }

    fn event_of(&self, change: &Change) -> Option<Value> {
        let matches = |object: &Option<Arc<Value>>| {
            object
                .as_ref()
                .is_some_and(|object| self.selector.matches(object))
        };
        let kind = match (matches(&change.before), matches(&change.after)) {
            (false, true) => "ADDED",
            (true, true) => "MODIFIED",
            (true, false) => "DELETED",
            (false, false) => return None,
        };
        Some(event(kind, &partial(change.shown.clone(), self.request.partial)))
    }

    async fn wait(&mut self, released: Option<Instant>) {
        let bookmarks = self.request.query.is("allowWatchBookmarks");
        let next = released
            .into_iter()
            .chain(bookmarks.then_some(self.bookmark))
            .fold(self.end, Instant::min);
        tokio::select! {
            _ = self.changed.changed() => {}
            () = sleep_until(next) => {}
        }
        if Instant::now() >= self.end {
            self.is_over = true;
        } else if bookmarks && Instant::now() >= self.bookmark {
            self.bookmark = Instant::now() + BOOKMARK;
            let version = self.position.to_string();
            let kind = {
                let state = self.shared.state();
                let kind = &state.world.kinds[self.request.kind];
                (kind.api_version(), kind.kind.clone())
            };
            let object =
                json!({"apiVersion": kind.0, "kind": kind.1, "metadata": {"resourceVersion": version}});
            self.ready.push_back(event("BOOKMARK", &object));
        }
    }
}

fn event(kind: &str, object: &Value) -> Value {
    json!({"type": kind, "object": object})
}
