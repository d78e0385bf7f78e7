//! A connection to a unix socket.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint};

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody listens there, or the file may not be opened.
    #[error("connect to {}: {error}", path.display())]
    Refused {
        /// The socket.
        path: PathBuf,
        /// What the kernel says.
        error: io::Error,
    },
    /// Somebody listens, but nobody accepted in time.
    #[error("connect to {}: no answer in {timeout:?}", path.display())]
    Silent {
        /// The socket.
        path: PathBuf,
        /// How long it was waited.
        timeout: Duration,
    },
    /// Who accepted does not speak HTTP/2.
    #[error("open a channel to {}: {error}", path.display())]
    Handshake {
        /// The socket.
        path: PathBuf,
        /// What tonic says.
        error: tonic::transport::Error,
    },
}

/// Connects at once, within `timeout`; it is not tried again. The channel lasts as long as the connection does.
pub async fn connect(path: &Path, timeout: Duration) -> Result<Channel, ConnectError> {
    let silent = || ConnectError::Silent {
        path: path.to_owned(),
        timeout,
    };
    let handshake = async {
        let stream = UnixStream::connect(path)
            .await
            .map_err(|error| ConnectError::Refused {
                path: path.to_owned(),
                error,
            })?;
        over(stream).await.map_err(|error| ConnectError::Handshake {
            path: path.to_owned(),
            error,
        })
    };
    tokio::time::timeout(timeout, handshake)
        .await
        .unwrap_or_else(|_| Err(silent()))
}

/// A channel over a stream that is already there; a second connection is refused, since nobody makes one.
async fn over(stream: UnixStream) -> Result<Channel, tonic::transport::Error> {
    let mut stream = Some(TokioIo::new(stream));
    let connector = tower::service_fn(move |_| {
        let stream = stream.take();
        async move { stream.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected)) }
    });
    // The authority of a unix socket is only a header; Go's servers expect this word there.
    Endpoint::from_static("http://localhost")
        .connect_with_connector(connector)
        .await
}
