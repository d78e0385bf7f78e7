//! Kubeconfig files for the programs, and clients made from them.

use std::fs;
use std::path::Path;

use k8s_openapi::ByteString;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::json;

use super::error::StartError;

/// The content of a kubeconfig: one cluster, one user with a token.
pub(super) fn content(port: u16, authority_pem: &str, token: &str) -> Result<Kubeconfig, StartError> {
    let value = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "testbed", "cluster": {
            "server": format!("https://127.0.0.1:{port}"),
            "certificate-authority-data": ByteString(authority_pem.as_bytes().to_vec()),
        }}],
        "users": [{"name": "user", "user": {"token": token}}],
        "contexts": [{"name": "testbed", "context": {"cluster": "testbed", "user": "user"}}],
        "current-context": "testbed",
    });
    serde_json::from_value(value).map_err(|error| StartError::Client {
        message: error.to_string(),
    })
}

/// Writes it where kubectl, helm and the operator can read it.
pub(super) fn write(path: &Path, content: &Kubeconfig) -> Result<(), StartError> {
    let text = serde_norway::to_string(content).map_err(|error| StartError::Client {
        message: error.to_string(),
    })?;
    fs::write(path, text).map_err(StartError::file("write", path))
}

/// A client of that user.
pub(super) async fn client(content: Kubeconfig) -> Result<Client, StartError> {
    let config = Config::from_custom_kubeconfig(content, &KubeConfigOptions::default())
        .await
        .map_err(|error| StartError::Client {
            message: error.to_string(),
        })?;
    Client::try_from(config).map_err(|error| StartError::Client {
        message: error.to_string(),
    })
}
