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
            "oldSelf.?desiredState.orValue('Run') == self.?desiredState.orValue('Run') \
             || oldSelf.?desiredState.orValue('Run') in ['Run', 'Pause'] \
             || oldSelf.?desiredState.orValue('Run') == 'RollBack' && self.?desiredState.orValue('Run') in ['Pause', 'Abort']",
            "spec.desiredState: what was aborted stays so, and a way back can be paused or aborted, not turned round; \
             a new migration follows when the policy still asks for the change",
        )
        .blaming(".desiredState"),
    ]
}
