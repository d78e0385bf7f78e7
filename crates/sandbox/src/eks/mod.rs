//! EKS over REST-JSON: the registry of its operations, and how one is served. A repeated client token gets the answer
//! that it got before.

mod addons;
mod catalogue;
mod clusters;
pub(crate) mod control;
mod identities;
mod input;
mod nodegroups;
mod operation;
mod render;
mod tags;
mod updates;

use crate::error::{ApiError, Code};
use crate::world::World;
use http::request::Parts;
use input::Input;
use operation::{Family, Operation};
use serde_json::Value;

const FAMILIES: [Family; 7] = [
    clusters::OPERATIONS,
    updates::OPERATIONS,
    addons::OPERATIONS,
    catalogue::OPERATIONS,
    identities::OPERATIONS,
    nodegroups::OPERATIONS,
    tags::OPERATIONS,
];

/// A request: its operation, and what it says.
#[derive(Debug)]
pub(crate) struct Route {
    operation: Option<&'static Operation>,
    input: Input,
}

impl Route {
    pub(crate) fn read(parts: &Parts, body: &[u8]) -> Self {
        let found = operation::find(&FAMILIES, &parts.method, parts.uri.path());
        let (operation, names) = found.unzip();
        let query = parts.uri.query().unwrap_or_default();
        Self {
            operation,
            input: Input::new(names.unwrap_or_default(), query, body),
        }
    }

    /// The operation's name, for counts and faults.
    pub(crate) fn action(&self) -> &'static str {
        self.operation.map_or("Unknown", |operation| operation.name)
    }
}

/// The names of all operations, sorted.
pub(crate) fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = FAMILIES.iter().flat_map(|f| f.iter()).map(|o| o.name).collect();
    names.sort_unstable();
    names
}

/// Serves one request.
pub(crate) fn serve(route: &Route, world: &mut World) -> Result<Value, ApiError> {
    let Some(operation) = route.operation else {
        return Err(ApiError::new(
            Code::EksUnknownOperation,
            "The sandbox does not model this operation",
        ));
    };
    let input = &route.input;
    let served = once(operation, input, world);
    served.map_err(|error| input.subjects().into_iter().fold(error, ApiError::about))
}

/// Serves a request, unless its client token was served before.
fn once(operation: &'static Operation, input: &Input, world: &mut World) -> Result<Value, ApiError> {
    input.only(operation.query)?;
    let Some(token) = input.client_token() else {
        return (operation.serve)(input, world);
    };
    let key = (operation.name, token.to_owned());
    let request = input.fingerprint();
    if let Some((known, answer)) = world.eks_answers.get(&key) {
        if *known == request {
            return Ok(answer.clone());
        }
        // The code that EKS gives here is not documented.
        return Err(ApiError::new(
            Code::EksInvalidParameter,
            format!("clientRequestToken {token} was used with other parameters"),
        ));
    }
    let answer = (operation.serve)(input, world)?;
    world.eks_answers.insert(key, (request, answer.clone()));
    Ok(answer)
}
