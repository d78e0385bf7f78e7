//! Sets of fields of an object, as `metadata.managedFields` records them, and their wire form `fieldsV1`.

use super::element::Element;
use super::shape::Shape;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A set of paths, as a tree.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::memory) struct Fields(BTreeMap<Element, Node>);

#[derive(Debug, Clone, Default, PartialEq)]
struct Node {
    member: bool,
    below: Fields,
}

impl Fields {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the part itself, not only something in it, is in the set.
    pub(super) fn has(&self, element: &Element) -> bool {
        self.0.get(element).is_some_and(|node| node.member)
    }

    /// What is in the set below a part.
    pub(super) fn below(&self, element: &Element) -> Option<&Self> {
        self.0
            .get(element)
            .map(|node| &node.below)
            .filter(|below| !below.is_empty())
    }

    pub(super) fn insert(&mut self, path: &[Element]) {
        let Some((first, rest)) = path.split_first() else {
            return;
        };
        let node = self.0.entry(first.clone()).or_default();
        if rest.is_empty() {
            node.member = true;
        } else {
            node.below.insert(rest);
        }
    }

    /// Puts a part and what is below it into the set.
    pub(super) fn put(&mut self, element: Element, member: bool, below: Self) {
        if member || !below.is_empty() {
            self.0.insert(element, Node { member, below });
        }
    }

    pub(super) fn union(mut self, other: &Self) -> Self {
        for (element, theirs) in &other.0 {
            let node = self.0.entry(element.clone()).or_default();
            node.member |= theirs.member;
            node.below = std::mem::take(&mut node.below).union(&theirs.below);
        }
        self
    }

    pub(super) fn difference(&self, other: &Self) -> Self {
        self.zip(other, |ours, theirs| ours && !theirs)
    }

    pub(super) fn intersection(&self, other: &Self) -> Self {
        self.zip(other, |ours, theirs| ours && theirs)
    }

    fn zip(&self, other: &Self, keep: fn(bool, bool) -> bool) -> Self {
        let mut result = Self::default();
        let nothing = Node::default();
        for (element, ours) in &self.0 {
            let theirs = other.0.get(element).unwrap_or(&nothing);
            let below = ours.below.zip(&theirs.below, keep);
            result.put(element.clone(), keep(ours.member, theirs.member), below);
        }
        result
    }

    /// Only what is below this field of the object, or only what is not.
    pub(super) fn split(mut self, field: &str, inside: bool) -> Self {
        self.0
            .retain(|element, _| matches!(element, Element::Field(name) if name == field) == inside);
        self
    }

    /// Also the structs that fields in the set are in: they go and stay with their fields.
    pub(super) fn with_structs(&self, shape: &Shape) -> Self {
        let mut result = Self::default();
        for (element, node) in &self.0 {
            let named = matches!(element, Element::Field(_)) && shape.is_struct();
            let below = node.below.with_structs(shape.child(element));
            let member = node.member || (named && !node.below.is_empty());
            result.put(element.clone(), member, below);
        }
        result
    }

    /// Without what nobody owns: identity and bookkeeping.
    pub(super) fn stripped(mut self) -> Self {
        for name in ["apiVersion", "kind"] {
            self.0.remove(&Element::Field(name.to_owned()));
        }
        let metadata = Element::Field("metadata".to_owned());
        if let Some(mut node) = self.0.remove(&metadata) {
            for name in BOOKKEEPING {
                node.below.0.remove(&Element::Field((*name).to_owned()));
            }
            self.put(metadata, false, node.below);
        }
        self
    }

    /// Every path, as messages name it.
    pub(super) fn paths(&self) -> Vec<String> {
        let mut all = Vec::new();
        for (element, node) in &self.0 {
            if node.member {
                all.push(element.to_string());
            }
            all.extend(
                node.below
                    .paths()
                    .into_iter()
                    .map(|path| format!("{element}{path}")),
            );
        }
        all
    }

    pub(super) fn encode(&self) -> Value {
        let mut map = Map::new();
        for (element, node) in &self.0 {
            let mut value = node.below.encode();
            if node.member
                && !node.below.is_empty()
                && let Some(object) = value.as_object_mut()
            {
                object.insert(".".to_owned(), json!({}));
            }
            map.insert(element.encode(), value);
        }
        Value::Object(map)
    }

    pub(super) fn decode(value: &Value) -> Self {
        let mut fields = Self::default();
        for (key, inside) in value.as_object().into_iter().flatten() {
            let Some(element) = Element::decode(key) else {
                continue;
            };
            let leaf = inside.as_object().is_none_or(Map::is_empty);
            let member = leaf || inside.get(".").is_some();
            fields.put(element, member, Self::decode(inside));
        }
        fields
    }
}

/// Fields of the metadata that the server keeps itself.
const BOOKKEEPING: &[&str] = &[
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "clusterName",
    "generation",
    "managedFields",
    "resourceVersion",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_form_is_read_as_it_is_written() {
        let wire = json!({"f:spec": {"f:containers": {
            "k:{\"name\":\"aws-node\"}": {".": {}, "f:image": {}},
            "v:\"x\"": {},
        }}});
        let fields = Fields::decode(&wire);
        assert_eq!(fields.encode(), wire);
        assert_eq!(
            fields.paths(),
            [
                ".spec.containers[name=\"aws-node\"]",
                ".spec.containers[name=\"aws-node\"].image",
                ".spec.containers[=\"x\"]"
            ]
        );
    }

    #[test]
    fn bookkeeping_is_nobodys() {
        let wire =
            json!({"f:kind": {}, "f:metadata": {".": {}, "f:uid": {}, "f:labels": {".": {}, "f:a": {}}}});
        let stripped = Fields::decode(&wire).stripped();
        assert_eq!(
            stripped.encode(),
            json!({"f:metadata": {"f:labels": {".": {}, "f:a": {}}}})
        );
    }
}
