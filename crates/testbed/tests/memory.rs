//! The API server in memory against the real one: the same requests, the same answers.

mod requests;

use http::{Method, Request};
use jiff::Timestamp;
use kube::Client;
use kube::client::Body;
use requests::{Step, all};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use vpccni_testbed::control_plane::ControlPlane;
use vpccni_testbed::memory::{MemoryApi, definitions};
use vpccni_testbed::{Options, fixtures};

/// What differs between any two servers, or any two runs.
const VOLATILE: [&str; 6] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "time",
    "continue",
];

/// What follows it in a message is volatile.
const PRECONDITION: &str = " in the precondition";

/// A server, and the versions of the objects it answered with.
struct Server {
    client: Client,
    /// The first and the last version by path.
    versions: BTreeMap<String, (String, String)>,
}

impl Server {
    fn new(client: Client) -> Self {
        Self {
            client,
            versions: BTreeMap::new(),
        }
    }

    /// The answer, as far as servers may not differ in it.
    async fn ask(&mut self, step: &Step) -> Value {
        let key = step.object();
        let (first, last) = self.versions.get(&key).cloned().unwrap_or_default();
        let text = step
            .body
            .to_string()
            .replace("$FIRST", &first)
            .replace("$LAST", &last);
        let body = if step.body.is_null() {
            Vec::new()
        } else {
            text.into_bytes()
        };
        let request = Request::builder()
            .method(step.method.clone())
            .uri(&step.path)
            .header("content-type", step.content_type)
            .header("accept", "application/json");
        let response = self
            .client
            .send(request.body(Body::from(body)).unwrap())
            .await
            .unwrap();
        let code = response.status().as_u16();
        let bytes = response.into_body().collect_bytes().await.unwrap();
        let mut answer: Value = serde_json::from_slice(&bytes).unwrap();
        if let Some(version) = answer["metadata"]["resourceVersion"].as_str() {
            let entry = self.versions.entry(key);
            let versions = entry.or_insert_with(|| (version.to_owned(), String::new()));
            version.clone_into(&mut versions.1);
        }
        if step.method == Method::GET && answer["items"].is_array() {
            let items = answer["items"].as_array().unwrap();
            let names: Vec<&Value> = items.iter().map(|item| &item["metadata"]["name"]).collect();
            answer = json!({"items": names, "remaining": answer["metadata"]["remainingItemCount"]});
        }
        strip(&mut answer);
        json!({"code": code, "answer": answer})
    }
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !VOLATILE.contains(&key.as_str()));
            map.values_mut().for_each(strip);
        }
        // Versions and uids in messages.
        Value::String(text) if text.contains(PRECONDITION) => {
            text.truncate(text.find(PRECONDITION).unwrap_or_default());
        }
        Value::Array(list) => {
            list.iter_mut().for_each(strip);
            // Entries of managed fields are in the order of their times; those of one second in that of their names.
            if list.iter().all(|item| item["fieldsV1"].is_object()) {
                list.sort_by_key(|entry| format!("{} {}", entry["manager"], entry["operation"]));
            }
            // Conflicts with several managers come in no order.
            if list.iter().all(|item| item["reason"] == "FieldManagerConflict") {
                list.sort_by_key(Value::to_string);
            }
        }
        _ => {}
    }
}

/// The places where two answers differ, a line each.
fn difference(path: &str, real: &Value, memory: &Value, lines: &mut Vec<String>) {
    match (real, memory) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                difference(&format!("{path}/{key}"), &real[key], &memory[key], lines);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (place, (a, b)) in a.iter().zip(b).enumerate() {
                difference(&format!("{path}/{place}"), a, b, lines);
            }
        }
        (a, b) if a == b => {}
        (a, b) => lines.push(format!("  {path}: real {a}, in memory {b}")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_in_memory_answers_as_the_real_one() {
    let plane = ControlPlane::start(Options::api_only()).await.unwrap();
    fixtures::apply_crds(&plane).await.unwrap();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../crds");
    plane.kubectl_ok(&["apply", "-f", folder], None).await.unwrap();
    let names = ["crd/cnipolicies.vpccni.io", "crd/cninodestates.vpccni.io"];
    let wait = ["wait", "--for=condition=Established", "--timeout=30s"];
    plane
        .kubectl_ok(&[&wait[..], &names[..]].concat(), None)
        .await
        .unwrap();
    // Pods want it, and the controller that makes it does not run.
    plane
        .kubectl_ok(&["create", "serviceaccount", "default"], None)
        .await
        .unwrap();
    let memory = MemoryApi::new(&definitions(), Timestamp::now, 1);
    let (mut real, mut memory) = (Server::new(plane.client()), Server::new(memory.client()));
    let mut wrong = Vec::new();
    let steps = all();
    for step in &steps {
        let (a, b) = (real.ask(step).await, memory.ask(step).await);
        let mut lines = Vec::new();
        if a["code"] != step.code {
            lines.push(format!("  expected {}, and the real server said {a}", step.code));
        }
        difference("", &a, &b, &mut lines);
        if !lines.is_empty() {
            wrong.push(format!("{}:\n{}", step.what, lines.join("\n")));
        }
    }
    println!("{} requests to both servers", steps.len());
    assert!(
        wrong.is_empty(),
        "{} of {} differ:\n{}",
        wrong.len(),
        steps.len(),
        wrong.join("\n")
    );
    plane.shutdown().await;
}
