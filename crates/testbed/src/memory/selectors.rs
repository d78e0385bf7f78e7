//! Field and label selectors of lists and watches.

use super::request::Query;
use serde_json::Value;

/// Which objects are wanted.
#[derive(Debug, Clone, Default)]
pub(super) struct Selector {
    namespace: String,
    fields: Vec<Term>,
    labels: Vec<Term>,
}

#[derive(Debug, Clone)]
enum Term {
    Is(String, Vec<String>),
    IsNot(String, Vec<String>),
    Exists(String),
    Absent(String),
}

impl Selector {
    pub(super) fn of(namespace: &str, query: &Query) -> Self {
        let terms = |name| query.get(name).map(terms).unwrap_or_default();
        Self {
            namespace: namespace.to_owned(),
            fields: terms("fieldSelector"),
            labels: terms("labelSelector"),
        }
    }

    pub(super) fn matches(&self, object: &Value) -> bool {
        let metadata = &object["metadata"];
        let field = |path: &str| {
            let pointer = format!("/{}", path.replace('.', "/"));
            let value = object.pointer(&pointer).and_then(Value::as_str);
            // A field that is not there selects like an empty one.
            Some(value.unwrap_or_default())
        };
        let label = |name: &str| metadata["labels"].get(name).and_then(Value::as_str);
        (self.namespace.is_empty() || metadata["namespace"] == self.namespace.as_str())
            && self.fields.iter().all(|term| term.holds(&field))
            && self.labels.iter().all(|term| term.holds(&label))
    }
}

impl Term {
    fn holds<'a>(&self, look: &dyn Fn(&str) -> Option<&'a str>) -> bool {
        let among = |name: &str, values: &[String]| {
            look(name).is_some_and(|seen| values.iter().any(|value| value == seen))
        };
        match self {
            Self::Is(name, values) => among(name, values),
            Self::IsNot(name, values) => !among(name, values),
            Self::Exists(name) => look(name).is_some(),
            Self::Absent(name) => look(name).is_none(),
        }
    }
}

fn terms(text: &str) -> Vec<Term> {
    let mut parts = Vec::new();
    let mut depth = 0;
    let mut start = 0;
    for (place, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..place]);
                start = place + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.into_iter().map(term).collect()
}

fn term(text: &str) -> Term {
    let one = |(name, value): (&str, &str)| (name.trim().to_owned(), vec![value.trim().to_owned()]);
    let list = |(name, values): (&str, &str)| {
        let values = values.trim().trim_matches(['(', ')']).split(',');
        (
            name.trim().to_owned(),
            values.map(|value| value.trim().to_owned()).collect(),
        )
    };
    if let Some(found) = text.split_once("!=").map(one) {
        Term::IsNot(found.0, found.1)
    } else if let Some(found) = text.split_once("==").or_else(|| text.split_once('=')).map(one) {
        Term::Is(found.0, found.1)
    } else if let Some(found) = text.split_once(" notin ").map(list) {
        Term::IsNot(found.0, found.1)
    } else if let Some(found) = text.split_once(" in ").map(list) {
        Term::Is(found.0, found.1)
    } else if let Some(name) = text.trim().strip_prefix('!') {
        Term::Absent(name.to_owned())
    } else {
        Term::Exists(text.trim().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn selectors_select() {
        let object = json!({"metadata": {"name": "a", "labels": {"app": "x", "tier": "1"}}, "spec": {"nodeName": "n"}});
        let select = |fields: &str, labels: &str| {
            Selector {
                namespace: String::new(),
                fields: if fields.is_empty() { vec![] } else { terms(fields) },
                labels: if labels.is_empty() { vec![] } else { terms(labels) },
            }
            .matches(&object)
        };
        for (fields, labels) in [
            ("metadata.name=a", "app=x"),
            ("spec.nodeName!=", "app in (x, y),tier"),
            ("", "app notin (y),!other,tier!=2"),
        ] {
            assert!(select(fields, labels), "{fields} {labels}");
        }
        for (fields, labels) in [
            ("metadata.name=b", ""),
            ("spec.nodeName=", ""),
            ("", "app=y"),
            ("", "!app"),
        ] {
            assert!(!select(fields, labels), "{fields} {labels}");
        }
    }
}
