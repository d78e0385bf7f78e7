//! The gRPC contract of ipamd, over a unix socket: messages, a client for the plugin, a server for the agent.
//!
//! Nothing here decides anything: what a call means is the business of who serves it.

pub mod client;
#[rustfmt::skip]
#[allow(
    clippy::pedantic,
    clippy::use_self,
    clippy::or_fun_call,
    unreachable_pub,
    missing_debug_implementations,
    reason = "generated"
)]
mod generated {
    //! What `cargo xtask codegen` makes of `proto/`.
    #[cfg(feature = "server")]
    pub mod descriptors;
    pub mod node;
    pub mod rpc;
}
pub mod health;
#[cfg(feature = "server")]
pub mod server;
mod version;

pub use client::{ConnectError, connect};
pub use generated::{node, rpc as proto};
pub use version::{VERSION, check_version};

/// Where ipamd listens when nothing else is said.
pub const IPAMD_SOCKET: &str = "/var/run/aws-node/ipamd.sock";

/// Where the network-policy agent listens when nothing else is said.
pub const NETWORK_POLICY_SOCKET: &str = "/var/run/aws-node/npa.sock";

/// The text of the error with which ipamd answers DelNetwork for a sandbox it does not know. The stock plugin looks
/// for the last two words in it.
pub const UNKNOWN_POD: &str = "datastore: unknown pod";

/// `DelNetworkRequest.reason` of a CNI DEL.
pub const REASON_DELETED: &str = "PodDeleted";

/// `DelNetworkRequest.reason` when the plugin could not set up the pod it just got addresses for.
pub const REASON_SETUP_FAILED: &str = "SetupNSFailed";
