//! The managed node groups of the cluster: an empty one tells of zones that no node does.

use super::Reader;
use futures::future::join_all;
use vpccni_core::known::Known;
use vpccni_core::ports::Nodegroups;

/// Descriptions under way at a time: there is no call that describes several.
const AT_ONCE: usize = 4;

impl Reader<'_> {
    pub(super) async fn nodegroups(&mut self) -> Nodegroups {
        let Some(cluster) = &self.ask.cluster else {
            return Known::Unknown("the name of the cluster is not known: set spec.cluster.name".to_owned());
        };
        let answer = self.eks.nodegroups(cluster).await;
        let names = match self.heard(answer) {
            Known::Yes(names) => names,
            Known::Unknown(why) => return Known::Unknown(why),
        };
        let mut found = Vec::new();
        for batch in names.chunks(AT_ONCE) {
            let mut calls = Vec::new();
            for name in batch {
                calls.push(self.eks.nodegroup(cluster, name));
            }
            for answer in join_all(calls).await {
                match self.heard(answer) {
                    Known::Yes(group) => found.extend(group),
                    Known::Unknown(why) => return Known::Unknown(why),
                }
            }
        }
        Known::Yes(found)
    }
}
