//! Refusals, as the Status objects that the API server writes.

use super::kinds::Kind;
use super::owners::Conflict;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Why a request is not done: the code and the body of the answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    pub(super) code: u16,
    pub(super) body: Value,
}

impl Refusal {
    fn new(code: u16, reason: &str, message: &str, details: Value) -> Self {
        let mut body = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code,
            "reason": reason, "message": message,
        });
        if !details.is_null() {
            body["details"] = details;
        }
        Self { code, body }
    }

    /// No such object.
    pub(super) fn not_found(kind: &Kind, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", kind.qualified());
        Self::new(404, "NotFound", &message, details(kind, name))
    }

    /// A budget does not allow an eviction now.
    pub(super) fn budget(name: &str, budget: &Value) -> Self {
        let number = |field: &str| budget["status"][field].as_i64().unwrap_or(0);
        let message = format!(
            "The disruption budget {name} needs {} healthy pods and has {} currently",
            number("desiredHealthy"),
            number("currentHealthy")
        );
        let details = json!({"causes": [{"reason": "DisruptionBudget", "message": message}]});
        let why = "Cannot evict pod as it would violate the pod's disruption budget.";
        Self::new(429, "TooManyRequests", why, details)
    }

    /// A pod with two budgets cannot be evicted at all.
    pub(super) fn budgets() -> Self {
        let why = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
        Self::new(500, "InternalError", why, Value::Null)
    }

    /// No such kind.
    pub(super) fn no_kind() -> Self {
        let message = "the server could not find the requested resource";
        Self::new(404, "NotFound", message, json!({}))
    }

    pub(super) fn exists(kind: &Kind, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", kind.qualified());
        Self::new(409, "AlreadyExists", &message, details(kind, name))
    }

    /// Somebody else wrote first.
    pub(super) fn modified(kind: &Kind, name: &str) -> Self {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        Self::cannot(kind, name, why)
    }

    /// A deletion is bound to another version.
    pub(super) fn other_version(kind: &Kind, name: &str, wanted: &str, seen: &str) -> Self {
        let why = format!(
            "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record ({seen}). \
             The object might have been modified"
        );
        Self::of_deletion(kind, name, &why)
    }

    /// A deletion is bound to another object.
    pub(super) fn other_object(kind: &Kind, name: &str, wanted: &str, seen: &str) -> Self {
        let why = format!(
            "the UID in the precondition ({wanted}) does not match the UID in record ({seen}). The object might have \
             been deleted and then recreated"
        );
        Self::of_deletion(kind, name, &why)
    }

    /// Here the server names the kind as the object does.
    fn of_deletion(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} \"{name}\": {why}", kind.kind);
        let mut details = details(kind, name);
        details["kind"] = json!(kind.kind);
        Self::new(409, "Conflict", &message, details)
    }

    fn cannot(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": {why}",
            kind.qualified()
        );
        Self::new(409, "Conflict", &message, details(kind, name))
    }

    /// Others own fields of a server-side apply.
    pub(super) fn owned(conflicts: &[Conflict]) -> Self {
        let causes: Vec<Value> = conflicts
            .iter()
            .map(|conflict| {
                json!({
                    "reason": "FieldManagerConflict", "message": format!("conflict with {}", conflict.manager),
                    "field": conflict.field,
                })
            })
            .collect();
        let message = match conflicts {
            [one] => format!(
                "Apply failed with 1 conflict: conflict with {}: {}",
                one.manager, one.field
            ),
            all => {
                let managers: BTreeSet<&str> = all.iter().map(|conflict| conflict.manager.as_str()).collect();
                let lines = managers.into_iter().flat_map(|manager| {
                    let fields = all.iter().filter(move |conflict| conflict.manager == manager);
                    std::iter::once(format!("conflicts with {manager}:"))
                        .chain(fields.map(|conflict| format!("- {}", conflict.field)))
                });
                let lines: Vec<String> = lines.collect();
                format!("Apply failed with {} conflicts: {}", all.len(), lines.join("\n"))
            }
        };
        Self::new(409, "Conflict", &message, json!({ "causes": causes }))
    }

    /// What was sent cannot be understood.
    pub(super) fn bad(message: &str) -> Self {
        Self::new(400, "BadRequest", message, Value::Null)
    }

    /// An object that its definition does not allow.
    pub(super) fn null(kind: &Kind, name: &str, field: &str) -> Self {
        let message = format!(
            "{}.{} \"{name}\" is invalid: {field}: Invalid value: \"null\": {field} in body must be of type object: \"null\"",
            kind.kind, kind.group
        );
        let mut details = details(kind, name);
        details["kind"] = json!(kind.kind);
        Self::new(422, "Invalid", &message, details)
    }

    /// A patch that cannot be carried out.
    pub(super) fn unprocessable() -> Self {
        let message = "the server rejected our request due to an error in our request";
        Self::new(422, "Invalid", message, json!({}))
    }

    /// A patch of a type that the kind does not take.
    pub(super) fn unsupported() -> Self {
        let message = "the body of the request was in an unknown format - accepted media types include: \
                       application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
        Self::new(415, "UnsupportedMediaType", message, Value::Null)
    }

    pub(super) fn not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(405, "MethodNotAllowed", message, json!({}))
    }

    /// A watch or a page that starts before what is kept.
    pub(super) fn expired(asked: u64, oldest: u64) -> Self {
        let message = format!("too old resource version: {asked} ({oldest})");
        Self::new(410, "Expired", &message, Value::Null)
    }
}

fn details(kind: &Kind, name: &str) -> Value {
    let mut details = json!({"name": name, "kind": kind.plural});
    if !kind.group.is_empty() {
        details["group"] = json!(kind.group);
    }
    details
}
