//! The services of the JSON 1.1 protocol: SSM and Service Quotas. The action is in the header `X-Amz-Target`, after the
//! name that the protocol has for the service.

use crate::error::{ApiError, Code};
use crate::world::World;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Serves one action: reads its body, and gives the answer.
pub(crate) type Run = fn(&Body, &mut World) -> Result<Value, ApiError>;

/// A service of the JSON 1.1 protocol.
#[derive(Debug)]
pub(crate) struct JsonService {
    /// What it is called in the header, before the point.
    pub(crate) target_prefix: &'static str,
    /// Its actions.
    pub(crate) actions: &'static [(&'static str, Run)],
}

/// The body of a request.
#[derive(Debug)]
pub(crate) struct Body(pub(crate) Vec<u8>);

impl Body {
    /// Reads all of it; what the action does not know is refused.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        serde_json::from_slice(&self.0).map_err(|error| {
            ApiError::new(
                Code::JsonSerialization,
                format!("The request does not read: {error}"),
            )
        })
    }
}

impl JsonService {
    /// Serves one request.
    pub(crate) fn serve(&self, action: &str, body: &Body, world: &mut World) -> Result<Value, ApiError> {
        let known = self.actions.iter().find(|(name, _)| *name == action);
        let (_, run) = known.ok_or_else(|| {
            ApiError::new(
                Code::EksUnknownOperation,
                format!("The sandbox does not model {}.{action}", self.target_prefix),
            )
        })?;
        run(body, world)
    }

    /// The names of its actions.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.actions.iter().map(|(name, _)| *name).collect()
    }
}
