//! The hash of a change: what an approval is bound to, and nothing that moves by itself.

use super::value::{Budget, ChangeHash, GroupPlan, Method, Stage};
use crate::config::text_digest;
use std::fmt::Write as _;

/// Over the configurations, the stages, the original groups with their methods in order, the budget and the version
/// of the plan: not the generation of the policy, not the node list, not the times and call counts.
pub(super) fn change_hash(
    version: u32,
    stages: &[Stage],
    groups: &[GroupPlan],
    shares: &str,
    budget: Budget,
) -> ChangeHash {
    let mut text = format!("plan {version}\n");
    // The budget in nodes follows the number of nodes; what was approved is how it was written, except for zero.
    let nothing = if budget.unavailable == 0 { " none" } else { "" };
    let mut line = |what: String| writeln!(text, "{what}").unwrap_or_default();
    for stage in stages {
        line(format!(
            "stage {} {}",
            super::stages::config_id(&stage.from),
            stage.to_id
        ));
    }
    for plan in groups.iter().filter(|plan| !came_later(plan)) {
        line(format!(
            "group {:?} {}",
            plan.group.to_string(),
            plan.method.word()
        ));
    }
    line(format!("budget {shares}{nothing}"));
    ChangeHash(format!("sha256:{}", text_digest(&text)))
}

fn came_later(plan: &GroupPlan) -> bool {
    matches!(&plan.method, Method::Wait { why } if why == super::groups::CAME_LATER)
}
