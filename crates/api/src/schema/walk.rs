//! Walking a structural schema: every node with its path, and one node by its path.

use super::error::SchemaError;
use serde_json::Value;

/// A node of a schema.
#[derive(Debug, Clone, Copy)]
pub struct Node<'a> {
    /// Its schema.
    pub schema: &'a Value,
    /// Whether it is an element of a list or map, not a field.
    pub element: bool,
}

/// Calls `visit` with the path (`spec.egress.excludeSnatCidrs[]`) of every node below the schema.
pub fn walk<'a>(schema: &'a Value, path: &str, visit: &mut dyn FnMut(&str, Node<'a>)) {
    if let Some(properties) = schema["properties"].as_object() {
        for (name, schema) in properties {
            let path = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            visit(
                &path,
                Node {
                    schema,
                    element: false,
                },
            );
            walk(schema, &path, visit);
        }
    }
    for (keyword, mark) in [("items", "[]"), ("additionalProperties", "{}")] {
        if schema[keyword].is_object() {
            let path = format!("{path}{mark}");
            let element = &schema[keyword];
            visit(
                &path,
                Node {
                    schema: element,
                    element: true,
                },
            );
            walk(element, &path, visit);
        }
    }
}

/// The node at a path from the root, `[]` after a list for its elements.
pub(crate) fn find<'a>(
    root: &'a mut Value,
    path: &str,
    wanted_by: &str,
) -> Result<&'a mut Value, SchemaError> {
    let missing = || SchemaError::NoSuchField {
        path: path.to_owned(),
        wanted_by: wanted_by.to_owned(),
    };
    let mut node = root;
    for step in path.split('.').filter(|step| !step.is_empty()) {
        let name = step.trim_end_matches("[]");
        node = node["properties"].get_mut(name).ok_or_else(missing)?;
        if step.ends_with("[]") {
            node = node.get_mut("items").ok_or_else(missing)?;
        }
    }
    Ok(node)
}
