//! What issue 3 allows, beside what is measured.

/// Resident memory of the operator at its highest, in MiB, at 5,000 nodes and 50,000 pods.
pub(super) const MEMORY_MIB: f64 = 150.0;
/// From a change of the policy to the change of the DaemonSet, 99th percentile, in milliseconds.
pub(super) const CHANGE_P99_MS: f64 = 1000.0;
/// A review of 5,000 nodes, in milliseconds.
pub(super) const REVIEW_MS: f64 = 50.0;
