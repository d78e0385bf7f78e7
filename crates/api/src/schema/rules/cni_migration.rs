//! Rules of `CniMigration`: what was planned stays, an approval is for this change, and only legal moves are made.

use super::rule::Rule;

/// Every rule of the schema of `CniMigration`.
pub fn rules() -> Vec<Rule> {
    vec![
        Rule::new(
            "spec",
            "self.policy == oldSelf.policy && self.changeHash == oldSelf.changeHash && self.change == oldSelf.change",
            "spec: what is changed is fixed when the migration is made; change the CniPolicy, and a new migration follows",
        ),
        Rule::new(
            "spec",
            "!has(self.approval) || self.approval.?changeHash.orValue('') == self.changeHash",
            "spec.approval.changeHash: an approval is for the change that was read, and this migration is another one; \
             read its plan and approve spec.changeHash",
        )
        .blaming(".approval"),
        Rule::new(
            "spec",
            // Field by field: the estimate of the API server takes a word out of orValue for one of any length, and the
            // definition is refused for its cost.
            "!has(oldSelf.desiredState) || oldSelf.desiredState == 'Run' || oldSelf.desiredState == 'Pause' \
             || has(self.desiredState) && (self.desiredState == oldSelf.desiredState \
             || oldSelf.desiredState == 'RollBack' && (self.desiredState == 'Pause' || self.desiredState == 'Abort'))",
            "spec.desiredState: what was aborted stays so, and a way back can be paused or aborted, not turned round; \
             a new migration follows when the policy still asks for the change",
        )
        .blaming(".desiredState"),
    ]
}
