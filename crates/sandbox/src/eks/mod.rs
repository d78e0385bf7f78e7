//! EKS over REST-JSON: the routes, and the envelope of requests and answers.

mod addons;
mod clusters;

use crate::error::{ApiError, Code};
use crate::world::World;
use http::Method;
use http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

/// A request: what it names in its path, and the rest.
#[derive(Debug)]
pub(crate) struct Route {
    action: Option<Action>,
    names: Vec<String>,
    query: BTreeMap<String, String>,
    body: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    CreateCluster,
    DescribeCluster,
    ListClusters,
    CreateAddon,
    DescribeAddon,
    ListAddons,
    DeleteAddon,
}

impl Action {
    const ALL: [Self; 7] = [
        Self::CreateCluster,
        Self::DescribeCluster,
        Self::ListClusters,
        Self::CreateAddon,
        Self::DescribeAddon,
        Self::ListAddons,
        Self::DeleteAddon,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::CreateCluster => "CreateCluster",
            Self::DescribeCluster => "DescribeCluster",
            Self::ListClusters => "ListClusters",
            Self::CreateAddon => "CreateAddon",
            Self::DescribeAddon => "DescribeAddon",
            Self::ListAddons => "ListAddons",
            Self::DeleteAddon => "DeleteAddon",
        }
    }
}

impl Route {
    pub(crate) fn read(parts: &Parts, body: &[u8]) -> Self {
        let elements: Vec<&str> = parts.uri.path().split('/').skip(1).collect();
        let (action, names): (Option<Action>, &[&str]) = match (&parts.method, elements.as_slice()) {
            (&Method::POST, ["clusters"]) => (Some(Action::CreateCluster), &[]),
            (&Method::GET, ["clusters"]) => (Some(Action::ListClusters), &[]),
            (&Method::GET, ["clusters", cluster]) => (Some(Action::DescribeCluster), &[cluster]),
            (&Method::POST, ["clusters", cluster, "addons"]) => (Some(Action::CreateAddon), &[cluster]),
            (&Method::GET, ["clusters", cluster, "addons"]) => (Some(Action::ListAddons), &[cluster]),
            (&Method::GET, ["clusters", cluster, "addons", addon]) => {
                (Some(Action::DescribeAddon), &[cluster, addon])
            }
            (&Method::DELETE, ["clusters", cluster, "addons", addon]) => {
                (Some(Action::DeleteAddon), &[cluster, addon])
            }
            _ => (None, &[]),
        };
        let query = parts.uri.query().unwrap_or_default();
        Self {
            action,
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            body: body.to_vec(),
        }
    }

    /// The action's name, for counts and faults.
    pub(crate) fn action(&self) -> &'static str {
        self.action.map_or("Unknown", Action::name)
    }

    fn name(&self, position: usize) -> &str {
        self.names.get(position).map_or("", String::as_str)
    }

    fn json<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            ApiError::new(
                Code::EksInvalidParameter,
                format!("Invalid request body: {error}"),
            )
        })
    }

    /// Parameters of the query that the action does not read are refused.
    fn only(&self, known: &[&str]) -> Result<(), ApiError> {
        match self.query.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => Err(ApiError::new(
                Code::EksInvalidParameter,
                format!("The sandbox does not model the query parameter {name}"),
            )),
        }
    }
}

/// The names of all actions.
pub(crate) fn names() -> Vec<&'static str> {
    Action::ALL.into_iter().map(Action::name).collect()
}

/// Serves one request.
pub(crate) fn serve(route: &Route, world: &mut World) -> Result<Value, ApiError> {
    let Some(action) = route.action else {
        return Err(ApiError::new(
            Code::EksUnknownOperation,
            "The sandbox does not model this operation",
        ));
    };
    match action {
        Action::CreateCluster => clusters::create(route, world),
        Action::DescribeCluster => clusters::describe(route, world),
        Action::ListClusters => clusters::list(route, world),
        Action::CreateAddon => addons::create(route, world),
        Action::DescribeAddon => addons::describe(route, world),
        Action::ListAddons => addons::list(route, world),
        Action::DeleteAddon => addons::delete(route, world),
    }
}

/// A time stamp as REST-JSON has it: seconds with a fraction.
fn seconds(time: jiff::Timestamp) -> f64 {
    std::time::Duration::try_from(time.duration_since(jiff::Timestamp::UNIX_EPOCH))
        .map_or(0.0, |since| since.as_secs_f64())
}
