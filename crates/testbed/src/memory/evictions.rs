//! The eviction subresource of pods: budgets are looked at, and the pod is deleted where they allow it.
//!
//! Nobody computes `status.disruptionsAllowed` here: whoever sets the scene does. Each eviction uses one up, as on the
//! real server until its controller counts again.

use super::request::Request;
use super::status::Refusal;
use super::store::Key;
use super::world::{Answer, World};
use serde_json::{Value, json};
use std::sync::Arc;

impl World {
    pub(super) fn evict(&mut self, request: &Request, name: &str) -> Answer {
        let key = request.key(name);
        let pod = self
            .store
            .get(&key)
            .ok_or_else(|| Refusal::not_found(&self.kinds[request.kind], name))?;
        let options = request.body["deleteOptions"].clone();
        // A pod on its way out, or one that has ended, needs no budget.
        let phase = pod["status"]["phase"].as_str().unwrap_or_default();
        let ends =
            pod["metadata"]["deletionTimestamp"].is_string() || matches!(phase, "Succeeded" | "Failed");
        let budgets = if ends { Vec::new() } else { self.budgets_of(&pod) };
        match budgets.as_slice() {
            [] => {
                self.delete(&key, &options)?;
            }
            [(budget, live)] => {
                let allowed = live["status"]["disruptionsAllowed"].as_i64().unwrap_or(0);
                if allowed <= 0 {
                    return Err(Refusal::budget(&budget.name, live));
                }
                self.delete(&key, &options)?;
                let mut used = (**live).clone();
                used["status"]["disruptionsAllowed"] = json!(allowed - 1);
                self.store.put(budget.clone(), used);
            }
            _ => return Err(Refusal::budgets()),
        }
        let done =
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
        Ok((201, Arc::new(done)))
    }

    /// The budgets that guard a pod.
    fn budgets_of(&self, pod: &Value) -> Vec<(Key, Arc<Value>)> {
        let Some(kind) = self
            .kinds
            .iter()
            .position(|kind| kind.plural == "poddisruptionbudgets")
        else {
            return Vec::new();
        };
        let labels = &pod["metadata"]["labels"];
        let guards = |budget: &Value| {
            let wanted = budget["spec"]["selector"]["matchLabels"].as_object();
            budget["metadata"]["namespace"] == pod["metadata"]["namespace"]
                && wanted.is_some_and(|wanted| wanted.iter().all(|(key, value)| labels[key] == *value))
        };
        let all = self.store.at(kind, u64::MAX);
        let guarding = all.into_iter().filter(|budget| guards(budget));
        let keyed = guarding.map(|budget| {
            let text = |field: &str| budget["metadata"][field].as_str().unwrap_or_default().to_owned();
            let key = Key {
                kind,
                namespace: text("namespace"),
                name: text("name"),
            };
            (key, budget)
        });
        keyed.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{MemoryApi, virtual_now};
    use http::Request as HttpRequest;
    use serde_json::{Value, json};

    /// The code of the answer, and its body.
    async fn ask(client: &kube::Client, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let request = HttpRequest::builder().method(method).uri(path);
        let request = request.header("content-type", "application/json");
        match client
            .request::<Value>(request.body(body.to_string().into_bytes()).unwrap())
            .await
        {
            Ok(answer) => (200, answer),
            Err(kube::Error::Api(status)) => (status.code, json!(status)),
            Err(error) => panic!("{error}"),
        }
    }

    async fn pod(client: &kube::Client, name: &str) -> String {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "web"}},
            "spec": {"nodeName": "n1", "containers": [{"name": "c", "image": "i"}]},
        });
        let (_, made) = ask(client, "POST", "/api/v1/namespaces/shop/pods", &pod).await;
        made["metadata"]["uid"].as_str().unwrap().to_owned()
    }

    async fn evict(client: &kube::Client, name: &str, uid: &str) -> (u16, Value) {
        let eviction = json!({
            "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": "shop"},
            "deleteOptions": {"preconditions": {"uid": uid}},
        });
        let path = format!("/api/v1/namespaces/shop/pods/{name}/eviction");
        ask(client, "POST", &path, &eviction).await
    }

    #[tokio::test]
    async fn a_budget_allows_so_many_evictions_and_then_says_who_it_is() {
        let client = MemoryApi::new(&[], virtual_now, 1).client();
        let (first, second) = (pod(&client, "a").await, pod(&client, "b").await);
        let budgets = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets";
        let budget = json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
        });
        ask(&client, "POST", budgets, &budget).await;
        let status = json!({"status": {"disruptionsAllowed": 1, "currentHealthy": 2, "desiredHealthy": 1}});
        let request = HttpRequest::patch(format!("{budgets}/web/status"))
            .header("content-type", "application/merge-patch+json");
        let request = request.body(status.to_string().into_bytes()).unwrap();
        client.request::<Value>(request).await.unwrap();
        assert_eq!(evict(&client, "a", "another").await.0, 409);
        assert_eq!(evict(&client, "a", &first).await.0, 200);
        let (_, leaving) = ask(&client, "GET", "/api/v1/namespaces/shop/pods/a", &Value::Null).await;
        assert!(leaving["metadata"]["deletionTimestamp"].is_string(), "{leaving}");
        let (code, refused) = evict(&client, "b", &second).await;
        assert_eq!(
            (code, &refused["details"]["causes"][0]["reason"]),
            (429, &json!("DisruptionBudget"))
        );
        let message = refused["details"]["causes"][0]["message"].as_str().unwrap();
        assert!(
            message.starts_with("The disruption budget web needs 1 healthy pods"),
            "{message}"
        );
        // One that is leaving needs no budget.
        assert_eq!(evict(&client, "a", &first).await.0, 200);
        assert_eq!(evict(&client, "gone", &first).await.0, 404);
    }
}
