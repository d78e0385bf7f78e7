//! What requests do to the objects: create, replace, patch, apply, delete, read. It knows nothing of connections, and
//! each request is whole: nobody sees a half of it.

use super::defaults;
use super::kinds::Kind;
use super::owners::{self, Manager};
use super::patches;
use super::request::Request;
use super::selectors::Selector;
use super::status::Refusal;
use super::store::{Key, Store};
use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The code and the body of an answer.
pub(super) type Answer = Result<(u16, Arc<Value>), Refusal>;

/// Kinds, objects and the time.
#[derive(Debug)]
pub(super) struct World {
    pub(super) kinds: Vec<Kind>,
    pub(super) store: Store,
    clock: fn() -> Timestamp,
}

/// What the server keeps of an object, whatever a write says.
const KEPT: [&str; 7] = [
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

impl World {
    pub(super) fn new(kinds: Vec<Kind>, clock: fn() -> Timestamp) -> Self {
        Self {
            kinds,
            store: Store::default(),
            clock,
        }
    }

    fn now(&self) -> String {
        whole_seconds((self.clock)())
    }

    pub(super) fn write(&mut self, request: &Request) -> Answer {
        match (&request.method, &request.name) {
            (&Method::POST, None) => self.create(request),
            (&Method::POST, Some(name)) if request.subresource == "eviction" => self.evict(request, name),
            (&Method::PUT, Some(name)) => {
                let body = request.body.clone();
                self.change(request, name, |_, live, _| {
                    live.clone_from(&body);
                    Ok(())
                })
            }
            (&Method::PATCH, Some(name)) => self.patch(request, name),
            (&Method::DELETE, Some(name)) => {
                let key = request.key(name);
                self.delete(&key, &request.body)
            }
            _ => Err(Refusal::not_allowed()),
        }
    }

    /// One object, or the page of a list as it was at `horizon`.
    pub(super) fn read(&self, request: &Request, horizon: u64) -> Answer {
        let kind = &self.kinds[request.kind];
        if let Some(name) = &request.name {
            let found = self
                .store
                .get(&request.key(name))
                .ok_or_else(|| Refusal::not_found(kind, name))?;
            return Ok((200, partial(found, request.partial)));
        }
        let (version, skip) = match request.query.get("continue") {
            Some(token) => page(token).ok_or_else(|| Refusal::bad("continue key is not valid"))?,
            None => (horizon, 0),
        };
        if version < self.store.oldest() {
            return Err(Refusal::expired(version, self.store.oldest()));
        }
        let selector = Selector::of(&request.namespace, &request.query);
        let all = self.store.at(request.kind, version);
        let mut items: Vec<_> = all
            .into_iter()
            .filter(|object| selector.matches(object))
            .collect();
        items.drain(..skip.min(items.len()));
        let limit = request
            .query
            .number("limit")
            .and_then(|limit| usize::try_from(limit).ok());
        let mut metadata = json!({"resourceVersion": version.to_string()});
        if let Some(limit) = limit.filter(|limit| *limit > 0 && *limit < items.len()) {
            metadata["remainingItemCount"] = json!(items.len() - limit);
            metadata["continue"] = json!(format!("{version}:{}", skip + limit));
            items.truncate(limit);
        }
        let items: Vec<Value> = items
            .into_iter()
            .map(|object| (*partial(object, request.partial)).clone())
            .collect();
        let (list_kind, version) = if request.partial {
            (
                "PartialObjectMetadataList".to_owned(),
                "meta.k8s.io/v1".to_owned(),
            )
        } else {
            (format!("{}List", kind.kind), kind.api_version())
        };
        let list = json!({"kind": list_kind, "apiVersion": version, "metadata": metadata, "items": items});
        Ok((200, Arc::new(list)))
    }

    fn create(&mut self, request: &Request) -> Answer {
        let kind = &self.kinds[request.kind];
        let mut new = with_identity(request.body.clone(), kind, request);
        if new["metadata"]["name"].is_null()
            && let Some(start) = new["metadata"]["generateName"].as_str()
        {
            let name = format!("{start}{:05}", self.store.version());
            new["metadata"]["name"] = json!(name);
        }
        let name = new["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        if name.is_empty() {
            return Err(Refusal::bad("name or generateName is required"));
        }
        let key = request.key(&name);
        if self.store.get(&key).is_some() {
            return Err(Refusal::exists(kind, &name));
        }
        // A node brings its status: its kubelet makes both at once.
        if kind.has_status && kind.kind != "Node" {
            new["status"] = kind.empty["status"].clone();
            drop_null(&mut new, "status");
        }
        let manager = self.manager(request, false);
        self.begin(&mut new, request.kind);
        let now = self.now();
        let kind = &self.kinds[request.kind];
        owners::update(&kind.empty, &mut new, &manager, &kind.shape, &now);
        Ok((201, self.store.put(key, new)))
    }

    /// What every new object gets from the server.
    fn begin(&mut self, new: &mut Value, kind: usize) {
        let uid = self.store.next_uid();
        let now = self.now();
        let kind = &self.kinds[kind];
        defaults::fill(kind, None, new);
        let metadata = &mut new["metadata"];
        metadata["uid"] = json!(uid);
        metadata["creationTimestamp"] = json!(now);
        if kind.has_generation {
            metadata["generation"] = json!(1);
        }
    }

    fn patch(&mut self, request: &Request, name: &str) -> Answer {
        let content = request.content_type.split(';').next().unwrap_or_default();
        match content {
            "application/apply-patch+yaml" | "application/apply-patch+json" => self.apply(request, name),
            "application/merge-patch+json" => self.change(request, name, |_, object, patch| {
                patches::merge(object, patch);
                Ok(())
            }),
            "application/strategic-merge-patch+json" if self.kinds[request.kind].typed => {
                self.change(request, name, |kind, object, patch| {
                    patches::strategic(object, patch, &kind.shape);
                    Ok(())
                })
            }
            "application/json-patch+json" => {
                self.change(request, name, |_, object, patch| patches::json(object, patch))
            }
            _ => Err(Refusal::unsupported()),
        }
    }

    fn change(
        &mut self,
        request: &Request,
        name: &str,
        how: impl FnOnce(&Kind, &mut Value, &Value) -> Result<(), Refusal>,
    ) -> Answer {
        let kind = &self.kinds[request.kind];
        let key = request.key(name);
        let live = self
            .store
            .get(&key)
            .ok_or_else(|| Refusal::not_found(kind, name))?;
        let mut new = (*live).clone();
        how(kind, &mut new, &request.body)?;
        self.keep(request, name, &live, &mut new)?;
        let kind = &self.kinds[request.kind];
        let manager = self.manager(request, false);
        owners::update(&live, &mut new, &manager, &kind.shape, &self.now());
        Ok((200, self.finish(&key, &live, new)))
    }

    fn apply(&mut self, request: &Request, name: &str) -> Answer {
        let kind = &self.kinds[request.kind];
        let key = request.key(name);
        let config = with_identity(request.body.clone(), kind, request);
        if request.query.get("fieldManager").is_none() {
            return Err(Refusal::bad(
                "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch",
            ));
        }
        let manager = self.manager(request, true);
        let force = request.query.is("force");
        let now = self.now();
        let found = self.store.get(&key);
        if found.is_none() && !request.subresource.is_empty() {
            return Err(Refusal::not_found(kind, name));
        }
        let Some(live) = found else {
            // A version it is bound to does not matter where there is nothing.
            let mut new = owners::apply(&kind.empty, &config, &manager, force, &kind.shape, &now)
                .map_err(|conflicts| Refusal::owned(&conflicts))?;
            drop_nulls(&mut new);
            self.begin(&mut new, request.kind);
            return Ok((201, self.store.put(key, new)));
        };
        let mut new = owners::apply(&live, &config, &manager, force, &kind.shape, &now)
            .map_err(|conflicts| Refusal::owned(&conflicts))?;
        if kind.typed {
            drop_nulls(&mut new);
        } else if let Some(field) = null_in(&new) {
            return Err(Refusal::null(kind, name, &field));
        }
        let owned = new["metadata"]["managedFields"].take();
        self.keep(request, name, &live, &mut new)?;
        new["metadata"]["managedFields"] = owned;
        Ok((200, self.finish(&key, &live, new)))
    }

    fn manager(&self, request: &Request, applies: bool) -> Manager {
        Manager {
            name: request.manager(),
            applies,
            version: self.kinds[request.kind].api_version(),
            subresource: request.subresource.clone(),
        }
    }

    /// Checks the version a write is bound to, and puts back what it may not change.
    fn keep(&self, request: &Request, name: &str, live: &Value, new: &mut Value) -> Result<(), Refusal> {
        let kind = &self.kinds[request.kind];
        let wanted = new["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        if !wanted.is_empty() && live["metadata"]["resourceVersion"] != wanted {
            return Err(Refusal::modified(kind, name));
        }
        if request.subresource == "status" {
            let status = new["status"].take();
            new.clone_from(live);
            new["status"] = status;
        } else if kind.has_status {
            new["status"] = live["status"].clone();
        }
        drop_null(new, "status");
        for field in ["apiVersion", "kind"] {
            new[field] = live[field].clone();
        }
        if let Some(metadata) = new["metadata"].as_object_mut() {
            metadata.remove("managedFields");
            for field in KEPT.iter().chain(&["resourceVersion"]) {
                match live["metadata"].get(*field) {
                    Some(value) => metadata.insert((*field).to_owned(), value.clone()),
                    None => metadata.remove(*field),
                };
            }
        }
        defaults::fill(kind, Some(live), new);
        Ok(())
    }

    /// Writes a changed object; one that is as it was keeps its version, and one that waited for its last finalizer
    /// goes.
    fn finish(&mut self, key: &Key, live: &Arc<Value>, mut new: Value) -> Arc<Value> {
        if is_same(live, &new) {
            return live.clone();
        }
        let kind = &self.kinds[key.kind];
        defaults::count(kind, live, &mut new);
        if kind.has_generation && spec_of(live) != spec_of(&new) {
            let generation = live["metadata"]["generation"].as_i64().unwrap_or_default();
            new["metadata"]["generation"] = json!(generation + 1);
        }
        let leaves = new["metadata"]["deletionTimestamp"].is_string() && !has_finalizers(&new);
        let written = self.store.put(key.clone(), new);
        if leaves && kind.kind != "Pod" {
            self.store.remove(key);
        }
        written
    }

    pub(super) fn delete(&mut self, key: &Key, options: &Value) -> Answer {
        let kind = &self.kinds[key.kind];
        let live = self
            .store
            .get(key)
            .ok_or_else(|| Refusal::not_found(kind, &key.name))?;
        let metadata = &live["metadata"];
        let wanted = &options["preconditions"];
        let differs = |field: &str| -> Option<(&str, &str)> {
            let seen = metadata[field].as_str().unwrap_or_default();
            let wanted = wanted[field].as_str()?;
            (wanted != seen).then_some((wanted, seen))
        };
        if let Some((wanted, seen)) = differs("uid") {
            return Err(Refusal::other_object(kind, &key.name, wanted, seen));
        }
        if let Some((wanted, seen)) = differs("resourceVersion") {
            return Err(Refusal::other_version(kind, &key.name, wanted, seen));
        }
        let grace = grace_of(kind, &live, options);
        if grace > 0 || has_finalizers(&live) {
            if metadata["deletionTimestamp"].is_string() {
                return Ok((200, live));
            }
            let mut ending = (*live).clone();
            let end = (self.clock)() + SignedDuration::from_secs(grace);
            ending["metadata"]["deletionTimestamp"] = json!(whole_seconds(end));
            ending["metadata"]["deletionGracePeriodSeconds"] = json!(grace);
            if let Some(generation) = metadata["generation"].as_i64() {
                ending["metadata"]["generation"] = json!(generation + 1);
            }
            return Ok((200, self.store.put(key.clone(), ending)));
        }
        let mut details = json!({"name": key.name, "kind": kind.plural, "uid": metadata["uid"]});
        if !kind.group.is_empty() {
            details["group"] = json!(kind.group);
        }
        let is_pod = kind.kind == "Pod";
        self.store.remove(key);
        if options["propagationPolicy"] != "Orphan" {
            self.collect(metadata["uid"].as_str().unwrap_or_default());
        }
        if is_pod {
            let mut last = (*live).clone();
            last["metadata"]["deletionGracePeriodSeconds"] = json!(0);
            return Ok((200, Arc::new(last)));
        }
        let body = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details,
        });
        Ok((200, Arc::new(body)))
    }

    /// What an object that is gone has owned goes too.
    fn collect(&mut self, uid: &str) {
        for key in self.store.owned_by(uid) {
            if let Err(refusal) = self.delete(&key, &Value::Null) {
                tracing::debug!(?key, ?refusal, "an owned object was not collected");
            }
        }
    }
}

fn grace_of(kind: &Kind, live: &Value, options: &Value) -> i64 {
    let on_a_node = kind.kind == "Pod" && live["spec"]["nodeName"].is_string();
    if !on_a_node {
        return 0;
    }
    let usual = live["spec"]["terminationGracePeriodSeconds"].as_i64();
    options["gracePeriodSeconds"].as_i64().or(usual).unwrap_or(30)
}

fn with_identity(mut body: Value, kind: &Kind, request: &Request) -> Value {
    body["apiVersion"] = json!(kind.api_version());
    body["kind"] = json!(kind.kind);
    if !body["metadata"].is_object() {
        body["metadata"] = json!({});
    }
    if kind.namespaced {
        body["metadata"]["namespace"] = json!(request.namespace);
    }
    body
}

fn page(token: &str) -> Option<(u64, usize)> {
    let (version, skip) = token.split_once(':')?;
    Some((version.parse().ok()?, skip.parse().ok()?))
}

pub(super) fn partial(object: Arc<Value>, wanted: bool) -> Arc<Value> {
    if !wanted {
        return object;
    }
    Arc::new(json!({
        "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"],
    }))
}

fn has_finalizers(object: &Value) -> bool {
    object["metadata"]["finalizers"]
        .as_array()
        .is_some_and(|finalizers| !finalizers.is_empty())
}

fn drop_null(object: &mut Value, field: &str) {
    if let Some(fields) = object.as_object_mut()
        && fields.get(field).is_some_and(Value::is_null)
    {
        fields.remove(field);
    }
}

/// What the empty object of a typed kind has as null is not written.
fn drop_nulls(object: &mut Value) {
    match object {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// Where an object has null, at any depth of its structs.
fn null_in(object: &Value) -> Option<String> {
    let fields = object.as_object()?;
    fields.iter().find_map(|(name, value)| {
        if value.is_null() {
            return Some(name.clone());
        }
        Some(format!("{name}.{}", null_in(value)?))
    })
}

fn spec_of(object: &Value) -> Map<String, Value> {
    let mut spec = object.as_object().cloned().unwrap_or_default();
    for field in ["metadata", "status"] {
        spec.remove(field);
    }
    spec
}

/// Whether two objects are the same but for the times of their managers.
fn is_same(a: &Value, b: &Value) -> bool {
    let (Some(a), Some(b)) = (a.as_object(), b.as_object()) else {
        return a == b;
    };
    let metadata = |object: &Map<String, Value>| {
        let mut metadata = object.get("metadata").cloned().unwrap_or_default();
        for entry in metadata["managedFields"].as_array_mut().into_iter().flatten() {
            entry["time"] = Value::Null;
        }
        metadata
    };
    let rest = |name: &String| name != "metadata" && a.get(name) != b.get(name);
    !a.keys().chain(b.keys()).any(rest) && metadata(a) == metadata(b)
}

pub(super) fn whole_seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
