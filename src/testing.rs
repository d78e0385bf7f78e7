//! A small API server in memory, for tests of what talks to one: it keeps objects and versions, answers stale versions
//! with a conflict, and can be told to fail. No RBAC, no schemas, no field owners, no effect of JSON patches: those are
//! tested on the real one.

use crate::cloud::Cloud;
use crate::context::{Context, Settings};
use crate::events::Recorder;
use crate::metrics::Metrics;
use crate::write::{Gate, Writer};
use http::{Method, Request, Response};
use jiff::Timestamp;
use kube::client::Body;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use vpccni_observe::{Scope, Stores};
use vpccni_telemetry::health::Health;

/// One request as the server saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) content_type: String,
    pub(crate) body: Value,
}

/// What to do instead of answering as usual.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// Answer with this status object; nothing happens.
    Status(Value),
    /// Break the connection; nothing happens.
    Break,
    /// Do it, and break the connection.
    BreakAfter,
    /// Do it, and never answer.
    HangAfter,
}

/// Which request gets which fault.
type Faults = Box<dyn FnMut(&Seen) -> Option<Fault> + Send>;

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Value>,
    version: u64,
    seen: Vec<Seen>,
    faults: Option<Faults>,
}

/// The server. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct FakeApi {
    state: Arc<Mutex<State>>,
}

impl FakeApi {
    pub(crate) fn client(&self) -> kube::Client {
        let api = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let api = api.clone();
            let answer: Pin<Box<dyn Future<Output = _> + Send>> =
                Box::pin(async move { api.answer(request).await });
            answer
        });
        kube::Client::new(service, "default")
    }

    pub(crate) fn fail(&self, faults: impl FnMut(&Seen) -> Option<Fault> + Send + 'static) {
        self.state.lock().unwrap().faults = Some(Box::new(faults));
    }

    pub(crate) fn heal(&self) {
        self.state.lock().unwrap().faults = None;
    }

    /// The writes so far.
    pub(crate) fn writes(&self) -> Vec<Seen> {
        let state = self.state.lock().unwrap();
        state
            .seen
            .iter()
            .filter(|seen| seen.method != Method::GET)
            .cloned()
            .collect()
    }

    pub(crate) fn object(&self, path: &str) -> Option<Value> {
        self.state.lock().unwrap().objects.get(path).cloned()
    }

    /// Puts an object there as somebody else would.
    pub(crate) fn put(&self, path: &str, object: Value) {
        self.state.lock().unwrap().store(path, object);
    }

    async fn answer(&self, request: Request<Body>) -> Result<Response<Body>, tower::BoxError> {
        let (parts, body) = request.into_parts();
        let bytes = body.collect_bytes().await?;
        let seen = Seen {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            content_type: parts
                .headers
                .get("content-type")
                .map(|value| value.to_str().unwrap().to_owned())
                .unwrap_or_default(),
            body: if bytes.is_empty() {
                Value::Null
            } else {
                serde_json::from_slice(&bytes)?
            },
        };
        if seen.query.contains("watch=true") {
            return std::future::pending().await;
        }
        let (code, object, hang) = {
            let mut state = self.state.lock().unwrap();
            state.seen.push(seen.clone());
            let fault = state.faults.as_mut().and_then(|faults| faults(&seen));
            match fault {
                Some(Fault::Status(status)) => (
                    u16::try_from(status["code"].as_u64().unwrap()).unwrap(),
                    status,
                    false,
                ),
                Some(Fault::Break) => return Err("connection reset by peer".into()),
                Some(Fault::BreakAfter) => {
                    state.act(&seen);
                    return Err("connection reset by peer".into());
                }
                Some(Fault::HangAfter) => {
                    let (code, object) = state.act(&seen);
                    (code, object, true)
                }
                None => {
                    let (code, object) = state.act(&seen);
                    (code, object, false)
                }
            }
        };
        if hang {
            return std::future::pending().await;
        }
        Ok(Response::builder()
            .status(code)
            .body(Body::from(serde_json::to_vec(&object)?))?)
    }
}

impl State {
    fn store(&mut self, path: &str, mut object: Value) -> Value {
        let unchanged = self.objects.get(path).is_some_and(|old| {
            let mut old = old.clone();
            old["metadata"]["resourceVersion"] = object["metadata"]["resourceVersion"].clone();
            old == object
        });
        if unchanged {
            return self.objects[path].clone();
        }
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.objects.insert(path.to_owned(), object.clone());
        object
    }

    fn act(&mut self, seen: &Seen) -> (u16, Value) {
        let path = seen.path.trim_end_matches("/status").to_owned();
        let stored = self.objects.get(&path).cloned();
        match (&seen.method, stored) {
            (&Method::GET, _) if path == "/version" => (200, version()),
            (&Method::GET, None) if path == "/api/v1/pods" => (200, self.pods_of(&seen.query)),
            (&Method::GET, Some(object)) => (200, object),
            (&Method::GET, None) if is_collection(&path) => (200, empty_list()),
            (&Method::POST, _) if path.ends_with("/eviction") => self.evict(&path, &seen.body),
            (&Method::POST, _) => {
                let path = format!("{path}/{}", seen.body["metadata"]["name"].as_str().unwrap());
                if self.objects.contains_key(&path) {
                    return status(409, "AlreadyExists", "already exists");
                }
                (201, self.store(&path, seen.body.clone()))
            }
            (&Method::PATCH, stored) => {
                let apply = seen.content_type.contains("apply-patch");
                let Some(mut object) = stored.or_else(|| apply.then(|| json!({}))) else {
                    return status(404, "NotFound", "not found");
                };
                if seen.content_type.contains("json-patch+json") {
                    return (200, object);
                }
                let wanted = &seen.body["metadata"]["resourceVersion"];
                if !wanted.is_null() && *wanted != object["metadata"]["resourceVersion"] {
                    return status(409, "Conflict", "the object has been modified");
                }
                merge(&mut object, &seen.body);
                (200, self.store(&path, object))
            }
            (&Method::DELETE, Some(object)) => {
                let only_if = &seen.body["preconditions"];
                for key in ["uid", "resourceVersion"] {
                    if !only_if[key].is_null() && only_if[key] != object["metadata"][key] {
                        return status(409, "Conflict", "precondition failed");
                    }
                }
                self.objects.remove(&path);
                (
                    200,
                    json!({ "kind": "Status", "apiVersion": "v1", "status": "Success" }),
                )
            }
            _ => status(404, "NotFound", "not found"),
        }
    }
}

impl State {
    /// The pods of the node that the field selector names, or all.
    fn pods_of(&self, query: &str) -> Value {
        let node = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("fieldSelector=spec.nodeName%3D"));
        let pods = self.objects.iter().filter(|(path, _)| path.contains("/pods/"));
        let its = pods.filter(|(_, pod)| node.is_none_or(|node| pod["spec"]["nodeName"] == node));
        let items: Vec<&Value> = its.map(|(_, pod)| pod).collect();
        json!({ "kind": "List", "apiVersion": "v1", "metadata": { "resourceVersion": "1" }, "items": items })
    }

    /// Evicts at once, without a budget: budgets are faults of the test, or the real server's.
    fn evict(&mut self, path: &str, eviction: &Value) -> (u16, Value) {
        let pod = path.trim_end_matches("/eviction");
        let uid = &eviction["deleteOptions"]["preconditions"]["uid"];
        match self.objects.get(pod) {
            None => status(404, "NotFound", "not found"),
            Some(there) if there["metadata"]["uid"] != *uid => status(409, "Conflict", "another uid"),
            Some(_) => {
                self.objects.remove(pod);
                (
                    201,
                    json!({ "kind": "Status", "apiVersion": "v1", "status": "Success" }),
                )
            }
        }
    }
}

fn merge(object: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *object = patch.clone();
        return;
    };
    if !object.is_object() {
        *object = json!({});
    }
    let fields = object.as_object_mut().unwrap();
    for (key, change) in changes {
        if change.is_null() {
            fields.remove(key);
        } else {
            merge(fields.entry(key).or_insert(Value::Null), change);
        }
    }
}

/// Collections end in a plural, objects in a name: the names of these tests are in none of these.
fn is_collection(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap();
    last.ends_with('s') && !last.contains('-')
}

fn empty_list() -> Value {
    json!({ "kind": "List", "apiVersion": "v1", "metadata": { "resourceVersion": "1" }, "items": [] })
}

fn version() -> Value {
    json!({
        "major": "1", "minor": "35", "gitVersion": "v1.35.4", "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "", "goVersion": "", "compiler": "gc", "platform": "linux/amd64",
    })
}

/// A status object of the API.
pub(crate) fn status(code: u16, reason: &str, message: &str) -> (u16, Value) {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message,
    });
    (code, body)
}

pub(crate) fn settings() -> Settings {
    Settings {
        namespace: "vpc-cni-operator".to_owned(),
        identity: "pod-a".to_owned(),
        cluster_name: None,
        aws_region: None,
        ec2_calls_per_minute: 300,
        inventory_interval: Duration::from_mins(2),
        admission_parameters_name: "vpc-cni-operator-admission".to_owned(),
    }
}

/// A context on a fake API server, behind this gate. Its watches end with the test.
pub(crate) fn context(api: &FakeApi, gate: Arc<dyn Gate>, clock: fn() -> Timestamp) -> Context {
    let (client, cloud) = (api.client(), Cloud::none("tests have no AWS"));
    let metrics = Arc::new(Metrics::default());
    let writer = Arc::new(Writer::new(client.clone(), gate, metrics.clone()));
    let mut tasks: JoinSet<Result<(), Infallible>> = JoinSet::new();
    let stores = Stores::start(&client, Scope::default(), &mut tasks, &CancellationToken::new());
    Context {
        client,
        hand_over: crate::lease::HandOver::default(),
        events: Arc::new(Recorder::new(writer.clone(), metrics.clone(), clock, "pod-a")),
        writer,
        metrics,
        health: Health::default(),
        settings: Arc::new(settings()),
        stores,
        ec2: cloud.ec2,
        eks: cloud.eks,
        scaling: cloud.scaling,
        templates: cloud.templates,
        node_groups: cloud.node_groups,
        clock,
    }
}
