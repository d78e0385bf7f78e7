//! What can happen to a cluster while it is migrated, and the end of all of it.

use super::cluster::{Cluster, Node, Rng, asg, blue, pool};
use vpccni_core::ids::NodeName;
use vpccni_core::migration::Desired;
use vpccni_core::safety::Provider;

/// Something from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    NodeFails,
    NodeIsLost,
    BudgetBlocks,
    BudgetAllows,
    CapacityLost,
    CapacityBack,
    SizesUnread,
    SizesRead,
    Fragmented,
    Pause,
    Resume,
    WindowCloses,
    WindowOpens,
    ApprovalEnds,
    NewNodesBreak,
    NewNodesWork,
    SomebodyUncordons,
    ShieldStolen,
    TemplateReverted,
    ConfigurationReverted,
    ScaleUp,
    Denied,
    AgentRestarts,
    SomebodyCordons,
}

pub(crate) const EVENTS: [Event; 24] = [
    Event::NodeFails,
    Event::NodeIsLost,
    Event::BudgetBlocks,
    Event::BudgetAllows,
    Event::CapacityLost,
    Event::CapacityBack,
    Event::SizesUnread,
    Event::SizesRead,
    Event::Fragmented,
    Event::Pause,
    Event::Resume,
    Event::WindowCloses,
    Event::WindowOpens,
    Event::ApprovalEnds,
    Event::NewNodesBreak,
    Event::NewNodesWork,
    Event::SomebodyUncordons,
    Event::ShieldStolen,
    Event::TemplateReverted,
    Event::ConfigurationReverted,
    Event::ScaleUp,
    Event::Denied,
    Event::AgentRestarts,
    Event::SomebodyCordons,
];

impl Cluster {
    pub(crate) fn happen(&mut self, event: Event, rng: &mut Rng) {
        self.say(format!("event {event:?}"));
        let alive: Vec<NodeName> = self
            .nodes
            .iter()
            .filter(|(_, node)| node.gone_at.is_none())
            .map(|(name, _)| name.clone())
            .collect();
        let Some(node) = rng.pick(&alive).cloned() else {
            return;
        };
        let group = rng.pick(&[asg(), blue(), pool()]).unwrap().clone();
        let app = usize::try_from(rng.below(self.apps.len() as u64)).unwrap();
        match event {
            Event::NodeFails => self.nodes.get_mut(&node).unwrap().dead = true,
            Event::NodeIsLost => {
                self.ends(&node, 60);
            }
            Event::BudgetBlocks => self.apps[app].1 = true,
            Event::BudgetAllows => self.apps[app].1 = false,
            Event::CapacityLost => self
                .groups
                .get_mut(&group)
                .into_iter()
                .for_each(|g| g.no_capacity = true),
            Event::SizesUnread => self.groups.values_mut().for_each(|g| g.unread = true),
            Event::SizesRead => self.groups.values_mut().for_each(|g| g.unread = false),
            Event::CapacityBack => self.groups.values_mut().for_each(|g| g.no_capacity = false),
            Event::Fragmented => self.fragmented = !self.fragmented,
            Event::Pause if self.desired != Desired::Abort => self.desired = Desired::Pause,
            Event::Resume => {
                if self.desired == Desired::Pause {
                    self.desired = Desired::Run;
                }
                self.resumed = Some(self.now);
            }
            Event::WindowCloses => self.window_open = false,
            Event::WindowOpens => self.window_open = true,
            Event::ApprovalEnds => {
                let now = self.now;
                self.approval
                    .iter_mut()
                    .for_each(|approval| approval.not_after = Some(now));
            }
            Event::NewNodesBreak => self
                .groups
                .get_mut(&group)
                .into_iter()
                .for_each(|g| g.broken = true),
            Event::NewNodesWork => self.groups.values_mut().for_each(|g| g.broken = false),
            _ => self.meddle(event, &node, &group),
        }
    }

    fn meddle(&mut self, event: Event, node: &NodeName, group: &vpccni_core::safety::NodeGroup) {
        let old = self.old_pods();
        let touched = self.nodes.get_mut(node).unwrap();
        match event {
            Event::SomebodyUncordons => {
                (touched.cordoned, touched.cordon_ours) = (false, false);
                touched.version += 1;
            }
            Event::SomebodyCordons if !touched.cordoned => {
                (touched.cordoned, touched.cordon_ours) = (true, false);
                touched.version += 1;
            }
            Event::ShieldStolen if self.shield => {
                (self.shield, self.shield_ours, self.shield_stolen) = (false, false, true);
            }
            Event::TemplateReverted => {
                if let Some(group) = self.groups.get_mut(group) {
                    group.max_pods = old;
                    self.template_stolen = true;
                }
            }
            Event::ConfigurationReverted if self.live_is_to && self.shield => {
                self.live_is_to = false;
                self.template_stolen = true;
            }
            // Beside a node of ours that ends unseen nobody could tell what its owner wants.
            Event::ScaleUp if self.groups.get(group).is_some_and(|group| group.unread) => {}
            Event::ScaleUp => {
                let meant = group;
                if let Some(group) = self.groups.get_mut(group) {
                    group.max += 1;
                    let sized = matches!(
                        meant.provider,
                        Provider::AutoScalingGroup | Provider::ManagedNodeGroup
                    );
                    self.wanted += u32::from(sized);
                    group.desired += 1;
                }
            }
            Event::Denied => self.aws_denied = !self.aws_denied,
            // Its new pod has the configuration of the target.
            Event::AgentRestarts if touched.new != self.live_is_to => touched.mixed = true,
            _ => {}
        }
    }

    /// Everything that stands in the way ends.
    pub(crate) fn heal(&mut self) {
        self.say("everything is well again");
        self.apps.iter_mut().for_each(|app| app.1 = false);
        for group in self.groups.values_mut() {
            (group.no_capacity, group.broken, group.unread) = (false, false, false);
            // Somebody makes room where lost nodes used it up.
            group.max += 9;
        }
        // A person repairs nodes that never became Ready, or has them removed.
        let now = self.now;
        let never = |node: &&mut Node| node.ready_at.is_none() && node.gone_at.is_none();
        let mut removed = Vec::new();
        for (name, node) in &mut self.nodes {
            if never(&node) && node.instance % 2 == 0 {
                node.ready_at = Some(now);
            } else if never(&node) {
                removed.push(name.clone());
            }
        }
        for name in &removed {
            self.ends(name, 0);
        }
        (self.window_open, self.aws_denied, self.fragmented) = (true, false, false);
        if self.desired == Desired::Pause {
            self.desired = Desired::Run;
        }
        self.approval
            .iter_mut()
            .for_each(|approval| approval.not_after = None);
        for node in self
            .nodes
            .values_mut()
            .filter(|node| node.cordoned && !node.cordon_ours)
        {
            node.cordoned = false;
            node.version += 1;
        }
    }

    /// A closed window or an ended approval lets nodes in work go on, if the policy says so.
    pub(crate) fn finishes_in_flight(&self) -> bool {
        use vpccni_core::migration::OnWindowEnd;
        let running = self.desired != Desired::Pause && self.memory.halt.is_none();
        running && (self.window_open || self.settings.on_window_end == OnWindowEnd::FinishInFlight)
    }
}
