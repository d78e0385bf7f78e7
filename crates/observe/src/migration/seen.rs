//! Where groups are read from, and one group as its readers fill it in.

use jiff::Timestamp;
use std::collections::BTreeSet;
use vpccni_core::known::Known;
use vpccni_core::migration::{GroupFacts, GroupView, Template, Update};
use vpccni_core::ports::groups::{AutoScaling, LaunchTemplates, NodeGroups};

/// Where groups are read from.
#[derive(Clone, Copy)]
pub struct Groups<'a> {
    /// The API server, for Karpenter's objects.
    pub client: &'a kube::Client,
    /// Auto Scaling.
    pub scaling: &'a dyn AutoScaling,
    /// Launch templates.
    pub templates: &'a dyn LaunchTemplates,
    /// EKS.
    pub node_groups: &'a dyn NodeGroups,
    /// The name of the cluster, where it is known.
    pub cluster: Option<&'a str>,
    /// The time: EKS does not say when a group became degraded, so it is now.
    pub now: Timestamp,
}

impl std::fmt::Debug for Groups<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Groups")
            .field("cluster", &self.cluster)
            .finish_non_exhaustive()
    }
}

/// One group, as both readers want it.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) facts: GroupFacts,
    pub(super) view: GroupView,
}

impl Seen {
    /// A group of which nothing is known but why.
    pub(super) fn unknown(why: &str) -> Self {
        Self::of(Template {
            max_pods: Known::Unknown(why.to_owned()),
            owned_by: None,
            nitro_only: Known::Unknown(why.to_owned()),
            karpenter: None,
        })
    }

    pub(super) fn of(template: Template) -> Self {
        Self {
            facts: GroupFacts {
                size: None,
                template: template.clone(),
                subnets: BTreeSet::new(),
                paused: None,
                update_surge: None,
            },
            view: GroupView {
                size: None,
                instances: None,
                template,
                drift_annotation: None,
                suspended: false,
                frozen: false,
                minimum_lowered: false,
                update: Update::None,
                update_noted: false,
                newest_max_pods: None,
                trouble: None,
            },
        }
    }
}
