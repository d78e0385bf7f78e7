//! SIGTERM and SIGINT as a token: the first asks the program to end in order.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The handlers could not be installed.
#[derive(Debug, thiserror::Error)]
#[error("failed to listen for {name}: {source}")]
pub struct SignalError {
    name: &'static str,
    source: std::io::Error,
}

/// The signals that end the program, listened for from [`listen`] on.
#[derive(Debug)]
pub struct Shutdown {
    terminate: Signal,
    interrupt: Signal,
}

/// Installs the handlers. Must be called inside a runtime, before the first await, so that no early signal is lost.
pub fn listen() -> Result<Shutdown, SignalError> {
    let install = |kind, name| signal(kind).map_err(|source| SignalError { name, source });
    Ok(Shutdown {
        terminate: install(SignalKind::terminate(), "SIGTERM")?,
        interrupt: install(SignalKind::interrupt(), "SIGINT")?,
    })
}

impl Shutdown {
    /// Cancels `stop` at the first signal; returns when that happened or when somebody else cancelled it.
    pub async fn forward_to(mut self, stop: CancellationToken) {
        let name = tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            () = stop.cancelled() => return,
        };
        tracing::info!(signal = name, "shutting down");
        stop.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;
    use std::time::Duration;

    #[tokio::test]
    async fn sigterm_cancels_the_token() {
        let stop = CancellationToken::new();
        let shutdown = listen().unwrap();
        let pid = std::process::id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        tokio::time::timeout(Duration::from_secs(10), shutdown.forward_to(stop.clone()))
            .await
            .unwrap();
        assert!(stop.is_cancelled());
    }

    #[tokio::test]
    async fn a_cancelled_token_ends_the_listening() {
        let stop = CancellationToken::new();
        let shutdown = listen().unwrap();
        stop.cancel();
        tokio::time::timeout(Duration::from_secs(10), shutdown.forward_to(stop))
            .await
            .unwrap();
    }
}
