//! CEL literals made from the table: which names have a field, and which are set by one.

use vpccni_core::config::{Field, Key, Kind, Place};

/// A CEL string.
pub(crate) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// A CEL list of strings.
pub(crate) fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(quote).collect();
    format!("[{}]", words.join(","))
}

fn rows(place: Place) -> impl Iterator<Item = &'static Field> {
    Key::all().map(Key::field).filter(move |row| row.place == place)
}

/// The names of a container that have a field: a CEL map from the name to the field's path.
pub(crate) fn fields_by_name(place: Place) -> String {
    let entries: Vec<String> = rows(place)
        .filter(|row| !row.path.is_empty())
        .map(|row| format!("{}:{}", quote(row.name), quote(row.path)))
        .collect();
    format!("{{{}}}", entries.join(","))
}

/// The names of a container that no policy sets: they go with the image, are filled in by Kubernetes, or are not read.
pub(crate) fn without_field(place: Place) -> Option<String> {
    let names: Vec<&str> = rows(place)
        .filter(|row| row.path.is_empty())
        .map(|row| row.name)
        .collect();
    (!names.is_empty()).then(|| list(names))
}

/// The flags and ConfigMap keys, as `unset` spells them.
pub(crate) fn flags_and_keys() -> String {
    let names: Vec<String> = Key::all()
        .filter(|key| matches!(key.field().place, Place::NodeAgent | Place::ConfigMap))
        .map(|key| key.to_string())
        .collect();
    list(names.iter().map(String::as_str))
}

/// What Kubernetes fills in, as `unset` spells it: without it aws-node does not start.
pub(crate) fn filled_in() -> String {
    let names: Vec<String> = Key::all()
        .filter(|key| key.field().kind == Kind::FieldRef)
        .map(|key| key.to_string())
        .collect();
    list(names.iter().map(String::as_str))
}

/// The rows that a field sets.
pub(crate) fn settable() -> impl Iterator<Item = &'static Field> {
    Key::all().map(Key::field).filter(|row| !row.path.is_empty())
}
