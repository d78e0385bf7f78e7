//! Acting as a service account, with a real token, so that its RBAC is what counts.

use std::path::PathBuf;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use kube::{Api, Client};

use super::error::StartError;
use super::{ControlPlane, kubeconfig};

/// Longer than any test or demo; a token cannot be renewed in a kubeconfig file.
const TOKEN_SECONDS: i64 = 24 * 3600;

/// What a program needs to act as a service account.
#[derive(Clone)]
pub struct AccountAccess {
    /// A client of that account.
    pub client: Client,
    /// A kubeconfig file of that account, in the folder of the control plane.
    pub kubeconfig: PathBuf,
    /// The token itself.
    pub token: String,
}

impl std::fmt::Debug for AccountAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccountAccess")
            .field("kubeconfig", &self.kubeconfig)
            .finish_non_exhaustive()
    }
}

impl ControlPlane {
    /// Access as a service account, which must exist.
    pub async fn service_account(&self, namespace: &str, name: &str) -> Result<AccountAccess, StartError> {
        let accounts = Api::<ServiceAccount>::namespaced(self.client(), namespace);
        let wanted = TokenRequest {
            spec: TokenRequestSpec {
                expiration_seconds: Some(TOKEN_SECONDS),
                ..TokenRequestSpec::default()
            },
            ..TokenRequest::default()
        };
        let call = || format!("request a token for the service account {namespace}/{name}");
        let answer = accounts
            .create_token_request(name, &PostParams::default(), &wanted)
            .await
            .map_err(|source| StartError::Api {
                call: call(),
                source: Box::new(source),
            })?;
        let token = answer
            .status
            .map(|status| status.token)
            .ok_or_else(|| StartError::Client {
                message: format!("{}: no token in the answer", call()),
            })?;
        let content = self.parts.kubeconfig_for(&token)?;
        let path = self.folder().join(format!("kubeconfig-{namespace}-{name}"));
        kubeconfig::write(&path, &content)?;
        Ok(AccountAccess {
            client: kubeconfig::client(content).await?,
            kubeconfig: path,
            token,
        })
    }
}
