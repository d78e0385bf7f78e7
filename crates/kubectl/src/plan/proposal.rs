//! The migration that would carry out what is refused in place, planned by what the operator would plan it with.

use crate::look::Look;
use crate::migration_text::{plan_text, way_back_text};
use crate::output::{Paint, heading, line, wrapped};
use kube::ResourceExt;
use serde::Serialize;
use vpccni_api::convert::migration::{plan_status, rollback_status};
use vpccni_api::migration::{PlanStatus, RollbackStatus};
use vpccni_api::policy::MigrationStrategy;
use vpccni_core::policy::PolicyPlan;
use vpccni_observe::policy::planned;

/// A migration that is not there yet.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Proposal {
    /// The name the CniMigration would have.
    pub(crate) name: String,
    /// What an approval names: the configurations, the groups with their methods and the budget, not the nodes.
    pub(crate) change_hash: String,
    /// Whether the operator makes it by itself: `Refuse` does not.
    pub(crate) is_made: bool,
    pub(crate) plan: PlanStatus,
    pub(crate) rollback: RollbackStatus,
}

/// Nothing where the change is refused for reasons that new nodes do not mend, or is not refused at all.
pub(crate) fn proposal(look: &Look, plan: &PolicyPlan) -> Option<Proposal> {
    let change = plan.verdict.change.as_ref()?;
    let sight = &look.sight;
    let ends = (&change.from, &change.to);
    let at = look.snapshot.taken_at();
    let made = planned(&look.policy, &sight.observed, ends, (&sight.groups, &[]), at);
    let strategy = look.policy.spec.migration.as_ref().and_then(|it| it.strategy);
    Some(Proposal {
        name: format!("{}-{}", look.policy.name_any(), made.hash.short()),
        change_hash: made.hash.to_string(),
        is_made: !matches!(strategy, None | Some(MigrationStrategy::Refuse)),
        plan: plan_status(&made),
        rollback: rollback_status(&made),
    })
}

/// The proposal as people read it.
pub(crate) fn text(proposal: &Proposal, paint: Paint) -> String {
    let mut text = heading("By replacing nodes", paint);
    let sentence = if proposal.is_made {
        format!(
            "the operator makes CniMigration {} of it, and waits for its approval",
            proposal.name
        )
    } else {
        "spec.migration.strategy: Plan makes a CniMigration of it, which waits for approval".to_owned()
    };
    text.push_str(&wrapped("  ", &sentence));
    text.push_str(&plan_text(&proposal.plan, paint));
    line(&mut text, "  The way back:");
    text.push_str(&way_back_text(&proposal.rollback));
    text
}
