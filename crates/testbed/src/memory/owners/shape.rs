//! What the parts of an object are to a merge: structs and maps field by field, lists by keys, sets by value, and what
//! is replaced as a whole. Read from the schema of a definition, or from a table for the built-in kinds.

use super::element::Element;
use serde_json::Value;
use std::collections::BTreeMap;

/// How two values of a part become one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::memory) enum Join {
    /// An object field by field, a list as a whole: what holds where nothing else is said.
    #[default]
    Plain,
    /// An object whose keys are data.
    Map,
    /// As a whole.
    Atomic,
    /// A list item by item, each known by these keys.
    List(Vec<String>),
    /// A list of values, each once.
    Set,
}

/// A part and the parts in it that are not plain.
#[derive(Debug, Clone, Default)]
pub(in crate::memory) struct Shape {
    pub(super) join: Join,
    /// The items, where it is a list.
    pub(super) items: Join,
    inside: BTreeMap<String, Self>,
}

/// What stands for every key of a map.
const ANY: &str = "*";

static PLAIN: Shape = Shape {
    join: Join::Plain,
    items: Join::Plain,
    inside: BTreeMap::new(),
};

/// Lists and maps of the metadata of every object.
const METADATA: &[(&str, &str)] = &[
    ("metadata.annotations", "map"),
    ("metadata.labels", "map"),
    ("metadata.ownerReferences", "uid atomic"),
    ("metadata.finalizers", "set"),
];

impl Shape {
    /// A built-in kind: paths with `map`, `atomic`, `set` or the keys of a list, separated by commas, with `atomic`
    /// after them where an item is replaced as a whole.
    pub(in crate::memory) fn of_table(table: &[(&str, &str)]) -> Self {
        let mut shape = Self::default();
        for (path, what) in METADATA.iter().chain(table) {
            shape.set(path, what);
        }
        shape
    }

    /// The same table below a path.
    pub(in crate::memory) fn with(mut self, below: &str, table: &[(&str, &str)]) -> Self {
        for (path, what) in table {
            self.set(&format!("{below}{path}"), what);
        }
        self
    }

    fn set(&mut self, path: &str, what: &str) {
        let mut at = self;
        for name in path.split('.') {
            at = at.inside.entry(name.to_owned()).or_default();
        }
        let (what, items) = what.split_once(' ').unwrap_or((what, ""));
        if items == "atomic" {
            at.items = Join::Atomic;
        }
        at.join = match what {
            "map" => Join::Map,
            "atomic" => Join::Atomic,
            "set" => Join::Set,
            keys => list_by(keys.split(',')),
        };
    }

    /// The kind of a definition, from its OpenAPI schema.
    pub(in crate::memory) fn of_schema(schema: &Value) -> Self {
        let mut shape = Self::schema(schema);
        for (path, what) in METADATA {
            shape.set(path, what);
        }
        shape
    }

    fn schema(schema: &Value) -> Self {
        let mut shape = Self::default();
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            shape.inside.insert(name.clone(), Self::schema(field));
        }
        if let Some(value) = schema
            .get("additionalProperties")
            .filter(|value| value.is_object())
        {
            shape.join = Join::Map;
            shape.inside.insert(ANY.to_owned(), Self::schema(value));
        }
        if schema["type"] == "array" {
            shape = Self::schema(&schema["items"]);
            shape.items = std::mem::take(&mut shape.join);
            shape.join = match schema["x-kubernetes-list-type"].as_str() {
                Some("map") => {
                    let keys = schema["x-kubernetes-list-map-keys"].as_array();
                    list_by(keys.into_iter().flatten().filter_map(Value::as_str))
                }
                Some("set") => Join::Set,
                _ => Join::Atomic,
            };
        }
        if schema["x-kubernetes-map-type"] == "atomic" {
            shape.join = Join::Atomic;
        }
        shape
    }

    pub(super) fn child(&self, element: &Element) -> &Self {
        match element {
            Element::Field(name) => self
                .inside
                .get(name)
                .or_else(|| self.inside.get(ANY))
                .unwrap_or(&PLAIN),
            // Its items have the fields that are recorded with the list.
            Element::Key(_) | Element::Value(_) => self,
        }
    }

    /// A part by its name: how patches find the keys of its list.
    pub(in crate::memory) fn field(&self, name: &str) -> &Self {
        self.inside
            .get(name)
            .or_else(|| self.inside.get(ANY))
            .unwrap_or(&PLAIN)
    }

    /// The keys by which items of the list are known.
    pub(in crate::memory) fn keys(&self) -> Option<&[String]> {
        match &self.join {
            Join::List(keys) => Some(keys),
            _ => None,
        }
    }

    /// Whether the names in an object of this part are those of a type. Items of lists are structs.
    pub(super) fn is_struct(&self) -> bool {
        self.join != Join::Map
    }

    /// What is known of an item of the list.
    pub(super) fn element(&self, item: &Value) -> Option<Element> {
        match &self.join {
            Join::List(keys) => {
                let mut found: Vec<(String, String)> = Vec::new();
                for key in keys {
                    // A port without a protocol is a TCP port.
                    let default = || (key == "protocol").then(|| Value::from("TCP"));
                    found.push((key.clone(), item.get(key).cloned().or_else(default)?.to_string()));
                }
                found.sort();
                Some(Element::Key(found))
            }
            Join::Set => Some(Element::Value(item.to_string())),
            _ => None,
        }
    }
}

fn list_by<'a>(keys: impl Iterator<Item = &'a str>) -> Join {
    Join::List(keys.map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_schema_says_how_its_lists_and_maps_are_joined() {
        let shape = Shape::of_schema(
            &json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
                "rows": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                    "items": {"type": "object", "properties": {"tags": {"type": "array", "x-kubernetes-list-type": "set",
                        "items": {"type": "string"}}}}},
                "words": {"type": "object", "additionalProperties": {"type": "string"}},
                "plain": {"type": "array", "items": {"type": "string"}},
            }}}}),
        );
        let spec = shape.field("spec");
        assert_eq!(spec.field("rows").keys(), Some(&["name".to_owned()][..]));
        assert_eq!(spec.field("rows").field("tags").join, Join::Set);
        assert_eq!(spec.field("words").join, Join::Map);
        assert_eq!(spec.field("plain").join, Join::Atomic);
        assert_eq!(shape.field("metadata").field("labels").join, Join::Map);
    }
}
