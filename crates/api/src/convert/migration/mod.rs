//! Migrations between the API and core: the change and its groups, records of nodes, the memory, settings, the status.

mod change;
mod group;
mod halt;
mod memory;
mod record;
mod settings;
mod status;

pub use change::{InvalidChange, change, changed_groups, configuration, originals, setup};
pub use group::{node_group, node_group_of};
pub use halt::{halt, halt_of};
pub use memory::{memory, memory_of};
pub use record::{record, record_of, step, step_of};
pub use settings::{approval_of_migration, approval_of_policy, migration_settings};
pub use status::{StatusInput, duration_text, migration_status, phase, plan_status, rollback_status};
