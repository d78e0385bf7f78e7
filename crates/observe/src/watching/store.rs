//! What is known of the objects of one type, folded from watch events. Only the watch task writes here.

use super::changes::Hub;
use super::{Kind, Presence};
use kube::core::DeserializeGuard;
use kube::runtime::watcher::Event;
use kube::{Resource, ResourceExt};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

/// An object that is there and could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// Its uid, for an Event on it.
    pub uid: Option<String>,
    /// What is wrong with it.
    pub error: String,
}

/// What a store has under a name. An object that cannot be read is not an object that is gone.
#[derive(Debug)]
pub enum Lookup<T> {
    /// It was read.
    Found(Arc<T>),
    /// It is there, and cannot be read.
    Malformed(Malformed),
    /// It is not there.
    Missing,
}

#[derive(Debug)]
struct Objects<T> {
    good: BTreeMap<String, Arc<T>>,
    malformed: BTreeMap<String, Malformed>,
}

impl<T> Default for Objects<T> {
    fn default() -> Self {
        Self {
            good: BTreeMap::new(),
            malformed: BTreeMap::new(),
        }
    }
}

#[derive(Debug)]
struct State<T> {
    objects: Objects<T>,
    /// A list under way: shown only when it is complete.
    incoming: Objects<T>,
    presence: Presence,
    trouble: Option<(Instant, String)>,
}

/// The back-off of a watch is at most 30 s and its connect time-out the same: one that has not failed for two minutes
/// works again, even where nothing happens that would show it.
const TROUBLE_LASTS: Duration = Duration::from_mins(2);

#[derive(Debug)]
struct Shared<T> {
    kind: Kind,
    hub: Hub,
    state: RwLock<State<T>>,
}

/// The compact values of all objects of one type, by name.
#[derive(Debug)]
pub struct Store<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Clone for Store<T> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T> Store<T> {
    pub(crate) fn new(kind: Kind, hub: Hub) -> Self {
        let state = State {
            objects: Objects::default(),
            incoming: Objects::default(),
            presence: Presence::Pending,
            trouble: None,
        };
        Self {
            shared: Arc::new(Shared {
                kind,
                hub,
                state: RwLock::new(state),
            }),
        }
    }

    /// What type it holds.
    pub fn kind(&self) -> Kind {
        self.shared.kind
    }

    /// What is there under the name.
    pub fn lookup(&self, name: &str) -> Lookup<T> {
        let state = self.read();
        match (state.objects.good.get(name), state.objects.malformed.get(name)) {
            (Some(object), _) => Lookup::Found(Arc::clone(object)),
            (None, Some(malformed)) => Lookup::Malformed(malformed.clone()),
            (None, None) => Lookup::Missing,
        }
    }

    /// The object, where it is there and could be read.
    pub fn get(&self, name: &str) -> Option<Arc<T>> {
        self.read().objects.good.get(name).cloned()
    }

    /// All objects that could be read, by name. The values are shared, not copied.
    pub fn all(&self) -> Vec<Arc<T>> {
        self.read().objects.good.values().cloned().collect()
    }

    /// How many objects could be read.
    pub fn len(&self) -> usize {
        self.read().objects.good.len()
    }

    /// Whether no object could be read.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Objects that are there and could not be read, by name.
    pub fn malformed(&self) -> BTreeMap<String, Malformed> {
        self.read().objects.malformed.clone()
    }

    /// Whether the type exists and was listed.
    pub fn presence(&self) -> Presence {
        self.read().presence.clone()
    }

    /// Why the watch does not work at the moment; what is in the store may be old.
    pub fn trouble(&self) -> Option<String> {
        let state = self.read();
        let (since, trouble) = state.trouble.as_ref()?;
        (since.elapsed() < TROUBLE_LASTS).then(|| trouble.clone())
    }

    fn read(&self) -> RwLockReadGuard<'_, State<T>> {
        self.shared.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State<T>> {
        self.shared.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another view is asked for: what is here belongs to the old one.
    pub(crate) fn forget(&self) {
        let mut state = self.write();
        state.objects = Objects::default();
        state.incoming = Objects::default();
        state.presence = Presence::Pending;
    }

    /// Nothing can be listed, and that is an answer: the type is absent, or we may not read it.
    pub(crate) fn settle_without(&self, presence: Presence) {
        let changed = {
            let mut state = self.write();
            let changed = state.presence != presence;
            state.objects = Objects::default();
            state.incoming = Objects::default();
            state.presence = presence;
            state.trouble = None;
            changed
        };
        if changed {
            self.shared.hub.changed(self.shared.kind);
        }
    }

    /// The watch failed and is tried again.
    pub(crate) fn failed(&self, trouble: String) {
        let changed = {
            let mut state = self.write();
            let changed = state.trouble.as_ref().is_none_or(|(_, old)| *old != trouble);
            state.trouble = Some((Instant::now(), trouble));
            changed
        };
        if changed {
            self.shared.hub.changed(self.shared.kind);
        }
    }
}

impl<T: PartialEq> Store<T> {
    /// Takes one event in. Subscribers wake only where a compact value changed: a heartbeat of a node is no news.
    pub(crate) fn fold<K: Resource>(
        &self,
        event: Event<DeserializeGuard<K>>,
        parse: impl Fn(K) -> Result<T, String>,
    ) {
        let changed = {
            let mut state = self.write();
            let recovered = state.trouble.take().is_some();
            let changed = match event {
                Event::Init => {
                    state.incoming = Objects::default();
                    false
                }
                Event::InitApply(object) => {
                    state.incoming.put(object, parse);
                    false
                }
                Event::InitDone => state.show_incoming(),
                Event::Apply(object) => state.objects.put(object, parse),
                Event::Delete(object) => state.objects.remove(&object.name_any()),
            };
            changed || recovered
        };
        if changed {
            self.shared.hub.changed(self.shared.kind);
        }
    }
}

impl<T: PartialEq> State<T> {
    fn show_incoming(&mut self) -> bool {
        let incoming = std::mem::take(&mut self.incoming);
        let changed = self.presence != Presence::Synced
            || self.objects.good != incoming.good
            || self.objects.malformed != incoming.malformed;
        self.objects = incoming;
        self.presence = Presence::Synced;
        changed
    }
}

impl<T: PartialEq> Objects<T> {
    fn put<K: Resource>(
        &mut self,
        object: DeserializeGuard<K>,
        parse: impl Fn(K) -> Result<T, String>,
    ) -> bool {
        let name = object.name_any();
        let uid = object.uid();
        let parsed = object.0.map_err(|invalid| invalid.error).and_then(parse);
        match parsed {
            Ok(value) => {
                let recovered = self.malformed.remove(&name).is_some();
                let same = self.good.get(&name).is_some_and(|old| **old == value);
                if !same {
                    self.good.insert(name, Arc::new(value));
                }
                recovered || !same
            }
            Err(error) => {
                let malformed = Malformed { uid, error };
                let gone = self.good.remove(&name).is_some();
                let same = self.malformed.get(&name) == Some(&malformed);
                self.malformed.insert(name, malformed);
                gone || !same
            }
        }
    }

    fn remove(&mut self, name: &str) -> bool {
        let good = self.good.remove(name).is_some();
        self.malformed.remove(name).is_some() || good
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::json;

    type Guarded = DeserializeGuard<ConfigMap>;

    fn object(name: &str, data: &serde_json::Value) -> Guarded {
        serde_json::from_value(json!({"metadata": {"name": name, "uid": "u-1"}, "data": data})).unwrap()
    }

    fn parse(map: ConfigMap) -> Result<String, String> {
        map.data
            .and_then(|mut data| data.remove("key"))
            .ok_or_else(|| "there is no key".to_owned())
    }

    fn store() -> Store<String> {
        Store::new(Kind::ConfigMap, Hub::default())
    }

    fn list(store: &Store<String>, objects: Vec<Guarded>) {
        store.fold(Event::Init, parse);
        for object in objects {
            store.fold(Event::InitApply(object), parse);
        }
        store.fold(Event::InitDone, parse);
    }

    #[test]
    fn a_list_is_shown_when_it_is_complete_and_drops_what_is_gone() {
        let store = store();
        list(
            &store,
            vec![
                object("a", &json!({"key": "1"})),
                object("b", &json!({"key": "2"})),
            ],
        );
        assert_eq!((store.len(), store.presence()), (2, Presence::Synced));
        store.fold(Event::Init, parse);
        store.fold(Event::InitApply(object("b", &json!({"key": "3"}))), parse);
        assert_eq!(store.get("b").as_deref(), Some(&"2".to_owned()));
        store.fold(Event::InitDone, parse);
        assert_eq!(store.get("a"), None);
        assert_eq!(store.get("b").as_deref(), Some(&"3".to_owned()));
    }

    #[test]
    fn one_malformed_object_is_reported_and_the_rest_goes_on() {
        let store = store();
        list(
            &store,
            vec![
                object("bad", &json!("text")),
                object("empty", &json!({})),
                object("good", &json!({"key": "1"})),
            ],
        );
        assert_eq!(store.all().len(), 1);
        let malformed = store.malformed();
        assert_eq!(malformed.keys().collect::<Vec<_>>(), ["bad", "empty"]);
        assert_eq!(malformed["empty"].error, "there is no key");
        assert_eq!(malformed["bad"].uid.as_deref(), Some("u-1"));
        assert!(matches!(store.lookup("bad"), Lookup::Malformed(_)));
        assert!(matches!(store.lookup("none"), Lookup::Missing));

        store.fold(Event::Apply(object("bad", &json!({"key": "2"}))), parse);
        store.fold(Event::Apply(object("good", &json!("text"))), parse);
        assert!(matches!(store.lookup("bad"), Lookup::Found(_)));
        assert!(matches!(store.lookup("good"), Lookup::Malformed(_)));
        store.fold(Event::Delete(object("good", &json!("text"))), parse);
        assert!(matches!(store.lookup("good"), Lookup::Missing));
    }

    #[tokio::test]
    async fn only_a_changed_value_wakes() {
        let hub = Hub::default();
        let store = Store::new(Kind::ConfigMap, hub.clone());
        let trigger = hub.subscribe(&[Kind::ConfigMap]);
        list(&store, vec![object("a", &json!({"key": "1"}))]);
        assert!(trigger.changed().now_or_never().is_some());
        store.fold(
            Event::Apply(object("a", &json!({"key": "1", "other": "x"}))),
            parse,
        );
        list(&store, vec![object("a", &json!({"key": "1"}))]);
        assert!(trigger.changed().now_or_never().is_none());
        store.fold(Event::Apply(object("a", &json!({"key": "2"}))), parse);
        assert!(trigger.changed().now_or_never().is_some());
    }

    #[test]
    fn trouble_is_kept_until_the_watch_works_again() {
        let store = store();
        list(&store, vec![object("a", &json!({"key": "1"}))]);
        store.failed("forbidden".to_owned());
        assert_eq!(store.trouble().as_deref(), Some("forbidden"));
        assert_eq!(store.len(), 1);
        store.fold(Event::Apply(object("a", &json!({"key": "1"}))), parse);
        assert_eq!(store.trouble(), None);
    }

    #[test]
    fn an_absent_type_is_settled_and_empty() {
        let store = store();
        list(&store, vec![object("a", &json!({"key": "1"}))]);
        store.settle_without(Presence::Absent);
        assert!(store.is_empty() && store.presence().is_settled());
        store.forget();
        assert!(!store.presence().is_settled());
    }
}
