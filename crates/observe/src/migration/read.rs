//! All groups that nodes are in, each read from who makes its nodes. What cannot be read is Unknown with a sentence.

use super::{karpenter, scaling};
use std::collections::{BTreeMap, BTreeSet};
use vpccni_core::known::Known;
use vpccni_core::migration::{GroupFacts, GroupView, Template, Update};
use vpccni_core::ports::groups::{AutoScaling, LaunchTemplates, NodeGroups};
use vpccni_core::safety::{NodeGroup, Provider};

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
}

impl std::fmt::Debug for Groups<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Groups")
            .field("cluster", &self.cluster)
            .finish_non_exhaustive()
    }
}

/// What was read of the groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupsSeen {
    /// For a plan.
    pub facts: BTreeMap<NodeGroup, GroupFacts>,
    /// For a round.
    pub views: BTreeMap<NodeGroup, GroupView>,
    /// A call that AWS denied, and what it said.
    pub denied: Option<String>,
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
                trouble: None,
            },
        }
    }
}

/// Reads these groups.
pub async fn groups(from: Groups<'_>, wanted: &BTreeSet<NodeGroup>) -> GroupsSeen {
    let mut seen = GroupsSeen::default();
    for (group, read) in
        scaling::auto_scaling(from, names(wanted, Provider::AutoScalingGroup), &mut seen.denied).await
    {
        insert(&mut seen, Provider::AutoScalingGroup, group, read);
    }
    for (group, read) in
        scaling::managed(from, names(wanted, Provider::ManagedNodeGroup), &mut seen.denied).await
    {
        insert(&mut seen, Provider::ManagedNodeGroup, group, read);
    }
    for (group, read) in karpenter::pools(from.client, names(wanted, Provider::Karpenter)).await {
        insert(&mut seen, Provider::Karpenter, group, read);
    }
    for name in names(wanted, Provider::SelfManaged) {
        let read = Seen::unknown("nobody that is known makes these nodes");
        insert(&mut seen, Provider::SelfManaged, name, read);
    }
    seen
}

fn names(wanted: &BTreeSet<NodeGroup>, provider: Provider) -> Vec<String> {
    let of = wanted.iter().filter(|group| group.provider == provider);
    of.map(|group| group.name.clone()).collect()
}

fn insert(seen: &mut GroupsSeen, provider: Provider, name: String, read: Seen) {
    let group = NodeGroup { provider, name };
    seen.facts.insert(group.clone(), read.facts);
    seen.views.insert(group, read.view);
}
