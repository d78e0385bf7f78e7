//! Field ownership of server-side apply: who owns which part of an object, from `metadata.managedFields`.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use serde_json::Value;
use std::fmt;

/// How a manager wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Server-side apply: what it leaves out later is removed.
    Apply,
    /// Any other write.
    Update,
}

/// A field manager that owns something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Manager {
    /// Its name, such as `kubectl-client-side-apply`.
    pub name: String,
    /// How it wrote.
    pub operation: Operation,
    /// The subresource it wrote through, such as `status`.
    pub subresource: Option<String>,
    /// When it last wrote any of its fields.
    pub time: Option<Timestamp>,
}

impl fmt::Display for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Who owns what of one object.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ownership {
    entries: Vec<ManagedFieldsEntry>,
}

impl Ownership {
    /// Of the `managedFields` of an object.
    pub fn of(entries: Option<&Vec<ManagedFieldsEntry>>) -> Self {
        Self {
            entries: entries.cloned().unwrap_or_default(),
        }
    }

    /// The owners of what lies at a path of steps such as `f:spec` and `k:{"name":"aws-node"}`, in the object's order.
    pub fn of_path(&self, path: &[&str]) -> Vec<Manager> {
        managers_of(&self.entries, path)
    }
}

/// The managers among the entries that own what lies at the path.
pub(crate) fn managers_of(entries: &[ManagedFieldsEntry], path: &[&str]) -> Vec<Manager> {
    let owns = |entry: &&ManagedFieldsEntry| entry.fields_v1.as_ref().is_some_and(|f| reaches(&f.0, path));
    entries.iter().filter(owns).map(manager).collect()
}

/// The step to an item of a list that is merged by name.
pub(crate) fn by_name(name: &str) -> String {
    format!("k:{}", serde_json::json!({ "name": name }))
}

/// A leaf on the way down is owned whole, with all that lies under it.
fn reaches(fields: &Value, path: &[&str]) -> bool {
    let Some((step, rest)) = path.split_first() else {
        return true;
    };
    match fields.get(*step) {
        Some(Value::Object(below)) if below.is_empty() => true,
        Some(below) => reaches(below, rest),
        None => false,
    }
}

fn manager(entry: &ManagedFieldsEntry) -> Manager {
    Manager {
        name: entry.manager.clone().unwrap_or_default(),
        operation: match entry.operation.as_deref() {
            Some("Apply") => Operation::Apply,
            _ => Operation::Update,
        },
        subresource: entry.subresource.clone().filter(|s| !s.is_empty()),
        time: entry.time.as_ref().map(|time| time.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entry(manager: &str, fields: &Value) -> ManagedFieldsEntry {
        serde_json::from_value(json!({
            "manager": manager, "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields
        }))
        .unwrap()
    }

    #[test]
    fn a_path_is_owned_where_it_is_named_or_lies_under_a_leaf() {
        let ownership = Ownership {
            entries: vec![
                entry("whole", &json!({"f:spec": {}})),
                entry(
                    "item",
                    &json!({"f:spec": {"f:env": {".": {}, "k:{\"name\":\"A\"}": {".": {}, "f:value": {}}}}}),
                ),
                entry(
                    "other",
                    &json!({"f:spec": {"f:env": {"k:{\"name\":\"B\"}": {".": {}}}}, "f:status": {}}),
                ),
            ],
        };
        let names = |path: &[&str]| {
            ownership
                .of_path(path)
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&["f:spec", "f:env", &by_name("A")]), ["whole", "item"]);
        assert_eq!(names(&["f:spec", "f:env", &by_name("C")]), ["whole"]);
        assert_eq!(names(&["f:spec"]), ["whole", "item", "other"]);
        assert_eq!(names(&["f:metadata"]), [] as [&str; 0]);
    }
}
