//! The EKS managed add-on of a policy is written by UpdateAddon, never in the DaemonSet.

use crate::context::Context;
use crate::write::{Target, WriteError, WriteSite};
use kube::core::ApiResource;
use std::collections::{BTreeMap, BTreeSet};
use vpccni_core::config::text_digest;
use vpccni_core::policy::{SettingName, Written};
use vpccni_core::ports::{AddonUpdate, ResolveConflicts};
use vpccni_core::version::CniVersion;
use vpccni_observe::policy::Carrier;

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
