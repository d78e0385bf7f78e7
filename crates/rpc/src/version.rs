//! The handshake: plugin and agent must be of one version, since they are installed as a pair.

use tonic::Status;

/// The version of both sides.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Refuses a client of another version than the server's.
///
/// A client that says nothing is refused too: the stock plugin has always said its version.
pub fn check_version(server: &str, client: &str) -> Result<(), Status> {
    if client == server {
        return Ok(());
    }
    Err(Status::failed_precondition(format!(
        "the plugin is of version {client:?}, the agent of version {server:?}: they must be installed together"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::Code;

    #[test]
    fn only_the_very_same_version_is_served() {
        assert!(check_version("1.2.3", "1.2.3").is_ok());
        for other in ["1.2.4", "v1.2.3", "1.2", ""] {
            let refused = check_version("1.2.3", other).unwrap_err();
            assert_eq!(refused.code(), Code::FailedPrecondition, "{other}");
        }
    }
}
