//! Keeps what the admission policies of the chart go by: their parameter ConfigMap, and whether they warn or deny.
//!
//! The policies themselves are the chart's. Where the chart was installed without them, a missing binding is no error.

mod params;

pub(crate) use params::Parameters;

use crate::context::Context;
use crate::write::{Apply, Target, WriteError, WriteSite};
use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicyBinding;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use serde_json::json;
use std::collections::BTreeMap;

/// The bindings whose action follows the policy; the one for node states always denies.
const BINDINGS: [&str; 4] = [
    "vpccni-owned-keys",
    "vpccni-update-strategy",
    "vpccni-target-delete",
    "vpccni-eniconfigs-in-use",
];

/// What the policies do with a change by others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It goes through with a warning.
    Warn,
    /// It does not.
    Deny,
}

impl Mode {
    fn actions(self) -> [&'static str; 2] {
        match self {
            Self::Warn => ["Warn", "Audit"],
            Self::Deny => ["Deny", "Audit"],
        }
    }
}

/// What was written last, so that a round with nothing new writes nothing.
#[derive(Debug, Default)]
pub(crate) struct Written {
    data: Option<BTreeMap<&'static str, String>>,
    mode: Option<Mode>,
}

/// Brings parameters and bindings to what they should be; says what failed, and goes on with the rest.
pub(crate) async fn reconcile(
    ctx: &Context,
    written: &mut Written,
    parameters: &Parameters,
    mode: Option<Mode>,
) -> Vec<WriteError> {
    let mut failures = Vec::new();
    let data = parameters.data();
    if written.data.as_ref() != Some(&data) {
        match write_parameters(ctx, &data).await {
            Ok(()) => written.data = Some(data),
            Err(error) => failures.push(error),
        }
    }
    if let Some(mode) = mode.filter(|mode| written.mode != Some(*mode)) {
        let failed = write_bindings(ctx, mode).await;
        if failed.is_empty() {
            written.mode = Some(mode);
        }
        failures.extend(failed);
    }
    failures
}

async fn write_parameters(ctx: &Context, data: &BTreeMap<&'static str, String>) -> Result<(), WriteError> {
    let settings = &ctx.settings;
    let target = Target::namespaced::<ConfigMap>(&settings.namespace, &settings.admission_parameters_name);
    let site = WriteSite::AdmissionParameters;
    ctx.writer
        .apply(site, &target, Apply::TAKE_OVER, json!({"data": data}))
        .await
        .map(|_| ())
}

/// Patches the bindings that are there and differ. A missing one means that the chart was installed without it.
async fn write_bindings(ctx: &Context, mode: Mode) -> Vec<WriteError> {
    let api: Api<ValidatingAdmissionPolicyBinding> = Api::all(ctx.client.clone());
    let mut failures = Vec::new();
    for name in BINDINGS {
        let Ok(Some(binding)) = api.get_opt(name).await else {
            continue;
        };
        let seen = binding
            .spec
            .and_then(|spec| spec.validation_actions)
            .unwrap_or_default();
        if seen == mode.actions() {
            continue;
        }
        let target = Target::cluster::<ValidatingAdmissionPolicyBinding>(name);
        let body = json!({"spec": {"validationActions": mode.actions()}});
        if let Err(error) = ctx.writer.merge(WriteSite::AdmissionBinding, &target, body).await {
            failures.push(error);
        }
    }
    failures
}
