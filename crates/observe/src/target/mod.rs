//! What runs: the DaemonSet and the ConfigMap as they stand, and who owns which key of them.

mod config_map;
mod image;
mod live;
mod ownership;

pub use config_map::{CONFIG_MAP, LiveConfigMap};
pub use live::{Container, EnvValue, Image, LiveTarget, NotATarget, RolloutCounts, UpdateStrategy};
pub(crate) use ownership::managers_of;
pub use ownership::{Manager, Operation, Ownership};

/// Annotations of ours start with this.
pub const ANNOTATION_PREFIX: &str = "vpccni.io/";
