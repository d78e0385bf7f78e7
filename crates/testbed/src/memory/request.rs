//! A request as the server understands it: the kind, the object, what is wanted.

use super::kinds::Kind;
use super::status::Refusal;
use super::store::Key;
use http::Method;
use http::request::Parts;
use serde_json::Value;
use std::collections::BTreeMap;

/// The parameters of a query.
#[derive(Debug, Clone, Default)]
pub(super) struct Query(BTreeMap<String, String>);

impl Query {
    fn parse(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }
}

/// A request about a kind.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    /// The place of the kind among the kinds.
    pub(super) kind: usize,
    /// The namespace, empty for all of them and for kinds without.
    pub(super) namespace: String,
    /// The name, or none for the collection.
    pub(super) name: Option<String>,
    /// `status`, or empty.
    pub(super) subresource: String,
    pub(super) query: Query,
    pub(super) content_type: String,
    /// Whether only metadata are wanted.
    pub(super) partial: bool,
    pub(super) body: Value,
}

impl Request {
    pub(super) fn parse(kinds: &[Kind], parts: &Parts, body: &[u8]) -> Result<Self, Refusal> {
        let header = |name: &str| {
            let value = parts.headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let place = Place::parse(parts.uri.path()).ok_or_else(Refusal::no_kind)?;
        let kind = kinds
            .iter()
            .position(|kind| {
                (kind.group.as_str(), kind.version.as_str(), kind.plural.as_str())
                    == (place.group, place.version, place.plural)
            })
            .ok_or_else(Refusal::no_kind)?;
        let subresource = place.subresource.unwrap_or_default();
        let served = match subresource {
            "" => true,
            "status" => kinds[kind].has_status,
            "eviction" => kinds[kind].kind == "Pod" && parts.method == Method::POST,
            _ => false,
        };
        if !served {
            return Err(Refusal::no_kind());
        }
        let body = if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(body).map_err(|error| Refusal::bad(&error.to_string()))?
        };
        Ok(Self {
            method: parts.method.clone(),
            kind,
            namespace: place.namespace.unwrap_or_default().to_owned(),
            name: place.name.map(str::to_owned),
            subresource: subresource.to_owned(),
            query: Query::parse(parts.uri.query().unwrap_or_default()),
            content_type: header("content-type"),
            partial: header("accept").contains("as=PartialObjectMetadata"),
            body,
        })
    }

    /// A request of a controller that runs beside the server.
    pub(super) fn inside(
        method: Method,
        kind: usize,
        [namespace, name]: [&str; 2],
        subresource: &str,
        body: Value,
    ) -> Self {
        Self {
            method,
            kind,
            namespace: namespace.to_owned(),
            name: (!name.is_empty()).then(|| name.to_owned()),
            subresource: subresource.to_owned(),
            query: Query::parse("fieldManager=kube-controller-manager"),
            content_type: String::new(),
            partial: false,
            body,
        }
    }

    pub(super) fn key(&self, name: &str) -> Key {
        Key {
            kind: self.kind,
            namespace: self.namespace.clone(),
            name: name.to_owned(),
        }
    }

    /// Who writes: what the request says, or what a client without a name is called.
    pub(super) fn manager(&self) -> String {
        self.query.get("fieldManager").unwrap_or("unknown").to_owned()
    }
}

struct Place<'a> {
    group: &'a str,
    version: &'a str,
    namespace: Option<&'a str>,
    plural: &'a str,
    name: Option<&'a str>,
    subresource: Option<&'a str>,
}

impl<'a> Place<'a> {
    fn parse(path: &'a str) -> Option<Self> {
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        let (group, version) = match parts.next()? {
            "api" => ("", parts.next()?),
            "apis" => (parts.next()?, parts.next()?),
            _ => return None,
        };
        let rest: Vec<&str> = parts.collect();
        let (namespace, rest) = match rest.as_slice() {
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() && rest[0] != "status" => {
                (Some(*namespace), rest)
            }
            rest => (None, rest),
        };
        Some(Self {
            group,
            version,
            namespace,
            plural: rest.first()?,
            name: rest.get(1).copied(),
            subresource: rest.get(2).copied(),
        })
    }
}
