//! What could not be read, one sentence each: a plan made without it is a plan that says so.

use crate::look::Look;
use vpccni_core::known::Known;
use vpccni_core::policy::CloudView;
use vpccni_core::safety::{WorkloadFacts, World};
use vpccni_observe::policy::groups_of;

/// The sentences, each once. Groups of nodes matter to a migration only.
pub(crate) fn unknown(look: &Look, needs_groups: bool) -> Vec<String> {
    let observed = &look.sight.observed;
    let mut sentences = Vec::new();
    let mut add = |sentence: &str| {
        if !sentences.iter().any(|known| known == sentence) {
            sentences.push(sentence.to_owned());
        }
    };
    look.unchecked.iter().for_each(|sentence| add(sentence));
    for failure in &observed.inventory.failures {
        add(&vpccni_observe::inventory::sentence(failure));
    }
    if let (true, CloudView::Partly(_, why)) = (observed.inventory.failures.is_empty(), &observed.cloud) {
        add(why);
    }
    if needs_groups && look.sight.groups.is_empty() && groups_of(observed).next().is_some() {
        add("the groups of the nodes: they are not in the snapshot, or there was no AWS to ask");
    }
    let World {
        cluster, workloads, ..
    } = &observed.world.seen;
    let WorkloadFacts {
        security_group_policies,
        network_policies,
        local_traffic_services,
        node_local_dns,
        kube_proxy_ipvs,
        probed_security_group_pods,
    } = workloads;
    let whys = [
        why(&cluster.ip_family),
        why(security_group_policies),
        why(network_policies),
        why(local_traffic_services),
        why(node_local_dns),
        why(kube_proxy_ipvs),
        why(probed_security_group_pods),
    ];
    whys.into_iter().flatten().for_each(&mut add);
    let without: Vec<&str> = observed
        .world
        .seen
        .nodes
        .iter()
        .filter(|node| node.takes_part() && why(&node.enis).is_some())
        .map(|node| node.name.as_str())
        .collect();
    if !without.is_empty() && observed.inventory.interfaces.as_option().is_some() {
        let first: Vec<&str> = without.iter().take(3).copied().collect();
        let more = without.len() - first.len();
        let more = if more == 0 {
            String::new()
        } else {
            format!(" and {more} more")
        };
        add(&format!("the interfaces of {}{more}", first.join(", ")));
    }
    sentences
}

fn why<T>(fact: &Known<T>) -> Option<&str> {
    match fact {
        Known::Yes(_) => None,
        Known::Unknown(why) => Some(why),
    }
}
