//! `ipamd probe`: asks the agent over its socket whether it serves, as the probes of its container do.

use std::path::Path;
use std::time::Duration;
use vpccni_rpc::ConnectError;
use vpccni_rpc::health::{self, Health};

/// The agent does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// There is no agent.
    #[error(transparent)]
    Connect(ConnectError),
    /// It did not answer the question.
    #[error("the agent did not say whether it serves: {0}")]
    Ask(Box<tonic::Status>),
    /// It was asked and said nothing.
    #[error("the agent has not answered in {0:?}")]
    Silent(Duration),
    /// It says no.
    #[error("the agent says that it does not serve")]
    NotServing,
}

/// Asks once; all of it takes no longer than this.
pub async fn probe(socket: &Path, timeout: Duration) -> Result<(), ProbeError> {
    let asked = async {
        let channel = vpccni_rpc::connect(socket, timeout)
            .await
            .map_err(ProbeError::Connect)?;
        match health::check(channel, health::OVERALL).await {
            Ok(Health::Serving) => Ok(()),
            Ok(Health::NotServing | Health::Unknown) => Err(ProbeError::NotServing),
            Err(status) => Err(ProbeError::Ask(Box::new(status))),
        }
    };
    tokio::time::timeout(timeout, asked)
        .await
        .unwrap_or(Err(ProbeError::Silent(timeout)))
}
