//! The objects, their versions, and everything that ever happened to them: lists read the one, watches the other. It
//! knows nothing of requests.

use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) kind: usize,
    pub(super) namespace: String,
    pub(super) name: String,
}

/// A version of an object; none after it is gone.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) version: u64,
    pub(super) key: Key,
    pub(super) before: Option<Arc<Value>>,
    pub(super) after: Option<Arc<Value>>,
    /// What watches show: after a deletion the last state, with the version of the deletion.
    pub(super) shown: Arc<Value>,
}

/// All objects.
#[derive(Debug, Default)]
pub(super) struct Store {
    objects: BTreeMap<Key, Arc<Value>>,
    log: Vec<Change>,
    version: u64,
    oldest: u64,
    made: u64,
}

impl Store {
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// The oldest version that a watch or a page may start from.
    pub(super) fn oldest(&self) -> u64 {
        self.oldest
    }

    /// Forgets the past, as a compaction of etcd does; it stays in the log for tests.
    pub(super) fn compact(&mut self) {
        self.oldest = self.version;
    }

    pub(super) fn get(&self, key: &Key) -> Option<Arc<Value>> {
        self.objects.get(key).cloned()
    }

    /// A name for the next object, unlike all before.
    pub(super) fn next_uid(&mut self) -> String {
        self.made += 1;
        format!("00000000-0000-4000-8000-{:012}", self.made)
    }

    /// Writes an object with a new version.
    pub(super) fn put(&mut self, key: Key, mut object: Value) -> Arc<Value> {
        self.version += 1;
        object["metadata"]["resourceVersion"] = Value::from(self.version.to_string());
        let after = Arc::new(object);
        let before = self.objects.insert(key.clone(), after.clone());
        self.log.push(Change {
            version: self.version,
            key,
            before,
            after: Some(after.clone()),
            shown: after.clone(),
        });
        after
    }

    /// Takes an object away; its last state, if it was there.
    pub(super) fn remove(&mut self, key: &Key) -> Option<Arc<Value>> {
        let before = self.objects.remove(key)?;
        self.version += 1;
        let mut last = (*before).clone();
        last["metadata"]["resourceVersion"] = Value::from(self.version.to_string());
        let shown = Arc::new(last);
        self.log.push(Change {
            version: self.version,
            key: key.clone(),
            before: Some(before),
            after: None,
            shown: shown.clone(),
        });
        Some(shown)
    }

    /// The objects of a kind as they were at a version, in the order of their names.
    pub(super) fn at(&self, kind: usize, version: u64) -> Vec<Arc<Value>> {
        if version >= self.version {
            let all = self.objects.iter().filter(|(key, _)| key.kind == kind);
            return all.map(|(_, object)| object.clone()).collect();
        }
        let mut then: BTreeMap<&Key, &Arc<Value>> = BTreeMap::new();
        for change in self
            .log
            .iter()
            .take_while(|change| change.version <= version)
            .filter(|change| change.key.kind == kind)
        {
            match &change.after {
                Some(object) => then.insert(&change.key, object),
                None => then.remove(&change.key),
            };
        }
        then.into_values().cloned().collect()
    }

    /// What happened to a kind after one version, up to another.
    pub(super) fn between(&self, kind: usize, after: u64, up_to: u64) -> impl Iterator<Item = &Change> {
        let start = self.log.partition_point(|change| change.version <= after);
        self.log[start..]
            .iter()
            .take_while(move |change| change.version <= up_to)
            .filter(move |change| change.key.kind == kind)
    }

    /// Everything that ever happened.
    pub(super) fn log(&self) -> &[Change] {
        &self.log
    }

    /// Every object that this one owns.
    pub(super) fn owned_by(&self, uid: &str) -> Vec<Key> {
        let owns = |object: &Value| {
            let owners = object["metadata"]["ownerReferences"].as_array();
            owners.into_iter().flatten().any(|owner| owner["uid"] == uid)
        };
        let all = self.objects.iter().filter(|(_, object)| owns(object));
        all.map(|(key, _)| key.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_past_can_be_read() {
        let key = |name: &str| Key {
            kind: 0,
            namespace: String::new(),
            name: name.to_owned(),
        };
        let mut store = Store::default();
        store.put(key("a"), json!({"value": 1}));
        store.put(key("b"), json!({"value": 2}));
        store.remove(&key("a"));
        let values = |version| -> Vec<Value> {
            store
                .at(0, version)
                .iter()
                .map(|object| object["value"].clone())
                .collect()
        };
        assert_eq!(
            [values(1), values(2), values(3)],
            [vec![json!(1)], vec![json!(1), json!(2)], vec![json!(2)]]
        );
        let gone = store.between(0, 2, 3).next().unwrap();
        assert_eq!(gone.shown["metadata"]["resourceVersion"], "3");
        assert!(gone.after.is_none());
    }
}
