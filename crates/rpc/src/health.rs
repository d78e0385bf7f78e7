//! The names of the gRPC health service, and a question to it.

use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// The whole agent; probes ask for this.
pub const OVERALL: &str = "";

/// The whole agent by the name that the stock agent registers.
pub const AWS_NODE: &str = "grpc.health.v1.aws-node";

/// Whether an ADD would find an address now. Only our agent has this one.
pub const POOL: &str = "vpccni.pool";

/// What the agent says of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It serves.
    Serving,
    /// It does not serve now.
    NotServing,
    /// The agent has no such service.
    Unknown,
}

/// Asks for the health of one service.
pub async fn check(channel: Channel, service: &str) -> Result<Health, Status> {
    let request = Request::new(HealthCheckRequest {
        service: service.to_owned(),
    });
    match HealthClient::new(channel).check(request).await {
        Ok(reply) => Ok(match reply.into_inner().status() {
            ServingStatus::Serving => Health::Serving,
            ServingStatus::NotServing => Health::NotServing,
            ServingStatus::Unknown | ServingStatus::ServiceUnknown => Health::Unknown,
        }),
        Err(status) if status.code() == Code::NotFound => Ok(Health::Unknown),
        Err(status) => Err(status),
    }
}
