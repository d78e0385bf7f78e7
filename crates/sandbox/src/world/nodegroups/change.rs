//! UpdateNodegroupConfig: sizes, labels, taints and the rules of updates. No node is replaced.

use super::make::check_sizes;
use super::{NodegroupStatus, Sizes, Taint, UpdateRules};
use crate::error::ApiError;
use crate::world::eks_rules::invalid;
use crate::world::updates::Issue;
use crate::world::{GroupChange, World};
use std::collections::BTreeMap;

/// What UpdateNodegroupConfig asks for; what is none or empty stays as it is.
#[derive(Debug, Clone, Default)]
pub struct NodegroupChange {
    /// How many nodes.
    pub sizes: Option<Sizes>,
    /// How updates go about it.
    pub rules: Option<UpdateRules>,
    /// Labels to set.
    pub labels: BTreeMap<String, String>,
    /// Labels to take away.
    pub gone_labels: Vec<String>,
    /// Taints to set.
    pub taints: Vec<Taint>,
    /// Taints to take away.
    pub gone_taints: Vec<Taint>,
}

impl World {
    /// Begins to change a node group, and gives the id of the update.
    pub fn update_nodegroup(
        &mut self,
        cluster: &str,
        name: &str,
        change: NodegroupChange,
        params: Vec<(&'static str, String)>,
    ) -> Result<String, ApiError> {
        let group = self.nodegroup(cluster, name)?;
        group.idle()?;
        if params.is_empty() {
            return Err(invalid("No changes needed for the node group configuration"));
        }
        if let Some(sizes) = change.sizes {
            check_sizes(sizes)?;
        }
        let subject = group.subject();
        let id = self.begin_update(cluster, subject, "ConfigUpdate", params)?;
        self.nodegroup_mut(cluster, name)?.status = NodegroupStatus::Updating;
        self.change_after(self.timings.nodegroup_update, cluster, &id, change);
        Ok(id)
    }

    pub(in crate::world) fn change_nodegroup(
        &mut self,
        cluster: &str,
        name: &str,
        change: NodegroupChange,
    ) -> Vec<Issue> {
        let now = self.now;
        let Ok(group) = self.nodegroup_mut(cluster, name) else {
            return Vec::new();
        };
        group.status = if group.issues.is_empty() {
            NodegroupStatus::Active
        } else {
            NodegroupStatus::Degraded
        };
        group.modified = now;
        group.rules = change.rules.unwrap_or(group.rules);
        group.labels.extend(change.labels);
        group.labels.retain(|key, _| !change.gone_labels.contains(key));
        let replaced = |taint: &Taint| {
            let others = change.taints.iter().chain(&change.gone_taints);
            let same = |other: &Taint| other.key == taint.key && other.effect == taint.effect;
            !others.into_iter().any(same)
        };
        group.taints.retain(replaced);
        group.taints.extend(change.taints.clone());
        let Some(sizes) = change.sizes else {
            return Vec::new();
        };
        group.sizes = sizes;
        let scaling = group.scaling_group.clone();
        let resized = GroupChange {
            min: Some(sizes.min),
            max: Some(sizes.max),
            desired: Some(sizes.desired),
            ..GroupChange::default()
        };
        match self.update_scaling_group(&scaling, resized) {
            Ok(()) => Vec::new(),
            Err(error) => vec![Issue {
                code: "OperationNotPermitted".to_owned(),
                message: error.message().to_owned(),
                resources: vec![scaling],
            }],
        }
    }
}
