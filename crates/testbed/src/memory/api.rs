//! The server as clients see it: connections that answer, lag, break or are refused. The world is locked for the effect
//! of a request alone, never across an await.

use super::kinds::{Kind, built_in};
use super::request::Request;
use super::shared::{Shared, State};
use super::store::Key;
use super::watching::{self, Frames};
use super::world::World;
use bytes::Bytes;
use http::{Method, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use jiff::Timestamp;
use kube::client::Body;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// An API server in memory. Clones are the same server.
#[derive(Clone)]
pub struct MemoryApi {
    pub(super) shared: Arc<Shared>,
}

impl std::fmt::Debug for MemoryApi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let version = self.shared.state().world.store.version();
        f.debug_struct("MemoryApi")
            .field("version", &version)
            .finish_non_exhaustive()
    }
}

/// What happened to an object.
#[derive(Debug, Clone)]
pub struct ChangeSeen {
    /// The version of the server since then.
    pub version: u64,
    /// The kind, in the plural.
    pub plural: String,
    /// The name of the object.
    pub name: String,
    /// As it was; none where it was not there.
    pub before: Option<Arc<Value>>,
    /// As it is; none where it is gone.
    pub after: Option<Arc<Value>>,
}

type Answered = Response<UnsyncBoxBody<Bytes, io::Error>>;

impl MemoryApi {
    /// A server with the built-in kinds and those of these definitions. Its clock is what it writes down; all chance in
    /// it follows from the seed.
    pub fn new(definitions: &[Value], clock: fn() -> Timestamp, seed: u64) -> Self {
        let mut kinds = built_in();
        kinds.extend(definitions.iter().filter_map(Kind::of_definition));
        let state = State {
            world: World::new(kinds, clock),
            held: BTreeMap::new(),
            away_until: None,
            cuts: 0,
            journal: Vec::new(),
            random: fastrand::Rng::with_seed(seed),
            start: Instant::now(),
        };
        let shared = Shared {
            state: Mutex::new(state),
            changed: watch::Sender::new(0),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// A client of an administrator. It belongs to the runtime it is made in.
    pub fn client(&self) -> kube::Client {
        let api = self.clone();
        let service = tower::service_fn(move |request| {
            let api = api.clone();
            async move { api.answer(request).await }
        });
        kube::Client::new(service, "default")
    }

    /// Holds back what lists and watches of these plurals see, for so long; reads by name and writes see the truth.
    pub fn hold(&self, plurals: &[&str], lasts: Duration) {
        let mut state = self.shared.state();
        let until = Instant::now() + lasts;
        for kind in 0..state.world.kinds.len() {
            if plurals.contains(&state.world.kinds[kind].plural.as_str()) {
                let (version, _) = state.horizon(kind);
                state.held.insert(kind, (version, until));
            }
        }
    }

    /// Takes the server away for so long: connections break, and nobody gets a new one.
    pub fn go_away(&self, lasts: Duration) {
        let mut state = self.shared.state();
        state.away_until = Some(Instant::now() + lasts);
        state.cuts += 1;
        let line = format!(
            "{:>9.3} s  away for {} s",
            state.start.elapsed().as_secs_f64(),
            lasts.as_secs()
        );
        state.journal.push(line);
        drop(state);
        self.shared.tell();
    }

    /// Forgets what was before: watches that start there are told that it is gone.
    pub fn compact(&self) {
        let mut state = self.shared.state();
        state.world.store.compact();
        state.cuts += 1;
        drop(state);
        self.shared.tell();
    }

    /// Waits until something has happened since this was called, or it is over.
    pub async fn news(&self, no_longer_than: Duration) {
        let mut changed = self.shared.subscribe();
        if tokio::time::timeout(no_longer_than, changed.changed())
            .await
            .is_err()
        {
            tracing::trace!("no news");
        }
    }

    /// Every write so far, with the time since the start.
    pub fn journal(&self) -> Vec<String> {
        self.shared.state().journal.clone()
    }

    /// Everything that ever happened to objects of these kinds, in its order.
    pub fn changes(&self, plurals: &[&str]) -> Vec<ChangeSeen> {
        let state = self.shared.state();
        let log = state.world.store.log().iter();
        let seen = log.filter_map(|change| {
            let plural = &state.world.kinds[change.key.kind].plural;
            plurals.contains(&plural.as_str()).then(|| ChangeSeen {
                version: change.version,
                plural: plural.clone(),
                name: change.key.name.clone(),
                before: change.before.clone(),
                after: change.after.clone(),
            })
        });
        seen.collect()
    }

    /// Every state that an object ever had.
    pub fn history(&self, plural: &str, namespace: &str, name: &str) -> Vec<Arc<Value>> {
        let state = self.shared.state();
        let Some(kind) = state.world.kinds.iter().position(|kind| kind.plural == plural) else {
            return Vec::new();
        };
        let key = Key {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        let all = state.world.store.between(kind, 0, u64::MAX);
        all.filter(|change| change.key == key)
            .filter_map(|change| change.after.clone())
            .collect()
    }

    async fn answer(&self, request: http::Request<Body>) -> Result<Answered, io::Error> {
        let refused = || io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused");
        let (parts, body) = request.into_parts();
        let bytes = body.collect_bytes().await.map_err(io::Error::other)?;
        self.shared.under_way().await;
        let (begun, answered) = {
            let mut state = self.shared.state();
            if state.is_away() {
                return Err(refused());
            }
            (state.cuts, self.act(&mut state, &parts, &bytes))
        };
        if parts.method != Method::GET {
            self.shared.tell();
        }
        self.shared.under_way().await;
        let state = self.shared.state();
        // The effect is there; the answer is lost with the connection.
        if state.is_away() && state.cuts != begun {
            return Err(io::Error::new(
                io::ErrorKind::ConnectionReset,
                "connection reset by peer",
            ));
        }
        Ok(answered)
    }

    fn act(&self, state: &mut State, parts: &http::request::Parts, body: &[u8]) -> Answered {
        if parts.uri.path() == "/version" {
            return whole(200, &version());
        }
        let request = match Request::parse(&state.world.kinds, parts, body) {
            Ok(request) => request,
            Err(refusal) => return whole(refusal.code, &refusal.body),
        };
        if request.method == Method::GET && request.query.is("watch") {
            let frames = watching::start(&self.shared, state, &request);
            return stream(frames);
        }
        let answer = if request.method == Method::GET {
            let (horizon, _) = state.horizon(request.kind);
            state.world.read(&request, horizon)
        } else {
            state.write(&request)
        };
        match answer {
            Ok((code, object)) => whole(code, &object),
            Err(refusal) => whole(refusal.code, &refusal.body),
        }
    }
}

fn whole(code: u16, object: &Value) -> Answered {
    // An object that is JSON already can be written as JSON.
    let bytes = serde_json::to_vec(object).unwrap_or_default();
    let body = Full::new(Bytes::from(bytes));
    let mut response = Response::new(body.map_err(|never| match never {}).boxed_unsync());
    if let Ok(code) = http::StatusCode::from_u16(code) {
        *response.status_mut() = code;
    }
    response
}

fn stream(frames: Frames) -> Answered {
    Response::new(http_body_util::StreamBody::new(frames).boxed_unsync())
}

fn version() -> Value {
    json!({
        "major": "1", "minor": "35", "gitVersion": "v1.35.4", "gitCommit": "", "gitTreeState": "", "buildDate": "",
        "goVersion": "", "compiler": "", "platform": "",
    })
}
