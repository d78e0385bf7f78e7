//! Connections: accepted, served for as long as they are used properly, and ended.

use crate::body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::future::Future;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Without it a process that has no file descriptors left would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// A client that sends the head of its request more slowly than that, or nothing, is cut off. Long enough for the
/// connections that an SDK keeps for its next call.
const HEAD_TIME: Duration = Duration::from_mins(1);

/// Ends the connection without an answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    /// A fault did it.
    #[error("a fault cut the connection")]
    Cut,
}

/// Serves every connection until it is told to stop; then those in flight end.
pub(crate) async fn accept<H, F>(listener: TcpListener, stop: CancellationToken, handle: H)
where
    H: Fn(http::Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<http::Response<Body>, NoAnswer>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve_connection(stream, stop.clone(), handle.clone()));
                }
                // Out of file descriptors, or a peer that left: the others are served on.
                Err(error) => {
                    tracing::warn!(%error, "failed to accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a connection ended by a bug of the sandbox");
                }
            }
        }
    }
    // Nobody new is to wait in the queue of a listener that serves no more.
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn serve_connection<H, F>(stream: TcpStream, stop: CancellationToken, handle: H)
where
    H: Fn(http::Request<Incoming>) -> F + Send,
    F: Future<Output = Result<http::Response<Body>, NoAnswer>> + Send,
{
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "failed to set TCP_NODELAY");
    }
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .serve_connection(TokioIo::new(stream), service_fn(handle));
    tokio::pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "connection ended");
    }
}
