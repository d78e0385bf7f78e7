//! What the phase of a migration means to whoever looks at it.

use vpccni_api::CniMigration;
use vpccni_api::migration::MigrationPhase;

/// Where it stands, once the operator has said so.
pub(crate) fn phase(migration: &CniMigration) -> Option<MigrationPhase> {
    migration.status.as_ref()?.phase
}

/// Whether nothing more will happen to it.
pub(crate) fn has_ended(migration: &CniMigration) -> bool {
    matches!(
        phase(migration),
        Some(MigrationPhase::Completed | MigrationPhase::RolledBack | MigrationPhase::Aborted)
    )
}
