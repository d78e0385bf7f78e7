//! JSON schema as far as the schemas of the add-ons use it, with the messages of the validator that EKS runs (networknt's,
//! recognised by its text in errors that EKS users report). A library would bring twenty crates and other texts.

use serde_json::{Map, Value};

/// What is understood. `format` is an annotation in draft 6, as EKS treats it: the "boolean" of an `env` key is text.
#[cfg(test)]
const KEYWORDS: [&str; 17] = [
    "$ref",
    "$schema",
    "additionalProperties",
    "anyOf",
    "default",
    "definitions",
    "description",
    "enum",
    "format",
    "items",
    "maximum",
    "minProperties",
    "minimum",
    "not",
    "pattern",
    "properties",
    "required",
];

/// Every violation in words; none means that the document is valid.
pub(super) fn violations(schema: &Value, document: &Value) -> Vec<String> {
    let mut check = Check {
        root: schema,
        found: Vec::new(),
    };
    check.value(schema, document, "$");
    check.found
}

struct Check<'a> {
    root: &'a Value,
    found: Vec<String>,
}

impl Check<'_> {
    fn value(&mut self, schema: &Value, value: &Value, path: &str) {
        let Some(schema) = schema.as_object() else {
            return;
        };
        // Beside a reference draft 6 ignores all else.
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let root = self.root;
            if let Some(target) = reference
                .strip_prefix('#')
                .and_then(|pointer| root.pointer(pointer))
            {
                self.value(target, value, path);
            }
            return;
        }
        self.kind(schema, value, path);
        self.choice(schema, value, path);
        match value {
            Value::Object(members) => self.object(schema, members, path),
            Value::Array(items) => {
                if let Some(of) = schema.get("items") {
                    for (index, item) in items.iter().enumerate() {
                        self.value(of, item, &format!("{path}[{index}]"));
                    }
                }
            }
            Value::Number(number) => self.number(schema, number.as_f64().unwrap_or_default(), path),
            Value::String(text) => self.text(schema, text, path),
            Value::Bool(_) | Value::Null => {}
        }
    }

    fn kind(&mut self, schema: &Map<String, Value>, value: &Value, path: &str) {
        let Some(wanted) = schema.get("type") else {
            return;
        };
        let kinds: Vec<&str> = match wanted {
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            kind => kind.as_str().into_iter().collect(),
        };
        let found = kind_of(value);
        let fits = kinds
            .iter()
            .any(|kind| *kind == found || (*kind == "number" && found == "integer"));
        if !fits {
            let wanted = match kinds.as_slice() {
                [kind] => (*kind).to_owned(),
                kinds => format!("[{}]", kinds.join(", ")),
            };
            self.found
                .push(format!("{path}: {found} found, {wanted} expected"));
        }
    }

    fn choice(&mut self, schema: &Map<String, Value>, value: &Value, path: &str) {
        if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
            && !allowed.contains(value)
        {
            let allowed: Vec<String> = allowed.iter().map(plain).collect();
            self.found.push(format!(
                "{path}: does not have a value in the enumeration [{}]",
                allowed.join(", ")
            ));
        }
        if let Some(ways) = schema.get("anyOf").and_then(Value::as_array) {
            let tried: Vec<Vec<String>> = ways.iter().map(|way| self.under(way, value, path)).collect();
            if tried.iter().all(|found| !found.is_empty()) {
                self.found.extend(tried.into_iter().flatten());
            }
        }
        if let Some(forbidden) = schema.get("not")
            && self.under(forbidden, value, path).is_empty()
        {
            self.found
                .push(format!("{path}: should not be valid to the schema {forbidden}"));
        }
    }

    /// The violations of one schema alone.
    fn under(&self, schema: &Value, value: &Value, path: &str) -> Vec<String> {
        let mut check = Check {
            root: self.root,
            found: Vec::new(),
        };
        check.value(schema, value, path);
        check.found
    }

    fn object(&mut self, schema: &Map<String, Value>, members: &Map<String, Value>, path: &str) {
        let known = schema.get("properties").and_then(Value::as_object);
        for (name, value) in members {
            let inside = format!("{path}.{name}");
            match known.and_then(|known| known.get(name)) {
                Some(schema) => self.value(schema, value, &inside),
                None => match schema.get("additionalProperties") {
                    Some(Value::Bool(false)) => self.found.push(format!(
                        "{inside}: is not defined in the schema and the schema does not allow additional properties"
                    )),
                    Some(schema) => self.value(schema, value, &inside),
                    None => {}
                },
            }
        }
        let required = schema.get("required").and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            if !members.contains_key(name) {
                self.found
                    .push(format!("{path}.{name}: is missing but it is required"));
            }
        }
        if let Some(least) = schema.get("minProperties").and_then(Value::as_u64)
            && (members.len() as u64) < least
        {
            self.found
                .push(format!("{path}: should have a minimum of {least} properties"));
        }
    }

    fn number(&mut self, schema: &Map<String, Value>, number: f64, path: &str) {
        if let Some(least) = schema.get("minimum").filter(|l| l.as_f64() > Some(number)) {
            self.found
                .push(format!("{path}: must have a minimum value of {least}"));
        }
        if let Some(most) = schema
            .get("maximum")
            .filter(|m| m.as_f64().is_some_and(|most| most < number))
        {
            self.found
                .push(format!("{path}: must have a maximum value of {most}"));
        }
    }

    fn text(&mut self, schema: &Map<String, Value>, text: &str, path: &str) {
        let pattern = schema.get("pattern").and_then(Value::as_str);
        if let Some(pattern) = pattern
            && !regex_lite::Regex::new(pattern).is_ok_and(|regex| regex.is_match(text))
        {
            self.found
                .push(format!("{path}: does not match the regex pattern {pattern}"));
        }
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The keywords of a schema and of all that is inside it.
    fn keywords(schema: &Value, found: &mut Vec<String>) {
        for (keyword, value) in schema.as_object().into_iter().flatten() {
            found.push(keyword.clone());
            match (keyword.as_str(), value) {
                ("properties" | "definitions", Value::Object(inside)) => {
                    inside.values().for_each(|schema| keywords(schema, found));
                }
                ("anyOf", Value::Array(inside)) => inside.iter().for_each(|schema| keywords(schema, found)),
                ("items" | "not" | "additionalProperties", inside) => keywords(inside, found),
                _ => {}
            }
        }
    }

    #[test]
    fn the_stored_schemas_use_nothing_that_is_not_understood() {
        for text in crate::world::configuration::STORED.map(|(_, _, text)| text) {
            let schema: Value = serde_json::from_str(text).unwrap();
            let mut found = Vec::new();
            keywords(&schema, &mut found);
            assert!(found.len() > 10);
            for keyword in found {
                let known =
                    KEYWORDS.contains(&keyword.as_str()) || matches!(keyword.as_str(), "type" | "title");
                assert!(known, "the validator does not know {keyword}");
            }
        }
    }

    #[test]
    fn each_keyword_refuses_in_its_own_words() {
        let schema = json!({
            "$ref": "#/definitions/Root",
            "definitions": {"Root": {
                "type": "object",
                "additionalProperties": false,
                "required": ["size"],
                "minProperties": 1,
                "properties": {
                    "size": {"type": "integer", "minimum": 2, "maximum": 9},
                    "mode": {"enum": ["a", "b"]},
                    "labels": {"type": ["object", "null"], "additionalProperties": {"not": {"type": ["array"]}}},
                    "budget": {"anyOf": [{"type": "string", "pattern": ".*%$"}, {"type": "integer"}]},
                    "list": {"items": {"type": "string"}},
                }
            }}
        });
        let found = |document: Value| violations(&schema, &document);
        assert_eq!(
            found(json!({"size": 2, "mode": "a", "labels": null, "budget": "5%", "list": ["x"]})),
            [""; 0]
        );
        for (document, message) in [
            (json!({"size": 1}), "$.size: must have a minimum value of 2"),
            (json!({"size": 10}), "$.size: must have a maximum value of 9"),
            (json!({"size": "2"}), "$.size: string found, integer expected"),
            (json!({"size": 2.5}), "$.size: number found, integer expected"),
            (
                json!({"size": 2, "x": 1}),
                "$.x: is not defined in the schema and the schema does not allow additional properties",
            ),
            (
                json!({"size": 2, "mode": "c"}),
                "$.mode: does not have a value in the enumeration [a, b]",
            ),
            (
                json!({"size": 2, "labels": 1}),
                "$.labels: integer found, [object, null] expected",
            ),
            (
                json!({"size": 2, "labels": {"a": []}}),
                r#"$.labels.a: should not be valid to the schema {"type":["array"]}"#,
            ),
            (
                json!({"size": 2, "list": ["a", 1]}),
                "$.list[1]: integer found, string expected",
            ),
            (json!({"mode": "a"}), "$.size: is missing but it is required"),
        ] {
            assert_eq!(found(document), [message]);
        }
        assert_eq!(found(json!({})).len(), 2, "required and minProperties");
        assert_eq!(found(json!({"size": 2, "budget": "5"})).len(), 2, "neither way");
    }
}
