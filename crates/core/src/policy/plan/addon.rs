//! The steps where the EKS managed add-on carries the configuration: one update of its document, or none yet.

use super::{Action, Scene};
use crate::policy::addon::{AddonCarrier, AddonWriter, document_path};
use crate::policy::diff::Row;
use crate::policy::manager::ManagerClass;
use crate::policy::setting::{SettingName, Written};
use crate::policy::verdict::{Verdict, Why};
use crate::policy::world::Window;
use std::collections::BTreeMap;

impl Scene<'_> {
    /// One update of the add-on for everything that is to change. Only what its document lacks makes one necessary, or a
    /// value that others put into the DaemonSet.
    pub(super) fn update_addon(
        &self,
        addon: &AddonCarrier,
        enforced: BTreeMap<SettingName, Written>,
        write: &[Row],
        verdict: &mut Verdict,
    ) -> Option<Action> {
        let version = addon.next(self.world.intent.version).filter(|_| !verdict.refused);
        // Another version restarts every pod of aws-node, as a setting that restarts does.
        let version = match &self.world.intent.window {
            Window::Closed(when) if version.is_some() => {
                verdict.window = Some(when.clone());
                None
            }
            Window::Closed(_) | Window::Open => version,
        };
        if addon.writer == AddonWriter::External
            || addon.busy.is_some()
            || (write.is_empty() && version.is_none())
        {
            return None;
        }
        let overwrite = write.iter().any(|row| {
            row.other_owner()
                .is_some_and(|owner| owner.class != ManagerClass::Eks)
        });
        let unset = write.iter().filter(|row| row.to.is_none());
        Some(Action::UpdateAddon {
            set: enforced,
            unset: unset.map(|row| row.name.clone()).collect(),
            version,
            overwrite,
            changed: write.to_vec(),
        })
    }

    /// Why the add-on does not take a row now, where it carries the configuration.
    pub(super) fn addon_waits(&self, row: &Row) -> Option<Why> {
        let addon = self.target.addon.carrier()?;
        if document_path(&row.name).is_none() {
            Some(Why::NotInAddon)
        } else if addon.writer == AddonWriter::External {
            Some(Why::ExternalWriter)
        } else {
            let by_others = row
                .other_owner()
                .is_some_and(|owner| owner.class != ManagerClass::Eks);
            let is_said = row.to.is_some() && addon.document.get(&row.name) == row.to.as_ref();
            (addon.busy.is_some() || (is_said && !by_others)).then_some(Why::AddonBusy)
        }
    }
}
