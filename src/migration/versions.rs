//! Versions of launch templates, kept for a while: groups are read whenever one was changed, and what a numbered version
//! launches never changes.

use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use vpccni_core::ports::Answer;
use vpccni_core::ports::groups::{LaunchTemplates, NewTemplate, NewVersion, TemplateRef, TemplateVersion};

/// The tags of a template, which tell its owner, may change, and it may be deleted.
const GOOD_FOR: SignedDuration = SignedDuration::from_mins(1);

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Versions(Mutex<BTreeMap<TemplateRef, (Timestamp, TemplateVersion)>>);

/// Launch templates of which numbered versions are read once a while.
#[derive(Debug)]
pub(super) struct Numbered<'v> {
    pub(super) templates: &'v dyn LaunchTemplates,
    pub(super) kept: &'v Versions,
    pub(super) now: Timestamp,
}

impl Numbered<'_> {
    fn known(&self, which: &TemplateRef) -> Option<TemplateVersion> {
        let mut kept = self.kept.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (at, _)| self.now.duration_since(*at).abs() < GOOD_FOR);
        kept.get(which).map(|(_, version)| version.clone())
    }

    fn keep(&self, which: &TemplateRef, version: &TemplateVersion) {
        if which.version.parse::<u64>().is_ok() {
            let mut kept = self.kept.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.insert(which.clone(), (self.now, version.clone()));
        }
    }
}

impl LaunchTemplates for Numbered<'_> {
    fn template_version<'a>(&'a self, which: &'a TemplateRef) -> Answer<'a, Option<TemplateVersion>> {
        Box::pin(async move {
            if let Some(version) = self.known(which) {
                return Ok(Some(version));
            }
            let read = self.templates.template_version(which).await?;
            if let Some(version) = &read {
                self.keep(which, version);
            }
            Ok(read)
        })
    }

    fn create_version<'a>(&'a self, new: &'a NewVersion) -> Answer<'a, u64> {
        self.templates.create_version(new)
    }

    fn create_template<'a>(&'a self, new: &'a NewTemplate) -> Answer<'a, TemplateRef> {
        self.templates.create_template(new)
    }
}
