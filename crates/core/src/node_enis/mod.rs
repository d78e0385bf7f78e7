//! Decisions about single interfaces of a node: whether they are ours, whether one was leaked, whether an attach is
//! complete, and what a CNINode should say.

mod attach;
mod features;
mod leaked;
mod managed;
mod reply;
mod subnets;

pub use attach::{ATTACH_LOOKS, Attach, Backoff, CREATE_LOOK, DELETE_RETRY, DETACH_RETRY, after_look};
pub use features::{Feature, FeatureName, merge_features, wanted_features};
pub use leaked::{CREATED_TAG, LEAKED_AGE, LeakVerdict, Stray, is_leaked};
pub use managed::{EniTags, NO_MANAGE_TAG, groups_for, is_managed, takes_trunk};
pub use reply::{node_addresses, untranslated};
pub use subnets::{NoSubnet, Placement, is_excluded, subnets_for};
