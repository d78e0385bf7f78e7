//! What the conditions say of a configuration that the EKS managed add-on carries.

use super::Scene;
use super::messages::listed;
use crate::policy::verdict::{Pending, Why};

impl Scene<'_> {
    /// What a managed add-on keeps from being applied: a reason and a sentence.
    pub(super) fn addon_pending(&self) -> Option<(&'static str, String)> {
        let addon = self.target()?.addon.carrier()?;
        let names = |why| {
            let pending = self
                .verdict()
                .pending
                .iter()
                .filter(move |pending| pending.why == why);
            pending.map(name).collect::<Vec<_>>()
        };
        let (absent, external) = (names(Why::NotInAddon), names(Why::ExternalWriter));
        let unrendered = names(Why::AddonBusy);
        if let Some(busy) = &addon.busy {
            Some(("AddonUpdating", format!("{}: {busy}", addon.name)))
        } else if !unrendered.is_empty() {
            let message = format!(
                "the document of {} says {}, and EKS has not written it to the DaemonSet yet",
                addon.name,
                listed(&unrendered)
            );
            Some(("AddonUpdating", message))
        } else if !external.is_empty() {
            Some((
                "WaitingForWriter",
                format!(
                    "{} is written by somebody else (writer External), who has to set {}; the whole document is in \
                     status.target.addonDocument",
                    addon.name,
                    listed(&external)
                ),
            ))
        } else if !absent.is_empty() {
            Some((
                "NotInAddonDocument",
                format!(
                    "the document of {} has no place for {}: EKS sets it from the cluster, or nobody can; take it out of \
                     the policy",
                    addon.name,
                    listed(&absent)
                ),
            ))
        } else if addon.issues.is_empty() {
            None
        } else {
            Some((
                "AddonUnhealthy",
                format!("{}: {}", addon.name, listed(&addon.issues)),
            ))
        }
    }

    /// What a closed rollout window holds back: settings, and the next version of the add-on.
    pub(super) fn waiting_for_window(&self, when: &str) -> String {
        let verdict = self.verdict();
        let held = verdict
            .pending
            .iter()
            .filter(|pending| pending.why == Why::OutsideWindow)
            .count();
        let carrier = self.target().and_then(|target| target.addon.carrier());
        let version = carrier.and_then(|addon| addon.next(self.world.intent.version));
        let mut waiting = Vec::new();
        if held > 0 {
            waiting.push(format!("{held} settings"));
        }
        if let (Some(version), false) = (version, verdict.refused) {
            waiting.push(format!("version {version}"));
        }
        format!(
            "outside the rollout window ({when}): {} to come",
            waiting.join(" and ")
        )
    }

    /// What to do about a version that does not run, where it is not on its way.
    pub(super) fn version_mismatch(&self) -> Option<String> {
        let (wanted, seen) = self.verdict().version_mismatch?;
        Some(match self.target()?.addon.carrier() {
            None => format!(
                "spec.version is {wanted}, the DaemonSet runs {seen}: change the image of the DaemonSet, or spec.version"
            ),
            Some(addon) => match (addon.offer(wanted), addon.offered.as_option()) {
                (Some(offer), _) => format!("{} is at {seen} and is to be updated to {offer}", addon.name),
                (None, Some(offered)) => {
                    let offered: Vec<String> = offered.iter().rev().map(ToString::to_string).collect();
                    format!(
                        "spec.version is {wanted}, which EKS does not offer for this cluster; it offers {}",
                        listed(&offered)
                    )
                }
                (None, None) => format!(
                    "spec.version is {wanted}, {} is at {seen}, and the versions that EKS offers could not be read",
                    addon.name
                ),
            },
        })
    }
}

fn name(pending: &Pending) -> String {
    match &pending.to {
        Some(value) => format!("{}={value}", pending.name),
        None => format!("{} (removed)", pending.name),
    }
}
