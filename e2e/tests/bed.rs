//! What every story starts from.

use std::time::Duration;

use vpccni_testbed::boxes::{Egress, STORIES, Vpc, missing};

/// Longer than anything takes on a loaded machine with two cores.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
/// The zones of the VPC, each with a subnet for nodes and one for pods.
pub(crate) const ZONES: [&str; 2] = ["us-west-2a", "us-west-2b"];

/// A VPC; none where this machine cannot have one, and then the skip is printed.
pub(crate) async fn vpc(egress: Egress) -> Option<Vpc> {
    if is_skipped(&STORIES) {
        return None;
    }
    Some(Vpc::start(&ZONES, egress).await.unwrap())
}

/// Whether this machine lacks something; then the skip is printed.
pub(crate) fn is_skipped(programs: &[(&str, &str)]) -> bool {
    let missing = missing(programs);
    if let Some(reason) = &missing {
        println!("SKIPPED: {reason}");
    }
    missing.is_some()
}
