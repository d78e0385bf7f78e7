//! The one funnel of all writes of the operator. Everything it changes goes through [`Writer`], each write named by its
//! [`WriteSite`], let through by the [`Gate`], bounded in time, counted, and its error sorted by what the caller can
//! do. It decides nothing about what is written, and it reads nothing.

mod error;
mod gate;
mod site;
mod target;
mod written;

pub use error::WriteError;
pub(crate) use error::outcome_of;
pub use gate::{Gate, OpenGate};
pub use kube::api::Preconditions;
pub use site::WriteSite;
pub use target::Target;
pub use written::Written;

use crate::metrics::Metrics;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use vpccni_core::policy::{FIELD_MANAGER, RELEASED_FIELD_MANAGER};
use vpccni_core::ports::CloudError;

type Request = http::Request<Vec<u8>>;

/// How a server-side apply is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Apply<'a> {
    /// The field manager that owns the keys afterwards.
    pub manager: &'a str,
    /// Takes keys over from other managers instead of failing with a conflict.
    pub force: bool,
}

impl Apply<'static> {
    /// As the operator; a key of somebody else is a conflict.
    pub const OURS: Self = Self {
        manager: FIELD_MANAGER,
        force: false,
    };
    /// As the operator; keys of others are taken over.
    pub const TAKE_OVER: Self = Self {
        manager: FIELD_MANAGER,
        force: true,
    };
    /// As the manager that holds on to values that were let go.
    pub const RELEASED: Self = Self {
        manager: RELEASED_FIELD_MANAGER,
        force: true,
    };
}

/// Makes the writes.
#[derive(Clone)]
pub struct Writer {
    client: kube::Client,
    gate: Arc<dyn Gate>,
    metrics: Arc<Metrics>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer")
            .field("gate", &self.gate)
            .finish_non_exhaustive()
    }
}

impl Writer {
    /// A writer behind a gate.
    pub fn new(client: kube::Client, gate: Arc<dyn Gate>, metrics: Arc<Metrics>) -> Self {
        Self {
            client,
            gate,
            metrics,
        }
    }

    /// Server-side apply. `body` is the keys to own; apiVersion, kind, name and namespace are filled in. With
    /// `metadata.resourceVersion` in it, the write fails with a conflict if the object has moved on.
    pub async fn apply(
        &self,
        site: WriteSite,
        target: &Target,
        how: Apply<'_>,
        body: Value,
    ) -> Result<Written, WriteError> {
        let patch = Patch::Apply(target.complete(body));
        self.patch(site, target, None, &apply_params(how), &patch).await
    }

    /// Server-side apply of the status subresource.
    pub async fn apply_status(
        &self,
        site: WriteSite,
        target: &Target,
        how: Apply<'_>,
        body: Value,
    ) -> Result<Written, WriteError> {
        let patch = Patch::Apply(target.complete(body));
        self.patch(site, target, Some("status"), &apply_params(how), &patch)
            .await
    }

    /// A strategic merge patch of keys that nobody is to own for it: lists of a DaemonSet are merged by their keys.
    pub async fn strategic_merge_unowned(
        &self,
        site: WriteSite,
        target: &Target,
        body: Value,
    ) -> Result<Written, WriteError> {
        self.patch(site, target, None, &unowned_params(), &Patch::Strategic(body))
            .await
    }

    /// A JSON merge patch of keys that nobody is to own for it.
    pub async fn merge_unowned(
        &self,
        site: WriteSite,
        target: &Target,
        body: Value,
    ) -> Result<Written, WriteError> {
        self.patch(site, target, None, &unowned_params(), &Patch::Merge(body))
            .await
    }

    /// A JSON merge patch: `null` deletes a key, lists are replaced.
    pub async fn merge(&self, site: WriteSite, target: &Target, body: Value) -> Result<Written, WriteError> {
        self.patch(site, target, None, &patch_params(), &Patch::Merge(body))
            .await
    }

    /// A JSON patch, as the list of its operations; a failed `test` operation is [`WriteError::Invalid`].
    pub async fn json_patch(
        &self,
        site: WriteSite,
        target: &Target,
        operations: Value,
    ) -> Result<Written, WriteError> {
        let operations = serde_json::from_value(operations).map_err(|error| unreadable(target, &error))?;
        self.patch(site, target, None, &patch_params(), &Patch::Json(operations))
            .await
    }

    /// Creates the object.
    pub async fn create(&self, site: WriteSite, target: &Target, body: Value) -> Result<Written, WriteError> {
        let params = PostParams {
            dry_run: false,
            field_manager: Some(FIELD_MANAGER.to_owned()),
        };
        let data = serde_json::to_vec(&target.complete(body)).map_err(|error| unreadable(target, &error))?;
        let request = target
            .requests()
            .create(&params, data)
            .map_err(|error| unreadable(target, &error))?;
        self.send(site, target, request, None).await
    }

    /// Deletes the object if it is still the one the caller decided about.
    pub async fn delete(
        &self,
        site: WriteSite,
        target: &Target,
        only_if: Preconditions,
    ) -> Result<(), WriteError> {
        let params = DeleteParams::background().preconditions(only_if);
        let requests = target.requests();
        let request = requests
            .delete(&target.name, &params)
            .map_err(|error| unreadable(target, &error))?;
        self.send(site, target, request, None).await.map(drop)
    }

    /// Asks a pod to leave, by the eviction API: never by deleting it. Only the pod with this uid is meant.
    pub async fn evict(&self, site: WriteSite, target: &Target, uid: &str) -> Result<Written, WriteError> {
        let body = serde_json::json!({
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": target.name, "namespace": target.namespace},
            "deleteOptions": {"preconditions": {"uid": uid}},
        });
        let data = serde_json::to_vec(&body).map_err(|error| unreadable(target, &error))?;
        let request = target
            .requests()
            .create_subresource("eviction", &target.name, &PostParams::default(), data)
            .map_err(|error| unreadable(target, &error))?;
        self.send(site, target, request, None).await
    }

    /// A write through another API than that of Kubernetes: behind the same gate, in the same bounded time, counted alike.
    pub async fn outside<T: Send>(
        &self,
        site: WriteSite,
        target: &Target,
        call: impl Future<Output = Result<T, CloudError>> + Send,
    ) -> Result<T, WriteError> {
        let result = self.pass_outside(site, target, call).await;
        let outcome = result.as_ref().err().map_or("written", WriteError::category);
        self.metrics.write(site.name(), outcome);
        tracing::debug!(site = site.name(), %target, outcome, "write");
        result
    }

    /// Counts a write that was not made because the object already is as it should be.
    pub fn unchanged(&self, site: WriteSite) {
        self.metrics.write(site.name(), "unchanged");
    }

    async fn patch(
        &self,
        site: WriteSite,
        target: &Target,
        subresource: Option<&str>,
        params: &PatchParams,
        patch: &Patch<Value>,
    ) -> Result<Written, WriteError> {
        let requests = target.requests();
        let request = match subresource {
            Some(subresource) => requests.patch_subresource(subresource, &target.name, params, patch),
            None => requests.patch(&target.name, params, patch),
        };
        let request = request.map_err(|error| unreadable(target, &error))?;
        self.send(site, target, request, precondition(patch)).await
    }

    /// The only place that sends a write: gate, request in bounded time, gate, count.
    async fn send(
        &self,
        site: WriteSite,
        target: &Target,
        request: Request,
        before: Option<String>,
    ) -> Result<Written, WriteError> {
        let result = self.pass(site, target, request).await;
        let outcome = match &result {
            // The API server keeps the version of an object that a write leaves as it was.
            Ok(written) if before.is_some() && written.resource_version() == before.as_deref() => "no_op",
            Ok(_) => "written",
            Err(error) => error.category(),
        };
        self.metrics.write(site.name(), outcome);
        tracing::debug!(site = site.name(), %target, outcome, "write");
        result
    }

    async fn pass(&self, site: WriteSite, target: &Target, request: Request) -> Result<Written, WriteError> {
        self.gate.before(site).await?;
        let limit = self.limit(site);
        let answer = tokio::time::timeout(limit, self.client.request::<Value>(request))
            .await
            .map_err(|_| WriteError::TimedOut {
                target: target.clone(),
            })?
            .map_err(|error| WriteError::from_client(target, error))?;
        self.gate.after(site).await?;
        Ok(Written::new(answer))
    }

    async fn pass_outside<T: Send>(
        &self,
        site: WriteSite,
        target: &Target,
        call: impl Future<Output = Result<T, CloudError>> + Send,
    ) -> Result<T, WriteError> {
        self.gate.before(site).await?;
        let limit = self.limit(site);
        let answer = tokio::time::timeout(limit, call)
            .await
            .map_err(|_| WriteError::TimedOut {
                target: target.clone(),
            })?
            .map_err(|error| WriteError::from_cloud(target, error))?;
        self.gate.after(site).await?;
        Ok(answer)
    }

    /// No request outlives the right to make it.
    fn limit(&self, site: WriteSite) -> Duration {
        self.gate
            .time_left(site)
            .map_or_else(|| site.timeout(), |left| left.min(site.timeout()))
    }
}

fn apply_params(how: Apply<'_>) -> PatchParams {
    let params = PatchParams::apply(how.manager);
    if how.force { params.force() } else { params }
}

fn patch_params() -> PatchParams {
    PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    }
}

/// A patch makes its manager own what it changes, for good: under the name of the operator a later release would find
/// something to give up again and again.
fn unowned_params() -> PatchParams {
    PatchParams {
        field_manager: Some(RELEASED_FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    }
}

fn unreadable(target: &Target, error: &dyn std::error::Error) -> WriteError {
    WriteError::Invalid {
        target: target.clone(),
        message: format!("the request cannot be built: {error}"),
    }
}

/// The version the caller bound the write to, if any.
fn precondition(patch: &Patch<Value>) -> Option<String> {
    match patch {
        Patch::Apply(body) | Patch::Merge(body) | Patch::Strategic(body) => body
            .pointer("/metadata/resourceVersion")?
            .as_str()
            .map(str::to_owned),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
