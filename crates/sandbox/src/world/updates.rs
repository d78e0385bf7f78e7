//! Updates of EKS: every change of a cluster, an add-on or a node group is one, InProgress until it ends well or badly,
//! and one at a time for each of them.

use super::addons::AddonChange;
use super::clusters::{ClusterChange, ClusterStatus};
use super::{Due, NodegroupChange, World};
use crate::error::{ApiError, Code};
use jiff::Timestamp;
use std::time::Duration;

/// How far an update is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are AWS's own")]
pub enum UpdateStatus {
    InProgress,
    Failed,
    Successful,
}

impl UpdateStatus {
    /// The status as AWS writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "InProgress",
            Self::Failed => "Failed",
            Self::Successful => "Successful",
        }
    }
}

/// What is wrong with a resource, or was with an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// AWS's code.
    pub code: String,
    /// In words.
    pub message: String,
    /// What it is about.
    pub resources: Vec<String>,
}

/// What an update changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The cluster itself.
    Cluster,
    /// An add-on of it.
    Addon(String),
    /// A node group of it.
    Nodegroup(String),
}

/// The change that an update makes when it ends well.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Cluster(ClusterChange),
    Addon(AddonChange),
    Nodegroup(NodegroupChange),
}

/// An update.
#[derive(Debug, Clone)]
pub struct Update {
    /// Its id.
    pub id: String,
    /// What it changes.
    pub subject: Subject,
    /// AWS's type, such as `AddonUpdate`.
    pub kind: &'static str,
    /// How far it is.
    pub status: UpdateStatus,
    /// What was asked, by AWS's types of parameters.
    pub params: Vec<(&'static str, String)>,
    /// Since when.
    pub created: Timestamp,
    /// Why it failed.
    pub errors: Vec<Issue>,
    pub(super) change: Option<Change>,
}

impl World {
    /// Begins an update and gives its id; whoever calls has checked it and that none is in progress.
    pub(super) fn begin_update(
        &mut self,
        cluster: &str,
        subject: Subject,
        kind: &'static str,
        params: Vec<(&'static str, String)>,
        change: Option<Change>,
    ) -> Result<String, ApiError> {
        let id = self.random.request_id();
        let update = Update {
            id: id.clone(),
            subject,
            kind,
            status: UpdateStatus::InProgress,
            params,
            created: self.now,
            errors: Vec::new(),
            change,
        };
        self.cluster_mut(cluster)?.updates.push(update);
        Ok(id)
    }

    /// Lets an update end after a time.
    pub(super) fn end_update_after(&mut self, delay: Duration, cluster: &str, id: &str) {
        let due = Due::EksUpdate {
            cluster: cluster.to_owned(),
            update: id.to_owned(),
        };
        self.after(delay, due);
    }

    /// An update of a cluster, by what it changes and its id.
    pub fn update(&self, cluster: &str, subject: &Subject, id: &str) -> Result<&Update, ApiError> {
        let known = &self.cluster(cluster)?.updates;
        known
            .iter()
            .find(|update| update.id == id && update.subject == *subject)
            .ok_or_else(|| ApiError::new(Code::EksResourceNotFound, format!("No update found for ID: {id}")))
    }

    /// The time of an update of a cluster or an add-on is over: its change is made, or it failed.
    pub(super) fn finish_update(&mut self, cluster: &str, id: &str) {
        let Some(update) = self.update_in_progress(cluster, id) else {
            return;
        };
        let (subject, change) = (update.subject.clone(), update.change.take());
        let errors = match (&subject, change) {
            (Subject::Cluster, Some(Change::Cluster(change))) => {
                self.change_cluster(cluster, change);
                Vec::new()
            }
            (Subject::Addon(addon), Some(Change::Addon(change))) => self.change_addon(cluster, addon, change),
            (Subject::Nodegroup(name), Some(Change::Nodegroup(change))) => {
                self.change_nodegroup(cluster, name, change)
            }
            _ => Vec::new(),
        };
        self.close_update(cluster, id, errors);
    }

    /// An update ends, well if without errors.
    pub(super) fn close_update(&mut self, cluster: &str, id: &str, errors: Vec<Issue>) {
        if let Some(update) = self.update_in_progress(cluster, id) {
            update.status = if errors.is_empty() {
                UpdateStatus::Successful
            } else {
                UpdateStatus::Failed
            };
            update.errors = errors;
        }
    }

    fn update_in_progress(&mut self, cluster: &str, id: &str) -> Option<&mut Update> {
        let known = &mut self.clusters.get_mut(cluster)?.updates;
        known
            .iter_mut()
            .find(|update| update.id == id && update.status == UpdateStatus::InProgress)
    }

    /// A cluster that is to be changed: it exists, and nothing else changes it.
    pub(super) fn idle_cluster(&self, name: &str) -> Result<(), ApiError> {
        match self.cluster(name)?.status {
            ClusterStatus::Active => Ok(()),
            status => Err(ApiError::new(
                Code::EksResourceInUse,
                format!("Cluster {name} is in {} status", status.as_str()),
            )),
        }
    }
}
