//! The status of the CniNodeState, as the node's own agent sees it. Where the operator is not installed there is no
//! such object, and nothing is written.

use super::Kubernetes;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use vpccni_api::CniNodeState;
use vpccni_api::node_state::{
    CniNodeStateStatus, EniCounts, Instance, MaxPods, NodeSummary, ObservedBy, ObservedMode, PoolCounts,
};
use vpccni_core::ports::node::Identity;

/// Owns the fields that are written here; the operator then writes the status no more.
const FIELD_MANAGER: &str = "ipamd";

/// What the agent says of its node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The instance.
    pub identity: Identity,
    /// How it gives addresses.
    pub mode: ObservedMode,
    /// Interfaces attached.
    pub attached: i64,
    /// Secondary addresses.
    pub secondary_ips: i64,
    /// Prefixes.
    pub prefixes: i64,
    /// Whether one is a trunk.
    pub trunk: bool,
    /// Addresses held by pods, free, and in cooldown.
    pub pool: (i64, i64, i64),
    /// Pods the kubelet was started for.
    pub max_pods: Option<i64>,
    /// Pods its addresses can carry.
    pub possible: Option<i64>,
    /// What failed last.
    pub last_error: Option<String>,
}

fn status(report: &Report) -> CniNodeStateStatus {
    let Report {
        identity,
        mode,
        attached,
        secondary_ips,
        prefixes,
        trunk,
        pool: (assigned, warm, cooldown),
        max_pods,
        possible,
        last_error,
    } = report;
    let pods = match (max_pods, possible) {
        (None, _) => "?".to_owned(),
        (Some(seen), Some(possible)) if possible != seen => format!("{seen} ({possible} possible)"),
        (Some(seen), _) => seen.to_string(),
    };
    CniNodeStateStatus {
        summary: Some(NodeSummary {
            enis: Some(attached.to_string()),
            prefixes: Some(prefixes.to_string()),
            max_pods: Some(pods),
        }),
        instance: Some(Instance {
            id: Some(identity.instance.to_string()),
            instance_type: Some(identity.instance_type.to_string()),
            zone: Some(identity.zone.to_string()),
        }),
        mode: Some(*mode),
        enis: Some(EniCounts {
            attached: Some(*attached),
            secondary_ips: Some(*secondary_ips),
            prefixes: Some(*prefixes),
            trunk: Some(*trunk),
            branches: None,
        }),
        pool: Some(PoolCounts {
            assigned: Some(*assigned),
            warm: Some(*warm),
            cooldown: Some(*cooldown),
        }),
        max_pods: Some(MaxPods {
            seen: *max_pods,
            declared: *max_pods,
            possible: *possible,
        }),
        observed_by: Some(ObservedBy::Ipamd),
        last_error: last_error
            .as_ref()
            .map(|text| vpccni_api::convert::bounded(text, 1024)),
        ..CniNodeStateStatus::default()
    }
}

impl Kubernetes {
    /// Writes it; whether that went through, or there is nothing to write to.
    pub async fn report(&self, report: &Report) -> bool {
        let api: Api<CniNodeState> = Api::all(self.client.0.clone());
        let body = json!({
            "apiVersion": "vpccni.io/v1alpha1",
            "kind": "CniNodeState",
            "metadata": {"name": self.node_name},
            "status": status(report),
        });
        let params = PatchParams::apply(FIELD_MANAGER).force();
        match api
            .patch_status(&self.node_name, &params, &Patch::Apply(body))
            .await
        {
            Ok(_) => true,
            Err(kube::Error::Api(answer)) if answer.code == 404 => true,
            Err(error) => {
                tracing::debug!(%error, "the CniNodeState was not written");
                false
            }
        }
    }
}
