//! Who owns which field: `metadata.managedFields` after an update and after a server-side apply, as the API server
//! keeps it. It decides conflicts and what an apply that no longer names a field takes away.

mod element;
mod fields;
mod merge;
mod shape;

pub(super) use shape::Shape;

use fields::Fields;
use merge::{Comparison, field_set, merge, remove};
use serde_json::{Value, json};

/// Who writes, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manager {
    /// The name.
    pub(super) name: String,
    /// Server-side apply; an update otherwise.
    pub(super) applies: bool,
    /// The version of the API that was used.
    pub(super) version: String,
    /// `status` where the subresource is written.
    pub(super) subresource: String,
}

impl Manager {
    /// Whether an entry is this manager's: appliers are known without the version.
    fn is(&self, other: &Self) -> bool {
        self.name == other.name
            && self.applies == other.applies
            && self.subresource == other.subresource
            && (self.applies || self.version == other.version)
    }

    fn described(&self) -> String {
        let mut text = format!("\"{}\"", self.name);
        if !self.subresource.is_empty() {
            text.extend([" with subresource \"", self.subresource.as_str(), "\""]);
        }
        if !self.applies {
            text.extend([" using ", self.version.as_str()]);
        }
        text
    }

    /// The fields that a write through this subresource is about.
    fn about(&self, fields: Fields) -> Fields {
        fields.split("status", self.subresource == "status")
    }
}

/// A field that another manager owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conflict {
    /// Whose it is, in words.
    pub(super) manager: String,
    /// Which it is.
    pub(super) field: String,
}

#[derive(Debug, Clone)]
struct Entry {
    manager: Manager,
    time: Option<String>,
    fields: Fields,
}

/// All entries of an object.
#[derive(Debug, Clone, Default)]
struct Entries(Vec<Entry>);

impl Entries {
    fn of(object: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let entries = object["metadata"]["managedFields"]
            .as_array()
            .into_iter()
            .flatten();
        let one = |entry: &Value| Entry {
            manager: Manager {
                name: text(&entry["manager"]),
                applies: entry["operation"] == "Apply",
                version: text(&entry["apiVersion"]),
                subresource: text(&entry["subresource"]),
            },
            time: entry["time"].as_str().map(str::to_owned),
            fields: Fields::decode(&entry["fieldsV1"]),
        };
        Self(entries.map(one).collect())
    }

    fn write_to(mut self, object: &mut Value) {
        for entry in &mut self.0 {
            entry.fields = std::mem::take(&mut entry.fields).stripped();
        }
        self.0.retain(|entry| !entry.fields.is_empty());
        let key = |entry: &Entry| {
            let manager = &entry.manager;
            let (name, version) = (manager.name.clone(), manager.version.clone());
            (
                !manager.applies,
                entry.time.clone(),
                name,
                version,
                manager.subresource.clone(),
            )
        };
        self.0.sort_by_key(key);
        let one = |entry: &Entry| {
            let operation = if entry.manager.applies { "Apply" } else { "Update" };
            let mut value = json!({
                "manager": entry.manager.name, "operation": operation, "apiVersion": entry.manager.version,
                "time": entry.time, "fieldsType": "FieldsV1", "fieldsV1": entry.fields.encode(),
            });
            if !entry.manager.subresource.is_empty() {
                value["subresource"] = json!(entry.manager.subresource);
            }
            value
        };
        let all: Vec<Value> = self.0.iter().map(one).collect();
        if all.is_empty() {
            without_entries(object);
        } else {
            object["metadata"]["managedFields"] = Value::Array(all);
        }
    }

    fn place(&self, manager: &Manager) -> Option<usize> {
        self.0.iter().position(|entry| entry.manager.is(manager))
    }

    /// What the others own of what changed.
    fn conflicts(&self, changed: &Fields, but: Option<&Manager>) -> Vec<(usize, Fields)> {
        let others = self
            .0
            .iter()
            .enumerate()
            .filter(|(_, entry)| but.is_none_or(|manager| !entry.manager.is(manager)));
        others
            .map(|(place, entry)| (place, entry.fields.intersection(changed)))
            .filter(|(_, taken)| !taken.is_empty())
            .collect()
    }

    /// Others lose what was taken from them, and everybody else what is no longer there.
    fn take(&mut self, taken: &[(usize, Fields)], removed: &Fields, but: Option<&Manager>) {
        for (place, fields) in taken {
            let entry = &mut self.0[*place];
            entry.fields = entry.fields.difference(fields);
        }
        for entry in &mut self.0 {
            if but.is_none_or(|manager| !entry.manager.is(manager)) {
                entry.fields = entry.fields.difference(removed);
            }
        }
    }
}

fn without_entries(object: &mut Value) {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
}

fn bare(object: &Value) -> Value {
    let mut object = object.clone();
    without_entries(&mut object);
    object
}

/// Records an update from one object to another.
pub(super) fn update(live: &Value, new: &mut Value, manager: &Manager, shape: &Shape, now: &str) {
    let mut entries = Entries::of(live);
    let found = Comparison::between(&bare(live), &bare(new), shape);
    let [added, modified, removed] =
        [found.added, found.modified, found.removed].map(|fields| manager.about(fields));
    let changed = added.union(&modified);
    let taken = entries.conflicts(&changed, None);
    entries.take(&taken, &removed, None);
    let changed = changed.stripped();
    if !changed.is_empty() {
        match entries.place(manager) {
            Some(place) => {
                let entry = &mut entries.0[place];
                entry.fields = std::mem::take(&mut entry.fields).union(&changed);
                entry.time = Some(now.to_owned());
            }
            None => entries.0.push(Entry {
                manager: manager.clone(),
                time: Some(now.to_owned()),
                fields: changed,
            }),
        }
    }
    entries.write_to(new);
}

/// The object after a server-side apply, or what stands in its way.
pub(super) fn apply(
    live: &Value,
    config: &Value,
    manager: &Manager,
    force: bool,
    shape: &Shape,
    now: &str,
) -> Result<Value, Vec<Conflict>> {
    let mut entries = Entries::of(live);
    let live = bare(live);
    let merged = merge(&live, config, shape);
    let set = manager.about(field_set(config, shape));
    let place = entries.place(manager);
    let last = place.map(|place| entries.0[place].fields.clone());
    let place = place.unwrap_or_else(|| {
        entries.0.push(Entry {
            manager: manager.clone(),
            time: Some(now.to_owned()),
            fields: Fields::default(),
        });
        entries.0.len() - 1
    });
    entries.0[place].fields = set;
    entries.0[place].manager.version.clone_from(&manager.version);
    let mut new = match last {
        Some(last) => prune(&merged, &last, &entries, shape),
        None => merged,
    };
    let found = Comparison::between(&live, &new, shape);
    let [added, modified, removed] =
        [found.added, found.modified, found.removed].map(|fields| manager.about(fields));
    let changed = added.union(&modified);
    let taken = entries.conflicts(&changed, Some(manager));
    if !force && !taken.is_empty() {
        return Err(conflicts(&entries, &taken));
    }
    entries.take(&taken, &removed, Some(manager));
    if new != live {
        entries.0[place].time = Some(now.to_owned());
    }
    entries.write_to(&mut new);
    Ok(new)
}

fn conflicts(entries: &Entries, taken: &[(usize, Fields)]) -> Vec<Conflict> {
    let one = |(place, fields): &(usize, Fields)| {
        let manager = entries.0[*place].manager.described();
        fields
            .paths()
            .into_iter()
            .map(|field| Conflict {
                manager: manager.clone(),
                field,
            })
            .collect::<Vec<_>>()
    };
    taken.iter().flat_map(one).collect()
}

/// What the manager applied before and applies no longer goes, unless somebody else owns it.
fn prune(merged: &Value, last: &Fields, entries: &Entries, shape: &Shape) -> Value {
    let last = last.with_structs(shape);
    let all = field_set(merged, shape).with_structs(shape);
    let owned = entries
        .0
        .iter()
        .fold(Fields::default(), |all, entry| all.union(&entry.fields));
    let kept = |object: &Value| field_set(object, shape).with_structs(shape);
    let pruned = remove(merged, &last, shape);
    let gone = all.difference(&kept(&pruned).union(&owned.with_structs(shape)));
    let pruned = remove(merged, &gone, shape);
    remove(merged, &all.difference(&kept(&pruned)).intersection(&last), shape)
}

#[cfg(test)]
mod tests;
