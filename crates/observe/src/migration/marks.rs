//! What the operator leaves on other people's objects, each with what puts it back.

pub use vpccni_core::migration::GENERATION;

/// What keeps Karpenter from taking a node, whoever set it.
pub const DO_NOT_DISRUPT: &str = "karpenter.sh/do-not-disrupt";

/// On a node: it was we who cordoned it.
pub const CORDONED: &str = "vpccni.io/undo-cordon";
/// On a node: it was we who set `karpenter.sh/do-not-disrupt`.
pub const HELD: &str = "vpccni.io/undo-do-not-disrupt";
/// On a new node: the old one that it replaces.
pub const REPLACES: &str = "vpccni.io/replaces";
/// On the DaemonSet: the update strategy that the shield of old nodes set aside, as JSON.
pub const SHIELD: &str = "vpccni.io/undo-shield";
/// Tag of an Auto Scaling group: the processes that it was we who suspended.
pub const SUSPENDED: &str = "vpccni.io/undo-suspended";
/// Tag of an Auto Scaling group: its maximum before we froze it.
pub const MAXIMUM: &str = "vpccni.io/undo-max-size";
/// Tag of the Auto Scaling group of a managed group: the update of EKS that we began, by its id.
pub const UPDATE: &str = "vpccni.io/update";
/// Tag of an Auto Scaling group: its minimum before we lowered it.
pub const MINIMUM: &str = "vpccni.io/undo-min-size";
