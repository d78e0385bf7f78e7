//! What the agent shows of itself to somebody on the node: the paths of the stock agent. Reads only.

use crate::agent::{Ask, Look};
use crate::kubernetes::Kubernetes;
use crate::settings::Settings;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use std::path::Path;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use vpccni_core::config::Key;
use vpccni_core::eniconfig;

/// What is shown where.
const PATHS: [&str; 5] = [
    "/",
    "/v1/enis",
    "/v1/eni-configs",
    "/v1/networkutils-env-settings",
    "/v1/ipamd-env-settings",
];

/// Why it cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum IntrospectError {
    /// The address is taken, or not ours.
    #[error("failed to listen on {address}: {source}")]
    Bind {
        /// What was asked for.
        address: String,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// Serving failed.
    #[error("failed to serve the introspection: {0}")]
    Serve(std::io::Error),
}

/// What it is shown from.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The task that owns the store.
    pub asks: mpsc::Sender<Ask>,
    /// The settings.
    pub settings: Settings,
    /// The API server, where there is one.
    pub kubernetes: Option<Kubernetes>,
}

/// A bound place that does not answer yet.
#[derive(Debug)]
pub enum Introspection {
    /// A port.
    Tcp(TcpListener),
    /// A socket.
    Unix(UnixListener),
}

impl Introspection {
    /// Binds `host:port` or `unix:path`.
    pub async fn bind(address: &str) -> Result<Self, IntrospectError> {
        let failed = |source| IntrospectError::Bind {
            address: address.to_owned(),
            source,
        };
        if let Some(path) = address.strip_prefix("unix:") {
            let listener = vpccni_rpc::server::bind(Path::new(path));
            let listener = listener.map_err(|error| failed(std::io::Error::other(error.to_string())))?;
            return Ok(Self::Unix(listener));
        }
        TcpListener::bind(address).await.map(Self::Tcp).map_err(failed)
    }

    /// Answers until `stop` is cancelled.
    pub async fn serve(self, sources: Sources, stop: CancellationToken) -> Result<(), IntrospectError> {
        let router = Router::new()
            .route("/", get(async || page(&json!({"AvailableCommands": PATHS}))))
            .route("/v1/enis", get(enis))
            .route("/v1/eni-configs", get(eni_configs))
            .route("/v1/networkutils-env-settings", get(network_settings))
            .route("/v1/ipamd-env-settings", get(pool_settings))
            .with_state(sources);
        let stopped = stop.cancelled_owned();
        let served = match self {
            Self::Tcp(listener) => {
                axum::serve(listener, router)
                    .with_graceful_shutdown(stopped)
                    .await
            }
            Self::Unix(listener) => {
                axum::serve(listener, router)
                    .with_graceful_shutdown(stopped)
                    .await
            }
        };
        served.map_err(IntrospectError::Serve)
    }
}

fn page(value: &Value) -> Response {
    let text = format!("{value}\n");
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

async fn enis(State(sources): State<Sources>) -> Response {
    let (reply, answer) = oneshot::channel();
    if sources.asks.send(Ask::Look { reply }).await.is_ok()
        && let Ok(Look { enis }) = answer.await
    {
        return page(&enis);
    }
    (StatusCode::SERVICE_UNAVAILABLE, "the agent is ending\n").into_response()
}

async fn eni_configs(State(sources): State<Sources>) -> Response {
    let effective = &sources.settings.effective;
    let node = sources.kubernetes.as_ref().and_then(Kubernetes::node);
    let name = node.map(|node| {
        let (label, annotation) = (effective.eni_config_label(), effective.eni_config_annotation());
        eniconfig::resolve(&node.labels, &node.annotations, label, annotation).to_owned()
    });
    page(&json!({ "EniConfigName": name }))
}

async fn network_settings(State(sources): State<Sources>) -> Response {
    let effective = &sources.settings.effective;
    let text = |key| effective.text(key);
    let cidrs = |key| {
        let cidrs = effective.cidrs(key).iter();
        cidrs.map(ToString::to_string).collect::<Vec<_>>()
    };
    page(&json!({
        "AWS_VPC_K8S_CNI_EXTERNALSNAT": effective.external_snat(),
        "AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS": cidrs(Key::ExcludeSnatCidrs),
        "AWS_EXTERNAL_SERVICE_CIDRS": cidrs(Key::ExternalServiceCidrs),
        "AWS_VPC_CNI_NODE_PORT_SUPPORT": effective.node_port_support(),
        "AWS_VPC_ENI_MTU": effective.eni_mtu(),
        "AWS_VPC_K8S_CNI_VETHPREFIX": effective.veth_prefix(),
        "AWS_VPC_K8S_CNI_CONNMARK": effective.int(Key::Connmark).unwrap_or(0x80),
        "AWS_VPC_K8S_CNI_RANDOMIZESNAT": text(Key::RandomizeSnat),
    }))
}

async fn pool_settings(State(sources): State<Sources>) -> Response {
    let effective = &sources.settings.effective;
    page(&json!({
        "WARM_ENI_TARGET": effective.warm_eni(),
        "WARM_IP_TARGET": effective.warm_ip(),
        "MINIMUM_IP_TARGET": effective.minimum_ip(),
        "WARM_PREFIX_TARGET": effective.warm_prefix(),
        "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": effective.custom_networking(),
        "AWS_MANAGE_ENIS_NON_SCHEDULABLE": effective.is_on(Key::ManageEnisNonSchedulable),
        "ENABLE_SUBNET_DISCOVERY": effective.subnet_discovery(),
        "ENABLE_PREFIX_DELEGATION": effective.prefix_delegation(),
    }))
}
