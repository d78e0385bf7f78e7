//! The three patches that are not server-side apply: JSON merge, strategic merge, JSON. Pure.

use super::owners::Shape;
use super::status::Refusal;
use serde_json::{Map, Value};

/// RFC 7396: `null` deletes a key, lists are replaced.
pub(super) fn merge(object: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        object.clone_from(patch);
        return;
    };
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let Some(fields) = object.as_object_mut() else {
        return;
    };
    for (key, change) in changes {
        if change.is_null() {
            fields.remove(key);
        } else {
            merge(fields.entry(key).or_insert(Value::Null), change);
        }
    }
}

/// RFC 6902.
pub(super) fn json(object: &mut Value, patch: &Value) -> Result<(), Refusal> {
    let operations: json_patch::Patch =
        serde_json::from_value(patch.clone()).map_err(|error| Refusal::bad(&error.to_string()))?;
    json_patch::patch(object, &operations).map_err(|_| Refusal::unprocessable())
}

/// The directive of an item or an object.
const DIRECTIVE: &str = "$patch";

/// As a merge patch, but lists with keys are merged item by item, and `$patch` deletes or replaces.
pub(super) fn strategic(object: &mut Value, patch: &Value, shape: &Shape) {
    match patch {
        Value::Object(changes) => strategic_object(object, changes, shape),
        Value::Array(changes) => match shape.keys().and_then(<[String]>::first) {
            Some(key) => strategic_list(object, changes, key, shape),
            None => object.clone_from(patch),
        },
        other => object.clone_from(other),
    }
}

fn strategic_object(object: &mut Value, changes: &Map<String, Value>, shape: &Shape) {
    if !object.is_object() || changes.get(DIRECTIVE).is_some_and(|what| what == "replace") {
        *object = Value::Object(Map::new());
    }
    let Some(fields) = object.as_object_mut() else {
        return;
    };
    for (key, change) in changes.iter().filter(|(key, _)| !key.starts_with('$')) {
        if change.is_null() {
            fields.remove(key);
        } else {
            strategic(fields.entry(key).or_insert(Value::Null), change, shape.field(key));
        }
    }
}

fn strategic_list(object: &mut Value, changes: &[Value], key: &str, shape: &Shape) {
    if !object.is_array() || changes.iter().any(|change| change[DIRECTIVE] == "replace") {
        *object = Value::Array(Vec::new());
    }
    let Some(items) = object.as_array_mut() else {
        return;
    };
    for change in changes {
        let place = items.iter().position(|item| item.get(key) == change.get(key));
        match (change[DIRECTIVE].as_str(), place) {
            (Some("delete"), Some(place)) => drop(items.remove(place)),
            (Some("delete" | "replace"), _) => {}
            (_, place) => {
                let place = place.unwrap_or_else(|| {
                    items.push(Value::Null);
                    items.len() - 1
                });
                if let Some(changes) = change.as_object() {
                    strategic_object(&mut items[place], changes, shape);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_strategic_merge_finds_items_by_their_key() {
        let shape = Shape::of_table(&[("list", "name"), ("list.env", "name")]);
        let mut object =
            json!({"list": [{"name": "a", "env": [{"name": "X", "value": "1"}, {"name": "Y"}]}], "n": 1});
        let patch = json!({"list": [
            {"name": "a", "env": [{"name": "X", "$patch": "delete"}, {"name": "Z", "value": "3"}]},
            {"name": "b"},
        ], "n": null});
        strategic(&mut object, &patch, &shape);
        assert_eq!(
            object,
            json!({"list": [{"name": "a", "env": [{"name": "Y"}, {"name": "Z", "value": "3"}]}, {"name": "b"}]})
        );
    }

    #[test]
    fn a_failed_test_of_a_json_patch_is_refused() {
        let mut object = json!({"a": 1});
        let patch = json!([{"op": "test", "path": "/a", "value": 2}, {"op": "remove", "path": "/a"}]);
        assert_eq!(json(&mut object, &patch).unwrap_err().code, 422);
        assert_eq!(object, json!({"a": 1}));
    }
}
