//! The policy controller's decisions: from what is wanted and seen to steps, and from outcomes to conditions.

mod condition;
mod conditions;
mod diff;
mod nodes;
mod ownership;
mod plan;
mod report;
mod setting;
mod verdict;
mod world;

#[cfg(test)]
mod tests;

pub use condition::{Condition, ConditionStatus};
pub use diff::{Row, RowKind, same_value};
pub use nodes::{NodeCounts, is_over_committed};
pub use ownership::{Claim, claim, classify_manager};
pub use plan::{Action, PolicyPlan, config_of, plan, release};
pub use report::{CloudView, EniConfigsView, Outcome, Outcomes, PolicyReport, Summary, report};
pub use setting::{ManagerClass, Owner, Seen, SettingName, Written};
pub use verdict::{ModeDrift, Pending, Verdict, Why};
pub use world::{
    AddonState, ApplyMode, Fights, Intent, ManagementState, PolicyWorld, Record, Rollout, Strategy,
    Suspension, Target, Window,
};
