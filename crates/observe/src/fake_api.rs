//! An API server for unit tests: it answers lists and gets from a function, and lets every watch hang.

use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

/// Paths and queries in the order they were asked for, watches left out.
pub(crate) type Asked = Arc<Mutex<Vec<String>>>;

/// A client of a server that answers `path?query` so; none is a 404.
pub(crate) fn client(
    answer: impl Fn(&str) -> Option<(u16, Value)> + Send + Sync + 'static,
) -> (Client, Asked) {
    let asked = Asked::default();
    let (seen, answer) = (Arc::clone(&asked), Arc::new(answer));
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
        let target = request
            .uri()
            .path_and_query()
            .map(ToString::to_string)
            .unwrap_or_default();
        async move {
            if target.contains("watch=true") {
                std::future::pending::<()>().await;
            }
            let (code, body) =
                answer(&target).unwrap_or_else(|| failure(404, "the server could not find it"));
            seen.lock().unwrap().push(target);
            let response = http::Response::builder()
                .status(code)
                .body(Body::from(body.to_string().into_bytes()));
            Ok::<_, Infallible>(response.unwrap())
        }
    });
    (Client::new(service, "default"), asked)
}

/// A list, with the token of the next page where there is one.
pub(crate) fn list(items: &Value, next: &str) -> (u16, Value) {
    let metadata = json!({"resourceVersion": "10", "continue": next});
    (
        200,
        json!({"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": items}),
    )
}

/// A refusal.
pub(crate) fn failure(code: u16, message: &str) -> (u16, Value) {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Test", "message": message, "code": code
    });
    (code, status)
}
