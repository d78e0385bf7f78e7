//! Updates of EKS: every change of a cluster, an add-on or a node group is one, InProgress until it ends well or badly,
//! and one at a time for each of them.

use super::World;
use crate::error::{ApiError, Code};
use jiff::Timestamp;

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
}

impl World {
    /// Begins an update and gives its id; whoever calls has checked it and that none is in progress.
    pub(super) fn begin_update(
        &mut self,
        cluster: &str,
        subject: Subject,
        kind: &'static str,
        params: Vec<(&'static str, String)>,
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
        };
        self.cluster_mut(cluster)?.updates.push(update);
        Ok(id)
    }

    /// An update of a cluster, by what it changes and its id.
    pub fn update(&self, cluster: &str, subject: &Subject, id: &str) -> Result<&Update, ApiError> {
        let known = &self.cluster(cluster)?.updates;
        known
            .iter()
            .find(|update| update.id == id && update.subject == *subject)
            .ok_or_else(|| ApiError::new(Code::EksResourceNotFound, format!("No update found for ID: {id}")))
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

    pub(super) fn update_in_progress(&mut self, cluster: &str, id: &str) -> Option<&mut Update> {
        let known = &mut self.clusters.get_mut(cluster)?.updates;
        known
            .iter_mut()
            .find(|update| update.id == id && update.status == UpdateStatus::InProgress)
    }
}
