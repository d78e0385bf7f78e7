//! The requests of `requests.yaml`.

use http::Method;
use serde_json::Value;
use vpccni_testbed::fixtures::AwsNode;

/// One request.
pub(super) struct Step {
    pub(super) what: String,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) content_type: &'static str,
    pub(super) body: Value,
    /// What the real server answers.
    pub(super) code: u64,
}

impl Step {
    fn read(step: &Value) -> Self {
        let (method, path) = step["send"].as_str().unwrap().split_once(' ').unwrap();
        let content_type = match step["type"].as_str() {
            Some("apply") => "application/apply-patch+yaml",
            Some("merge") => "application/merge-patch+json",
            Some("strategic") => "application/strategic-merge-patch+json",
            Some("operations") => "application/json-patch+json",
            _ => "application/json",
        };
        let body = if step["body"] == "$AWS_NODE" {
            let mut published = AwsNode::published().daemon_set();
            published["metadata"]["namespace"] = Value::from("default");
            published
        } else {
            step["body"].clone()
        };
        Self {
            what: step["what"].as_str().unwrap().to_owned(),
            method: method.parse().unwrap(),
            path: path.to_owned(),
            content_type,
            body,
            code: step["code"].as_u64().unwrap(),
        }
    }

    /// The object that it is about, as a path.
    pub(super) fn object(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        let path = path.trim_end_matches("/status");
        match self.body["metadata"]["name"].as_str() {
            Some(name) if self.method == Method::POST => format!("{path}/{name}"),
            _ => path.to_owned(),
        }
    }
}

/// All of them.
pub(super) fn all() -> Vec<Step> {
    let steps: Vec<Value> = serde_norway::from_str(include_str!("requests.yaml")).unwrap();
    steps.iter().map(Step::read).collect()
}
