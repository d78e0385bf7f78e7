//! What a write is about: an API resource, perhaps a namespace, a name.

use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Resource, core::Request};
use serde_json::{Map, Value};
use std::fmt;

/// One object of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its kind and where the API serves it.
    pub resource: ApiResource,
    /// Its namespace, or none for cluster-scoped kinds.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl Target {
    /// An object in a namespace, of a type known to the compiler.
    pub fn namespaced<K>(namespace: &str, name: &str) -> Self
    where
        K: Resource<DynamicType = ()>,
    {
        Self::new(ApiResource::erase::<K>(&()), Some(namespace), name)
    }

    /// A cluster-scoped object of a type known to the compiler.
    pub fn cluster<K>(name: &str) -> Self
    where
        K: Resource<DynamicType = ()>,
    {
        Self::new(ApiResource::erase::<K>(&()), None, name)
    }

    /// An object of a kind known by its name only.
    pub fn new(resource: ApiResource, namespace: Option<&str>, name: &str) -> Self {
        Self {
            resource,
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        }
    }

    /// A thing that is not in the API server, as writes through another API name it in errors and the log.
    pub fn outside(kind: &str, name: &str) -> Self {
        Self::new(
            ApiResource::from_gvk(&GroupVersionKind::gvk("", "", kind)),
            None,
            name,
        )
    }

    /// Whether it is such a thing.
    pub fn is_outside(&self) -> bool {
        self.resource.version.is_empty()
    }

    /// The body with apiVersion, kind, name and namespace of this target, which the API wants in every object.
    pub(crate) fn complete(&self, mut body: Value) -> Value {
        if let Some(object) = body.as_object_mut() {
            object.insert(
                "apiVersion".to_owned(),
                Value::from(self.resource.api_version.as_str()),
            );
            object.insert("kind".to_owned(), Value::from(self.resource.kind.as_str()));
            let metadata = object
                .entry("metadata")
                .or_insert_with(|| Value::Object(Map::new()));
            if let Some(metadata) = metadata.as_object_mut() {
                metadata.insert("name".to_owned(), Value::from(self.name.as_str()));
                if let Some(namespace) = &self.namespace {
                    metadata.insert("namespace".to_owned(), Value::from(namespace.as_str()));
                }
            }
        }
        body
    }

    /// The request builder for the collection the object is in.
    pub(crate) fn requests(&self) -> Request {
        Request::new(DynamicObject::url_path(&self.resource, self.namespace.as_deref()))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.resource.kind, self.name),
            None => write!(f, "{} {}", self.resource.kind, self.name),
        }
    }
}
