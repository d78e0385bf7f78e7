//! The changes that updates of EKS make when their time is over.

use super::updates::Subject;
use super::{AddonChange, ClusterChange, ClusterStatus, Due, NodegroupChange, World};
use crate::error::{ApiError, Code};
use std::time::Duration;

/// The change that an update makes when it ends well.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Cluster(ClusterChange),
    Addon(AddonChange),
    Nodegroup(NodegroupChange),
}

impl From<ClusterChange> for Change {
    fn from(change: ClusterChange) -> Self {
        Self::Cluster(change)
    }
}

impl From<AddonChange> for Change {
    fn from(change: AddonChange) -> Self {
        Self::Addon(change)
    }
}

impl From<NodegroupChange> for Change {
    fn from(change: NodegroupChange) -> Self {
        Self::Nodegroup(change)
    }
}

impl World {
    /// Lets an update end after a time, and make its change then.
    pub(super) fn change_after(
        &mut self,
        delay: Duration,
        cluster: &str,
        update: &str,
        change: impl Into<Change>,
    ) {
        self.eks_changes.insert(update.to_owned(), change.into());
        let due = Due::EksUpdate {
            cluster: cluster.to_owned(),
            update: update.to_owned(),
        };
        self.after(delay, due);
    }

    /// The time of an update is over: its change is made, or it failed.
    pub(super) fn finish_update(&mut self, cluster: &str, id: &str) {
        let change = self.eks_changes.remove(id);
        let Some(update) = self.update_in_progress(cluster, id) else {
            return;
        };
        let subject = update.subject.clone();
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
