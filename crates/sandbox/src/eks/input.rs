//! What a request of a REST service says: names in its path, parameters of its query, a JSON body. Whatever is not read
//! is refused.

use super::operation::Names;
use crate::error::{ApiError, Code};
use crate::wire::page::{Cut, Page};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// A request.
#[derive(Debug)]
pub(super) struct Input {
    names: Names,
    query: Vec<(String, String)>,
    body: Vec<u8>,
    /// The body again, for what all operations have in common; nothing where it is no object.
    members: Map<String, Value>,
}

/// Members of a body or a path that say what a refusal is about, and what the refusal calls them.
const SUBJECTS: [(&str, &str); 4] = [
    // CreateCluster calls it so.
    ("name", "clusterName"),
    ("clusterName", "clusterName"),
    ("nodegroupName", "nodegroupName"),
    ("addonName", "addonName"),
];

impl Input {
    pub(super) fn new(names: Names, query: &str, body: &[u8]) -> Self {
        Self {
            names,
            query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            body: body.to_vec(),
            members: serde_json::from_slice(body).unwrap_or_default(),
        }
    }

    /// A name of the path; the pattern of the operation has it.
    pub(super) fn name(&self, name: &str) -> &str {
        self.names.get(name).map_or("", String::as_str)
    }

    /// The cluster that the path names.
    pub(super) fn cluster(&self) -> &str {
        self.name("clusterName")
    }

    /// The body, every member of which is known.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        serde_json::from_slice(&self.body).map_err(|error| invalid(format!("Invalid request body: {error}")))
    }

    /// A parameter of the query.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        let mut found = self.query.iter().filter(|(known, _)| known == name);
        found.next().map(|(_, value)| value.as_str())
    }

    /// A parameter of the query that may be there several times.
    pub(super) fn queries(&self, name: &str) -> Vec<&str> {
        let found = self.query.iter().filter(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).collect()
    }

    /// Parameters of the query that the operation does not read are refused.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), ApiError> {
        match self
            .query
            .iter()
            .find(|(name, _)| !known.contains(&name.as_str()))
        {
            None => Ok(()),
            Some((name, _)) => Err(invalid(format!(
                "The sandbox does not model the query parameter {name}"
            ))),
        }
    }

    /// Cuts the page that is asked for out of a list in the order of its keys.
    pub(super) fn page<T>(&self, items: impl Iterator<Item = (String, T)>) -> Result<Cut<T>, ApiError> {
        let mut asked: Vec<_> = self
            .query
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "nextToken" | "maxResults"))
            .collect();
        asked.sort_unstable();
        let page = Page::rest(
            self.query("maxResults"),
            self.query("nextToken"),
            &format!("{:?} {asked:?}", self.names),
        );
        Ok(page.map_err(|error| invalid(error.message()))?.cut(items))
    }

    /// The page of a list of names, under the name that the answer has for it.
    pub(super) fn list<T: Into<Value>>(
        &self,
        member: &str,
        items: impl Iterator<Item = (String, T)>,
    ) -> Result<Value, ApiError> {
        let cut = self.page(items)?;
        let items: Vec<Value> = cut.items.into_iter().map(Into::into).collect();
        let mut answer = json!({ member: items });
        if let Some(next) = cut.next {
            answer["nextToken"] = Value::String(next);
        }
        Ok(answer)
    }

    /// The client token.
    pub(super) fn client_token(&self) -> Option<&str> {
        self.members.get("clientRequestToken").and_then(Value::as_str)
    }

    /// The request without its token: what the token stands for.
    pub(super) fn fingerprint(&self) -> String {
        let mut members = self.members.clone();
        members.remove("clientRequestToken");
        format!("{:?} {:?} {}", self.names, self.query, Value::Object(members))
    }

    /// What a refusal of this request is about, by the names that EKS's errors have.
    pub(super) fn subjects(&self) -> Vec<(&'static str, String)> {
        let find = |(name, member): (&str, &'static str)| {
            let in_body = self.members.get(name).and_then(Value::as_str);
            let value = self.names.get(name).map(String::as_str).or(in_body)?;
            Some((member, value.to_owned()))
        };
        SUBJECTS.into_iter().filter_map(find).collect()
    }
}

/// EKS's refusal of what a request says.
pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(Code::EksInvalidParameter, message)
}
