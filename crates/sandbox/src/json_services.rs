//! The services of the JSON 1.1 protocol: SSM and Service Quotas. The action is in the header `X-Amz-Target`.

use crate::error::{ApiError, Code};
use crate::service::Service;
use crate::world::World;
use serde_json::Value;

/// A request: its action without the name of the service, and its body.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) action: String,
    pub(crate) body: Vec<u8>,
}

/// The actions of a service.
pub(crate) fn names(_service: Service) -> Vec<&'static str> {
    Vec::new()
}

/// Serves one request.
pub(crate) fn serve(service: Service, target: &Target, _world: &mut World) -> Result<Value, ApiError> {
    let body: Result<Value, _> = serde_json::from_slice(&target.body);
    if body.is_err() {
        return Err(ApiError::new(
            Code::JsonSerialization,
            "The request body is not JSON",
        ));
    }
    Err(ApiError::new(
        Code::EksUnknownOperation,
        format!(
            "The sandbox does not model {} of {}",
            target.action,
            service.as_str()
        ),
    ))
}
