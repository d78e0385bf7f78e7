//! The policy controller's decisions: from what is wanted and seen to steps, and from outcomes to conditions.

mod addon;
mod choice;
mod condition;
mod conditions;
mod diff;
mod manager;
mod nodes;
mod outcome;
mod ownership;
mod pin;
mod plan;
mod report;
mod running;
mod setting;
mod verdict;
mod world;

#[cfg(test)]
mod tests;

pub use addon::{AddonCarrier, AddonState, AddonWriter, DocumentPath, Form, document_members, document_path};
pub use condition::{Condition, ConditionStatus};
pub use diff::{Row, RowKind, same_value};
pub use manager::{
    FIELD_MANAGER, ManagerClass, RECONCILERS, RELEASED_FIELD_MANAGER, classify_manager, may_be_listed,
    named_in,
};
pub use nodes::{NodeCounts, is_over_committed};
pub use outcome::{CloudView, EniConfigsView, Outcome, Outcomes};
pub use ownership::{Claim, claim, owners_through_addon};
pub use pin::{Change, Pin};
pub use plan::{Action, PolicyPlan, plan, release};
pub use report::{PolicyReport, Summary, report};
pub use running::{config_of, effective_of, setup_of};
pub use setting::{Owner, Seen, SettingName, Written};
pub use verdict::{ModeDrift, Pending, Verdict, Why};
pub use world::{
    ApplyMode, Fights, Intent, ManagementState, PolicyWorld, Record, Rollout, Strategy, Suspension, Target,
    Window,
};
