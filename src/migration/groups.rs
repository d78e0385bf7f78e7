//! The last reading of the groups, and what outlives a reading that failed.

use super::versions::{Numbered, Versions};
use crate::context::Context;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use vpccni_core::migration::{GroupFacts, GroupView};
use vpccni_core::safety::NodeGroup;
use vpccni_observe::migration::{Groups, GroupsSeen, groups};

/// A reading of groups so old is good enough while nothing of ours has changed them: rounds come many times a second, and
/// the calls to AWS are budgeted.
const GROUPS_AGE: SignedDuration = SignedDuration::from_secs(5);

/// What was read of a group outlives readings that failed for so long: a call may be throttled, and deeds look again
/// before they change anything.
const GROUPS_OUTLIVE: SignedDuration = SignedDuration::from_mins(1);

/// The last reading of the groups, and the last good one of each.
#[derive(Debug, Default)]
pub(super) struct LastGroups {
    last: Option<(Timestamp, BTreeSet<NodeGroup>, GroupsSeen)>,
    good: BTreeMap<NodeGroup, (Timestamp, GroupFacts, GroupView)>,
    versions: Versions,
}

impl LastGroups {
    /// Something of them was changed.
    pub(super) fn forget(&mut self) {
        self.last = None;
    }

    pub(super) async fn read(
        &mut self,
        ctx: &Context,
        cluster: Option<&str>,
        wanted: BTreeSet<NodeGroup>,
    ) -> GroupsSeen {
        let now = ctx.now();
        if let Some((at, of, seen)) = &self.last
            && *of == wanted
            && now.duration_since(*at).abs() < GROUPS_AGE
        {
            return seen.clone();
        }
        let templates = Numbered {
            templates: ctx.templates.as_ref(),
            kept: &self.versions,
            now,
        };
        let from = Groups {
            templates: &templates,
            ..ctx.groups(cluster)
        };
        let mut seen = groups(from, &wanted).await;
        self.remember(&mut seen, now);
        self.last = Some((now, wanted, seen.clone()));
        seen
    }

    /// Keeps what is good, and gives it for what could not be read a moment later. Never a size: the books of the groups
    /// rest on it, and an old one would look like somebody's change.
    fn remember(&mut self, seen: &mut GroupsSeen, now: Timestamp) {
        self.good
            .retain(|_, (at, ..)| now.duration_since(*at).abs() < GROUPS_OUTLIVE);
        for (group, facts) in &mut seen.facts {
            let Some(view) = seen.views.get_mut(group) else {
                continue;
            };
            if facts.template.max_pods.as_option().is_some() {
                let good = (now, facts.clone(), view.clone());
                self.good.insert(group.clone(), good);
            } else if let Some((_, good, its_view)) = self.good.get(group) {
                let (size, instances) = (view.size, view.instances);
                facts.clone_from(good);
                view.clone_from(its_view);
                (facts.size, view.size, view.instances) = (size, size, instances);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vpccni_core::known::Known;
    use vpccni_core::migration::{GroupSize, Template, Update};
    use vpccni_core::safety::Provider;

    fn group() -> NodeGroup {
        NodeGroup {
            provider: Provider::AutoScalingGroup,
            name: "workers".to_owned(),
        }
    }

    fn reading(max_pods: Known<Option<u32>>, desired: Option<u32>) -> GroupsSeen {
        let template = Template {
            max_pods,
            owned_by: None,
            nitro_only: Known::Yes(true),
            karpenter: None,
        };
        let size = desired.map(|desired| GroupSize {
            min: 0,
            max: 9,
            desired,
        });
        let facts = GroupFacts {
            size,
            template: template.clone(),
            subnets: BTreeSet::new(),
            paused: None,
            update_surge: None,
        };
        let view = GroupView {
            size,
            instances: desired,
            template,
            drift_annotation: None,
            suspended: false,
            frozen: false,
            minimum_lowered: false,
            update: Update::None,
            update_noted: false,
            newest_max_pods: None,
            trouble: None,
        };
        GroupsSeen {
            facts: [(group(), facts)].into(),
            views: [(group(), view)].into(),
            denied: None,
        }
    }

    /// What is seen of the group after a good reading with a size of 5, and one more.
    fn after(mut second: GroupsSeen, seconds: i64) -> (Known<Option<u32>>, Option<u32>) {
        let mut last = LastGroups::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        last.remember(&mut reading(Known::Yes(Some(110)), Some(5)), at(0));
        last.remember(&mut second, at(seconds));
        let view = &second.views[&group()];
        assert_eq!(second.facts[&group()].size, view.size);
        let size = view.size.map(|size| size.desired);
        assert_eq!(size, view.instances);
        (view.template.max_pods.clone(), size)
    }

    #[test]
    fn what_was_read_outlives_a_failed_reading_but_for_the_size() {
        let failed = || Known::Unknown("throttled".to_owned());
        let known = || Known::Yes(Some(110));
        assert_eq!(after(reading(failed(), None), 30), (known(), None));
        assert_eq!(after(reading(failed(), Some(6)), 30), (known(), Some(6)));
        assert_eq!(after(reading(known(), Some(6)), 30), (known(), Some(6)));
        assert_eq!(after(reading(failed(), None), 61), (failed(), None));
    }
}
