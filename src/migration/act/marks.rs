//! What we leave on other people's objects, each with what puts it back. A mark is written with or before the deed and
//! goes with or after its undoing, so that a crash in between leaves the mark, never the deed alone.

/// On a node: it was we who cordoned it.
pub(crate) const CORDONED: &str = "vpccni.io/undo-cordon";
/// On a node: it was we who set [`DO_NOT_DISRUPT`].
pub(crate) const HELD: &str = "vpccni.io/undo-do-not-disrupt";
/// On a new node: the old one that it replaces.
pub(crate) const REPLACES: &str = "vpccni.io/replaces";
/// On a new node: it was we who set [`SCALE_DOWN_DISABLED`].
pub(crate) const KEPT: &str = "vpccni.io/undo-scale-down-disabled";
/// On a new node: the Auto Scaling group in which it was we who protected its instance from scale-in.
pub(crate) const PROTECTED: &str = "vpccni.io/undo-scale-in-protection";
/// On the DaemonSet: the update strategy that the shield of old nodes set aside, as JSON.
pub(crate) const SHIELD: &str = "vpccni.io/undo-shield";
/// Under `spec.template.metadata.annotations` of a NodePool: another value makes its nodes drift.
pub(crate) const GENERATION: &str = "vpccni.io/generation";

/// Tag of an Auto Scaling group: the processes that it was we who suspended.
pub(crate) const SUSPENDED: &str = "vpccni.io/undo-suspended";
/// Tag of an Auto Scaling group: its maximum before we froze it.
pub(crate) const MAXIMUM: &str = "vpccni.io/undo-max-size";
/// Tag of an Auto Scaling group: its minimum before we lowered it.
pub(crate) const MINIMUM: &str = "vpccni.io/undo-min-size";
/// Tag of an Auto Scaling group: the version it followed by name before we set one by number.
pub(crate) const VERSION: &str = "vpccni.io/undo-launch-template-version";
/// Tag of a node group that takes over: the one it takes over from.
pub(crate) const SUCCESSOR_OF: &str = "vpccni.io/successor-of";

/// What keeps Karpenter from taking a node.
pub(crate) const DO_NOT_DISRUPT: &str = "karpenter.sh/do-not-disrupt";
/// What keeps the Cluster Autoscaler from taking a node.
pub(crate) const SCALE_DOWN_DISABLED: &str = "cluster-autoscaler.kubernetes.io/scale-down-disabled";
/// What keeps the Cluster Autoscaler, and us, from evicting a pod, with the value `false`.
pub(crate) const SAFE_TO_EVICT: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict";

/// The value of a mark that says all by being there.
pub(super) const YES: &str = "true";
