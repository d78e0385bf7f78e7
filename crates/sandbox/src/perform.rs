//! What an action does to the world, whoever asks for it: a client now, or the journal of one.

use crate::error::{ApiError, Code};
use crate::service::{Call, Request, Service};
use crate::wire::xml;
use crate::world::World;
use crate::{autoscaling, ec2, eks, iam, quotas, ssm, sts};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What an action does. A bug in one is that request's own: it is answered as AWS answers for its bugs.
pub(crate) fn perform(world: &mut World, call: Call, request_id: &str) -> Result<String, ApiError> {
    let action = call.action.clone();
    world.caller = call.caller.clone();
    catch_unwind(AssertUnwindSafe(|| dispatch(world, call, request_id))).unwrap_or_else(|_| {
        tracing::error!(action, request_id, "a bug of the sandbox ended a request");
        Err(ApiError::new(
            Code::InternalError,
            "An internal error has occurred",
        ))
    })
}

fn dispatch(world: &mut World, call: Call, request_id: &str) -> Result<String, ApiError> {
    match (call.service, call.request) {
        (Service::Ec2, Request::Query(params)) => ec2::serve(&call.action, params, world)
            .map(|body| xml::ec2_response(&call.action, request_id, body)),
        (Service::AutoScaling, Request::Query(params)) => {
            autoscaling::SERVICE.serve(&call.action, params, request_id, world)
        }
        (Service::Sts, Request::Query(params)) => sts::SERVICE.serve(&call.action, params, request_id, world),
        (Service::Iam, Request::Query(params)) => iam::SERVICE.serve(&call.action, params, request_id, world),
        (Service::Eks, Request::Rest(route)) => eks::serve(&route, world).map(|value| value.to_string()),
        (Service::Ssm, Request::Json(body)) => ssm::SERVICE
            .serve(&call.action, &body, world)
            .map(|value| value.to_string()),
        (Service::Quotas, Request::Json(body)) => quotas::SERVICE
            .serve(&call.action, &body, world)
            .map(|value| value.to_string()),
        (service, _) => Err(ApiError::new(
            Code::InvalidAction,
            format!(
                "The sandbox does not model the service of {} ({})",
                call.action,
                service.as_str()
            ),
        )),
    }
}
