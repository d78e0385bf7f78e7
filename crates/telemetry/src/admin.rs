//! The admin server: `/livez`, `/readyz` and `/metrics`. Reads only; it can change nothing in the program.

use crate::health::{Check, Health};
use crate::metrics::{CONTENT_TYPE, Registry};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::fmt::Write as _;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Why the admin server ended.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The address is taken, or not ours.
    #[error("failed to listen on {address}: {source}")]
    Bind {
        /// What was asked for.
        address: SocketAddr,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// Serving failed.
    #[error("failed to serve the admin endpoints: {0}")]
    Serve(#[source] std::io::Error),
}

/// A bound admin server that does not answer yet: bound first, so that a taken port ends the program at start.
#[derive(Debug)]
pub struct Admin {
    listener: TcpListener,
    address: SocketAddr,
}

impl Admin {
    /// Binds `address`; port 0 takes a free one.
    pub async fn bind(address: SocketAddr) -> Result<Self, AdminError> {
        let failed = |source| AdminError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop` is cancelled and the requests under way have their answers.
    pub async fn serve(
        self,
        health: Health,
        registry: Registry,
        stop: CancellationToken,
    ) -> Result<(), AdminError> {
        let router = Router::new()
            .route("/livez", get(livez))
            .route("/readyz", get(readyz))
            .with_state(health)
            .route("/metrics", get(metrics).with_state(registry));
        axum::serve(self.listener, router)
            .with_graceful_shutdown(stop.cancelled_owned())
            .await
            .map_err(AdminError::Serve)
    }
}

async fn livez(State(health): State<Health>) -> Response {
    let silent = health.heartbeats.silent();
    if silent.is_empty() {
        return "ok\n".into_response();
    }
    let mut body = String::new();
    for (name, silence) in silent {
        // Writing to a String cannot fail.
        writeln!(body, "{name}: no tick for {} s", silence.as_secs()).ok();
    }
    (StatusCode::INTERNAL_SERVER_ERROR, body).into_response()
}

async fn readyz(State(health): State<Health>) -> Response {
    let mut body = String::new();
    for (name, check) in health.readiness.checks() {
        match check {
            Check::Passed => writeln!(body, "{name}: ok").ok(),
            Check::Failed(reason) => writeln!(body, "{name}: {reason}").ok(),
        };
    }
    let status = if health.readiness.is_ready() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, body).into_response()
}

async fn metrics(State(registry): State<Registry>) -> Response {
    match registry.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

#[cfg(test)]
mod tests;
