//! What EKS manages of the target: the add-on a policy names, or one whose manager owns something there.

use super::carrier::AddonDocument;
use super::document::Document;
use super::door::Door;
use super::live::owners;
use super::recall::Recall;
use crate::target::{Container, EnvValue, LiveTarget};
use std::collections::BTreeMap;
use vpccni_api::CniPolicy;
use vpccni_api::policy::{AddonWriter as ApiWriter, ManagedAddonRef};
use vpccni_core::known::Known;
use vpccni_core::policy::{AddonCarrier, AddonState, AddonWriter, ManagerClass};
use vpccni_core::version::CniVersion;

/// Statuses in which EKS takes no update.
const BUSY: [&str; 3] = ["CREATING", "UPDATING", "DELETING"];

/// What stands behind the target: the add-on that the policy names, or one whose manager owns something there. EKS is
/// only asked in those two cases.
pub(super) async fn addon_state(
    door: &Door<'_>,
    recall: &mut Recall,
    policy: &CniPolicy,
    live: Option<&LiveTarget>,
) -> (AddonState, Option<AddonDocument>) {
    let target = policy.spec.target.as_ref();
    if let Some(named) = target.and_then(|target| target.managed_addon.as_ref()) {
        let wanted = policy
            .spec
            .version
            .as_deref()
            .and_then(|text| CniVersion::parse(text).ok());
        let (carrier, document) = carrier(door, recall, named, wanted).await;
        return (AddonState::Carries(carrier), Some(document));
    }
    let by_eks = live.is_some_and(|live| {
        let owners = owners(live.image_owners(Container::AwsNode));
        owners.iter().any(|owner| owner.class == ManagerClass::Eks)
    });
    if !by_eks {
        return (AddonState::Absent, None);
    }
    let Some(cluster) = cluster_name(door.cluster_name, Some(policy), live) else {
        let why =
            "the field manager eks owns aws-node, and the cluster's name is not known: set spec.cluster.name";
        return (AddonState::Unknown(why.to_owned()), None);
    };
    let state = match recall.addon(door, &cluster, "vpc-cni").await {
        Ok(Some(addon)) => AddonState::Present(addon.version),
        Ok(None) => AddonState::Absent,
        Err(error) => AddonState::Unknown(error.to_string()),
    };
    (state, None)
}

/// The add-on that a policy names as the carrier. Where it cannot be used it is busy with the reason: nothing is ever
/// written to the DaemonSet instead.
async fn carrier(
    door: &Door<'_>,
    recall: &mut Recall,
    named: &ManagedAddonRef,
    wanted: Option<CniVersion>,
) -> (AddonCarrier, AddonDocument) {
    let described = recall.addon(door, &named.cluster_name, &named.name).await;
    let mut carrier = AddonCarrier {
        name: format!("add-on {} of {}", named.name, named.cluster_name),
        writer: match named.writer {
            Some(ApiWriter::External) => AddonWriter::External,
            Some(ApiWriter::Operator) | None => AddonWriter::Operator,
        },
        version: Known::not_read("the version of the add-on"),
        busy: None,
        issues: Vec::new(),
        document: BTreeMap::new(),
        offered: Known::not_read("the versions of the add-on"),
    };
    let mut written = AddonDocument {
        cluster: named.cluster_name.clone(),
        name: named.name.clone(),
        document: Document::default(),
    };
    let addon = match described {
        Ok(Some(addon)) => addon,
        Ok(None) => {
            carrier.busy = Some(
                "the cluster does not have it; create it, or take spec.target.managedAddon out of the policy"
                    .to_owned(),
            );
            return (carrier, written);
        }
        Err(error) => {
            carrier.busy = Some(format!("EKS could not be asked: {error}"));
            return (carrier, written);
        }
    };
    if let Ok(version) = CniVersion::parse(&addon.version) {
        carrier.version = Known::Yes(version);
    }
    carrier.busy = BUSY
        .contains(&addon.status.as_str())
        .then(|| format!("EKS says {}; it takes one update at a time", addon.status));
    carrier.issues = addon.issues;
    match Document::parse(addon.configuration_values.as_deref()) {
        Ok(document) => {
            carrier.document = document.settings();
            written.document = document;
        }
        Err(error) => carrier.busy = Some(error.to_string()),
    }
    if wanted.is_some_and(|wanted| !carrier.runs(wanted)) {
        carrier.offered = offered(door, recall, &named.name).await;
    }
    (carrier, written)
}

async fn offered(door: &Door<'_>, recall: &mut Recall, name: &str) -> Known<Vec<CniVersion>> {
    let Some(kubernetes) = recall.kubernetes_version(door.counts).await else {
        return Known::not_read("the version of the API server");
    };
    let minor: Vec<&str> = kubernetes.trim_start_matches('v').split('.').take(2).collect();
    match door.eks.addon_versions(name, &minor.join(".")).await {
        Ok(versions) => {
            let mut versions: Vec<CniVersion> = versions
                .iter()
                .filter_map(|v| CniVersion::parse(v).ok())
                .collect();
            versions.sort_unstable();
            Known::Yes(versions)
        }
        Err(error) => Known::Unknown(error.to_string()),
    }
}

/// The name of the cluster: the policy, the flags, the environment of aws-node.
pub(super) fn cluster_name(
    given: Option<&str>,
    policy: Option<&CniPolicy>,
    live: Option<&LiveTarget>,
) -> Option<String> {
    let in_policy = policy.and_then(|policy| policy.spec.cluster.as_ref()?.name.clone());
    let in_environment = || match live?.variable(Container::AwsNode, "CLUSTER_NAME")? {
        EnvValue::Text(text) if !text.is_empty() => Some(text.clone()),
        _ => None,
    };
    in_policy
        .or_else(|| given.map(str::to_owned))
        .or_else(in_environment)
}
