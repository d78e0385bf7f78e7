//! What we leave on other people's objects, each with what puts it back. A mark is written with or before the deed and
//! goes with or after its undoing, so that a crash in between leaves the mark, never the deed alone. What is also looked
//! for when the cluster is observed is named there.

pub(crate) use vpccni_observe::migration::{
    CORDONED, DO_NOT_DISRUPT, GENERATION, HELD, MAXIMUM, MINIMUM, REPLACES, SHIELD, SUSPENDED, UPDATE,
};

/// On a new node: it was we who set [`SCALE_DOWN_DISABLED`].
pub(crate) const KEPT: &str = "vpccni.io/undo-scale-down-disabled";
/// On a new node: the Auto Scaling group in which it was we who protected its instance from scale-in.
pub(crate) const PROTECTED: &str = "vpccni.io/undo-scale-in-protection";

/// Tag of an Auto Scaling group: the version it followed by name before we set one by number.
pub(crate) const VERSION: &str = "vpccni.io/undo-launch-template-version";
/// Tag of a node group that takes over: the one it takes over from.
pub(crate) const SUCCESSOR_OF: &str = "vpccni.io/successor-of";

/// What keeps the Cluster Autoscaler from taking a node.
pub(crate) const SCALE_DOWN_DISABLED: &str = "cluster-autoscaler.kubernetes.io/scale-down-disabled";
/// What keeps the Cluster Autoscaler, and us, from evicting a pod, with the value `false`.
pub(crate) const SAFE_TO_EVICT: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict";

/// The value of a mark that says all by being there.
pub(super) const YES: &str = "true";
