//! What the templates of the groups tell the kubelets of new nodes: read now and then, whether a migration is wanted or
//! not. A template that promises too much does no harm until the group grows, which may be at any time. Reads only.

use crate::context::Context;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use vpccni_core::known::Known;
use vpccni_core::safety::{NodeGroup, Provider};
use vpccni_observe::migration::groups;
use vpccni_observe::policy::{Eyes, Observed};

/// A reading so old is good enough: templates change by hand, and the calls to AWS are budgeted.
const AGE: SignedDuration = SignedDuration::from_mins(5);

/// What each template says.
type Told = BTreeMap<NodeGroup, Known<Option<u32>>>;

/// The last reading, and of which groups.
#[derive(Debug, Default)]
pub(crate) struct Templates(Option<(Timestamp, BTreeSet<NodeGroup>, Told)>);

impl Templates {
    /// The templates of all groups that have nodes, and of all NodePools.
    pub(super) async fn read(&mut self, ctx: &Context, eyes: &Eyes, observed: &Observed) -> Told {
        let now = ctx.now();
        let wanted = wanted(eyes, observed);
        if let Some((at, of, told)) = &self.0
            && *of == wanted
            && now.duration_since(*at).abs() < AGE
        {
            return told.clone();
        }
        let seen = groups(ctx.groups(observed.cluster_name.as_deref()), &wanted).await;
        let told = seen
            .facts
            .into_iter()
            .map(|(group, facts)| (group, facts.template.max_pods));
        let told: Told = told.collect();
        self.0 = Some((now, wanted, told.clone()));
        told
    }
}

fn wanted(eyes: &Eyes, observed: &Observed) -> BTreeSet<NodeGroup> {
    let nodes = observed.world.seen.nodes.iter();
    let of_nodes = nodes
        .filter(|node| node.takes_part())
        .map(|node| node.group.clone());
    let pools = eyes.stores.node_pools.all();
    let of_pools = pools.iter().map(|pool| NodeGroup {
        provider: Provider::Karpenter,
        name: pool.name.clone(),
    });
    let all = of_nodes.chain(of_pools);
    all.filter(|group| group.provider != Provider::SelfManaged)
        .collect()
}
