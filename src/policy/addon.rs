//! The EKS managed add-on of a policy: read from EKS, and written by UpdateAddon, never in the DaemonSet.

use super::carrier::{AddonDocument, Carrier};
use super::document::Document;
use super::memory::{Heard, Memory};
use crate::context::Context;
use crate::write::{Target, WriteError, WriteSite};
use jiff::SignedDuration;
use kube::core::ApiResource;
use std::collections::{BTreeMap, BTreeSet};
use vpccni_api::policy::{AddonWriter as ApiWriter, ManagedAddonRef};

use vpccni_core::config::text_digest;
use vpccni_core::known::Known;
use vpccni_core::policy::{AddonCarrier, AddonWriter, SettingName, Written};
use vpccni_core::ports::{Addon, AddonUpdate, CloudError, ResolveConflicts};
use vpccni_core::version::CniVersion;

/// How old what EKS said of the add-on may be: rounds come as often as pods change, and EKS allows few calls.
const FRESH: SignedDuration = SignedDuration::from_secs(5);

/// Statuses in which EKS takes no update.
const BUSY: [&str; 3] = ["CREATING", "UPDATING", "DELETING"];

/// Asks EKS for an add-on, or remembers.
pub(crate) async fn describe(
    ctx: &Context,
    memory: &mut Memory,
    cluster: &str,
    name: &str,
) -> Result<Option<Addon>, CloudError> {
    let now = ctx.now();
    let fresh = |heard: &&Heard| {
        heard.cluster == cluster && heard.name == name && now.duration_since(heard.at) < FRESH
    };
    if let Some(heard) = memory.addon.as_ref().filter(fresh) {
        return heard.answer.clone();
    }
    let answer = ctx.eks.addon(cluster, name).await;
    memory.addon = Some(Heard {
        at: now,
        cluster: cluster.to_owned(),
        name: name.to_owned(),
        answer: answer.clone(),
    });
    answer
}

/// The add-on that a policy names as the carrier. Where it cannot be used it is busy with the reason: nothing is ever
/// written to the DaemonSet instead.
pub(crate) async fn carrier(
    ctx: &Context,
    memory: &mut Memory,
    named: &ManagedAddonRef,
    wanted: Option<CniVersion>,
) -> (AddonCarrier, AddonDocument) {
    let described = describe(ctx, memory, &named.cluster_name, &named.name).await;
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
        carrier.offered = offered(ctx, memory, &named.name).await;
    }
    (carrier, written)
}

async fn offered(ctx: &Context, memory: &mut Memory, name: &str) -> Known<Vec<CniVersion>> {
    let Some(kubernetes) = memory.kubernetes_version(ctx).await else {
        return Known::not_read("the version of the API server");
    };
    let minor: Vec<&str> = kubernetes.trim_start_matches('v').split('.').take(2).collect();
    match ctx.eks.addon_versions(name, &minor.join(".")).await {
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

/// One update of the add-on.
pub(crate) struct Update<'a> {
    pub(crate) set: &'a BTreeMap<SettingName, Written>,
    pub(crate) unset: &'a BTreeSet<SettingName>,
    pub(crate) version: Option<CniVersion>,
    pub(crate) overwrite: bool,
}

/// Sends the update. The token makes a repetition after a lost answer the same update, as long as the DaemonSet shows
/// no effect of it.
pub(crate) async fn update(ctx: &Context, carrier: &Carrier, update: Update<'_>) -> Result<(), WriteError> {
    let Some(addon) = &carrier.addon else {
        return Ok(());
    };
    let text = addon.document.clone().with(update.set, update.unset).text();
    let version = update.version.map(|version| version.to_string());
    let token = text_digest(&format!(
        "{text} {version:?} {} {}",
        update.overwrite, carrier.resource_version
    ));
    let change = AddonUpdate {
        cluster: addon.cluster.clone(),
        name: addon.name.clone(),
        version,
        configuration_values: text,
        resolve_conflicts: if update.overwrite {
            ResolveConflicts::Overwrite
        } else {
            ResolveConflicts::None
        },
        token,
    };
    let resource = ApiResource {
        group: "eks.amazonaws.com".to_owned(),
        version: "2017-11-01".to_owned(),
        api_version: "eks.amazonaws.com/2017-11-01".to_owned(),
        kind: "Addon".to_owned(),
        plural: "addons".to_owned(),
    };
    let target = Target::new(resource, None, &format!("{}/{}", addon.cluster, addon.name));
    let call = ctx.eks.update_addon(&change);
    let id = ctx.writer.outside(WriteSite::UpdateAddon, &target, call).await?;
    tracing::info!(
        cluster = addon.cluster,
        addon = addon.name,
        update = id,
        "the add-on is updated"
    );
    Ok(())
}
