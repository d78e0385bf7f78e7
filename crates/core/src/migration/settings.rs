//! How the user wants nodes replaced: `CniPolicy.spec.migration`, with the defaults applied.

use crate::policy::Strategy;
use jiff::SignedDuration;
use std::collections::BTreeMap;
use std::fmt;

/// A part of the nodes, as a budget says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// Of all Linux EC2 nodes that take part; rounded down, at least one.
    Percent(u32),
    /// So many nodes; 0 where none at all may be touched.
    Nodes(u32),
}

impl Share {
    /// So many of `nodes`. A percentage is at least 1: a budget that rounds to nothing would never end.
    pub fn of(self, nodes: u32) -> u32 {
        match self {
            Self::Nodes(count) => count,
            Self::Percent(percent) => {
                let part = u64::from(nodes) * u64::from(percent.min(100)) / 100;
                u32::try_from(part).unwrap_or(u32::MAX).max(1)
            }
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::Nodes(nodes) => write!(f, "{nodes}"),
        }
    }
}

/// The budget as it is written: one over all kinds of node group together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetShare {
    /// Nodes that may be out of service at a time.
    pub unavailable: Share,
    /// Nodes that may exist in addition.
    pub surge: Share,
}

/// How the nodes of a managed node group are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Replace {
    /// A new group takes over, the old one is emptied and deleted.
    BlueGreen,
    /// EKS rolls the group to a new version of its template.
    UpdateVersion,
    /// Nothing is touched: its owner does it.
    Wait,
}

/// What happens to a node that cannot be emptied in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnBlocked {
    /// It is set aside, cordoned, and the others go on.
    Quarantine,
    /// It goes on being tried.
    Wait,
}

/// How nodes are emptied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drain {
    /// After this long a node counts as blocked.
    pub timeout: SignedDuration,
    /// What happens then.
    pub on_blocked: OnBlocked,
    /// More nodes set aside than this halt the migration.
    pub max_quarantined: u32,
}

/// What happens to nodes in work when a window closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnWindowEnd {
    /// They are finished.
    FinishInFlight,
    /// They are given back, as in a pause.
    Uncordon,
}

/// What becomes of a migration whose policy changes meanwhile. The policy controller acts on it; the machine only
/// knows the wish it results in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnSuperseded {
    /// It stops, and a new plan is made.
    Replan,
    /// It is finished first.
    Complete,
    /// It stops.
    Stop,
}

/// The first nodes, before the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Canary {
    /// In each group.
    pub nodes_per_group: u32,
    /// How long they must be well before the others follow.
    pub soak: SignedDuration,
}

/// When it stops by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HaltAt {
    /// Failed pod sandboxes on migrated nodes inside the window; 0 never halts.
    pub sandbox_failures: u32,
    /// The window they are counted in.
    pub window: SignedDuration,
    /// A node that is not as it should be this long after it joined has failed.
    pub new_node: SignedDuration,
}

/// `CniPolicy.spec.migration` with its defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Refused, planned, or carried out by itself.
    pub strategy: Strategy,
    /// How many nodes at a time.
    pub budget: BudgetShare,
    /// Managed node groups by name; those not named wait.
    pub replace: BTreeMap<String, Replace>,
    /// How nodes are emptied.
    pub drain: Drain,
    /// What happens when a window closes.
    pub on_window_end: OnWindowEnd,
    /// What happens when the policy changes.
    pub on_superseded: OnSuperseded,
    /// The first nodes.
    pub canary: Canary,
    /// When it stops by itself.
    pub halt: HaltAt,
}

impl Default for Settings {
    fn default() -> Self {
        let tenth = Share::Percent(10);
        Self {
            strategy: Strategy::Refuse,
            budget: BudgetShare {
                unavailable: tenth,
                surge: tenth,
            },
            replace: BTreeMap::new(),
            drain: Drain {
                timeout: SignedDuration::from_secs(900),
                on_blocked: OnBlocked::Quarantine,
                max_quarantined: 2,
            },
            on_window_end: OnWindowEnd::FinishInFlight,
            on_superseded: OnSuperseded::Replan,
            canary: Canary {
                nodes_per_group: 1,
                soak: SignedDuration::from_secs(300),
            },
            halt: HaltAt {
                sandbox_failures: 5,
                window: SignedDuration::from_secs(300),
                new_node: SignedDuration::from_mins(10),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_rounded_down_and_at_least_one() {
        let tenth = Share::Percent(10);
        assert_eq!([0, 9, 10, 19, 57].map(|nodes| tenth.of(nodes)), [1, 1, 1, 1, 5]);
        assert_eq!(Share::Percent(250).of(7), 7);
        assert_eq!((Share::Nodes(0).of(7), Share::Nodes(3).of(1)), (0, 3));
        assert_eq!(
            (tenth.to_string(), Share::Nodes(3).to_string()),
            ("10%".to_owned(), "3".to_owned())
        );
    }
}
