//! Two objects field by field: which fields one has, where two differ, what both make together, and an object without
//! some of its fields. The rules are those of Kubernetes' structured merge; nothing here knows managers.

use super::element::Element;
use super::fields::Fields;
use super::shape::{Join, Shape};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// A shape at a place: of a list there is the list, and there are its items, which are structs.
#[derive(Clone, Copy)]
struct At<'a> {
    shape: &'a Shape,
    is_item: bool,
}

impl<'a> At<'a> {
    fn top(shape: &'a Shape) -> Self {
        Self {
            shape,
            is_item: false,
        }
    }

    fn join(self) -> &'a Join {
        if self.is_item {
            &self.shape.items
        } else {
            &self.shape.join
        }
    }

    fn field(self, name: &str) -> Self {
        Self::top(self.shape.field(name))
    }

    fn item(self) -> Self {
        Self {
            is_item: true,
            ..self
        }
    }
}

/// What a value is under its shape.
enum Part<'a> {
    /// One value.
    Leaf,
    /// Field by field.
    Object(Option<&'a Map<String, Value>>),
    /// Item by item.
    Items(&'a [Value]),
}

fn part<'a>(at: At<'_>, value: Option<&'a Value>) -> Part<'a> {
    match (at.join(), value) {
        (Join::Map, None | Some(Value::Null)) => Part::Object(None),
        (Join::Plain | Join::Map, Some(Value::Object(map))) => Part::Object(Some(map)),
        (Join::List(_) | Join::Set, None | Some(Value::Null)) => Part::Items(&[]),
        (Join::List(_) | Join::Set, Some(Value::Array(items))) => Part::Items(items),
        _ => Part::Leaf,
    }
}

/// The fields that an object has.
pub(super) fn field_set(value: &Value, shape: &Shape) -> Fields {
    fields_at(value, At::top(shape))
}

fn fields_at(value: &Value, at: At<'_>) -> Fields {
    let mut fields = Fields::default();
    match part(at, Some(value)) {
        Part::Leaf => {}
        Part::Object(map) => {
            let is_map = *at.join() == Join::Map;
            for (name, inside) in map.into_iter().flatten() {
                let child = at.field(name);
                let empty = inside.is_null() || inside.as_object().is_some_and(Map::is_empty);
                let leaf = matches!(part(child, Some(inside)), Part::Leaf);
                let below = fields_at(inside, child);
                fields.put(Element::Field(name.clone()), leaf || empty || is_map, below);
            }
        }
        Part::Items(items) => {
            for item in items {
                if let Some(element) = at.shape.element(item) {
                    fields.put(element, true, fields_at(item, at.item()));
                }
            }
        }
    }
    fields
}

/// Where two objects differ.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub(super) added: Fields,
    pub(super) modified: Fields,
    pub(super) removed: Fields,
}

impl Comparison {
    pub(super) fn between(old: &Value, new: &Value, shape: &Shape) -> Self {
        let mut comparison = Self::default();
        comparison.walk(&mut Vec::new(), Some(old), Some(new), At::top(shape));
        comparison
    }

    fn walk(&mut self, path: &mut Vec<Element>, old: Option<&Value>, new: Option<&Value>, at: At<'_>) {
        if old == new {
            return;
        }
        let is_leaf = match (part(at, old), part(at, new)) {
            (Part::Object(a), Part::Object(b)) => self.objects(path, a, b, at),
            (Part::Leaf, Part::Object(b)) if old.is_none_or(Value::is_null) => {
                self.objects(path, None, b, at)
            }
            (Part::Object(a), Part::Leaf) if new.is_none_or(Value::is_null) => {
                self.objects(path, a, None, at)
            }
            (Part::Items(a), Part::Items(b)) => self.items(path, a, b, at),
            _ => true,
        };
        match (old, new) {
            (None, Some(_)) => self.added.insert(path),
            (Some(_), None) => self.removed.insert(path),
            (Some(_), Some(_)) if is_leaf => self.modified.insert(path),
            _ => {}
        }
    }

    /// Whether both are empty, which makes them one value.
    fn objects(
        &mut self,
        path: &mut Vec<Element>,
        old: Option<&Map<String, Value>>,
        new: Option<&Map<String, Value>>,
        at: At<'_>,
    ) -> bool {
        if old.is_none_or(Map::is_empty) && new.is_none_or(Map::is_empty) {
            return true;
        }
        let names: BTreeSet<&String> = old
            .into_iter()
            .flat_map(Map::keys)
            .chain(new.into_iter().flat_map(Map::keys))
            .collect();
        for name in names {
            let (before, after) = (
                old.and_then(|map| map.get(name)),
                new.and_then(|map| map.get(name)),
            );
            path.push(Element::Field(name.clone()));
            self.walk(path, before, after, at.field(name));
            path.pop();
        }
        false
    }

    fn items(&mut self, path: &mut Vec<Element>, old: &[Value], new: &[Value], at: At<'_>) -> bool {
        if old.is_empty() && new.is_empty() {
            return true;
        }
        let (before, after) = (known(old, at), known(new, at));
        let all: BTreeSet<&Element> = before.keys().chain(after.keys()).collect();
        for element in all {
            path.push(element.clone());
            self.walk(
                path,
                before.get(element).copied(),
                after.get(element).copied(),
                at.item(),
            );
            path.pop();
        }
        false
    }
}

fn known<'a>(items: &'a [Value], at: At<'_>) -> BTreeMap<Element, &'a Value> {
    items
        .iter()
        .filter_map(|item| Some((at.shape.element(item)?, item)))
        .collect()
}

/// A live object with everything that a configuration says.
pub(super) fn merge(live: &Value, config: &Value, shape: &Shape) -> Value {
    merge_at(live, config, At::top(shape))
}

fn merge_at(live: &Value, config: &Value, at: At<'_>) -> Value {
    match (part(at, Some(live)), part(at, Some(config))) {
        (Part::Object(Some(a)), Part::Object(Some(b))) if !(a.is_empty() && b.is_empty()) => {
            let mut result = a.clone();
            for (name, theirs) in b {
                let merged = match a.get(name) {
                    Some(ours) => merge_at(ours, theirs, at.field(name)),
                    None => theirs.clone(),
                };
                result.insert(name.clone(), merged);
            }
            Value::Object(result)
        }
        (Part::Object(Some(a)), _) if config.is_null() && !a.is_empty() => live.clone(),
        (Part::Items(a), Part::Items(b)) if !(a.is_empty() && b.is_empty()) => merge_items(a, b, at),
        _ => config.clone(),
    }
}

/// Items of the configuration come in its order; items that only the live object has keep their place among them.
fn merge_items(live: &[Value], config: &[Value], at: At<'_>) -> Value {
    let of = |items: &[Value]| -> Vec<Option<Element>> {
        items.iter().map(|item| at.shape.element(item)).collect()
    };
    let (left, right) = (of(live), of(config));
    let mut shared = right.iter().filter(|element| left.contains(element));
    let mut next = shared.next();
    let mut merged: Vec<&Option<Element>> = Vec::new();
    let mut result = Vec::new();
    let (mut l, mut r) = (0, 0);
    while l < left.len() || r < right.len() {
        if l < left.len() && r < right.len() {
            if left[l] == right[r] {
                merged.push(&right[r]);
                result.push(merge_at(&live[l], &config[r], at.item()));
                (l, r) = (l + 1, r + 1);
                next = shared.next();
                continue;
            }
            if right.contains(&left[l]) && next.is_some_and(|next| *next != left[l]) {
                l += 1;
                continue;
            }
        }
        if l < left.len() {
            if !right.contains(&left[l]) {
                result.push(live[l].clone());
                l += 1;
                continue;
            }
            if merged.contains(&&left[l]) {
                l += 1;
            }
        }
        if r < right.len() {
            merged.push(&right[r]);
            let ours = left.iter().position(|element| *element == right[r]);
            result.push(match ours {
                Some(place) => merge_at(&live[place], &config[r], at.item()),
                None => config[r].clone(),
            });
            if next == Some(&right[r]) {
                next = shared.next();
            }
            r += 1;
        }
    }
    Value::Array(result)
}

/// An object without these fields. What becomes empty by it becomes null: typed kinds leave it out then, and others
/// are invalid with it.
pub(super) fn remove(value: &Value, gone: &Fields, shape: &Shape) -> Value {
    remove_at(value, gone, At::top(shape))
}

fn remove_at(value: &Value, gone: &Fields, at: At<'_>) -> Value {
    match part(at, Some(value)) {
        Part::Object(Some(map)) => {
            let mut result = Map::new();
            for (name, inside) in map {
                let element = Element::Field(name.clone());
                if gone.has(&element) {
                    continue;
                }
                let kept = match gone.below(&element) {
                    Some(below) => remove_at(inside, below, at.field(name)),
                    None => inside.clone(),
                };
                result.insert(name.clone(), kept);
            }
            if result.is_empty() && !map.is_empty() {
                return Value::Null;
            }
            Value::Object(result)
        }
        Part::Items(items) => {
            let mut result = Vec::new();
            for item in items {
                let element = at.shape.element(item);
                match element.map(|element| (gone.has(&element), gone.below(&element))) {
                    Some((true, _)) => {}
                    Some((false, Some(below))) => result.push(remove_at(item, below, at.item())),
                    _ => result.push(item.clone()),
                }
            }
            if result.is_empty() && !items.is_empty() {
                return Value::Null;
            }
            Value::Array(result)
        }
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shape() -> Shape {
        Shape::of_table(&[("spec.list", "name")])
    }

    fn named(names: &[&str]) -> Value {
        let items: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
        json!({"spec": {"list": items}})
    }

    #[test]
    fn the_order_of_the_configuration_holds_and_others_keep_their_place() {
        let merged = merge(&named(&["a", "b", "c", "d"]), &named(&["d", "x", "b"]), &shape());
        assert_eq!(merged, named(&["a", "c", "d", "x", "b"]));
        let merged = merge(&named(&["a", "b"]), &named(&["b", "z"]), &shape());
        assert_eq!(merged, named(&["a", "b", "z"]));
    }

    #[test]
    fn a_comparison_names_what_came_went_and_changed() {
        let old = json!({"spec": {"list": [{"name": "a", "value": "1"}, {"name": "b"}], "x": [1]}});
        let new = json!({"spec": {"list": [{"name": "a", "value": "2"}, {"name": "c"}], "x": [2]}});
        let found = Comparison::between(&old, &new, &shape());
        assert_eq!(
            found.modified.paths(),
            [".spec.list[name=\"a\"].value", ".spec.x"]
        );
        assert_eq!(
            found.added.paths(),
            [".spec.list[name=\"c\"]", ".spec.list[name=\"c\"].name"]
        );
        assert_eq!(
            found.removed.paths(),
            [".spec.list[name=\"b\"]", ".spec.list[name=\"b\"].name"]
        );
    }
}
