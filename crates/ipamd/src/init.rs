//! `ipamd init`: the values under /proc/sys that only a privileged container may write, set before the agent starts.

use crate::settings::InitSettings;
use std::time::Duration;
use vpccni_core::datapath::{Change, Link, MAIN_TABLE, NodeInit, node_init};
use vpccni_core::net::Mac;
use vpccni_core::ports::node::Imds;
use vpccni_core::ports::{Kernel, KernelError};

/// How long the metadata service may take: a node boots with its metadata.
const PATIENCE: Duration = Duration::from_secs(10);

/// The node was not set up.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The kernel said no.
    #[error(transparent)]
    Kernel(KernelError),
    /// Nobody knows which interface is the primary one.
    #[error("neither the metadata service nor a default route tells the primary interface")]
    NoPrimary,
}

/// Sets the values, and gives those that were others before.
pub async fn init(
    imds: &dyn Imds,
    kernel: &dyn Kernel,
    settings: InitSettings,
) -> Result<Vec<Change>, InitError> {
    let device = match primary_mac(imds).await {
        Some(mac) => kernel.link_by_mac(mac).map_err(InitError::Kernel)?,
        None => None,
    };
    let device = match device {
        Some(Link { name, .. }) => name,
        None => by_default_route(kernel)?,
    };
    tracing::info!(%device, ?settings, "setting up the node");
    let desired = node_init(&NodeInit {
        device,
        ipv6: settings.ipv6,
        no_early_demux: settings.no_early_demux,
    });
    kernel.apply(&desired).map_err(InitError::Kernel)
}

async fn primary_mac(imds: &dyn Imds) -> Option<Mac> {
    match tokio::time::timeout(PATIENCE, imds.identity()).await {
        Ok(Ok(identity)) => Some(identity.primary_mac),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the metadata service does not tell the primary interface");
            None
        }
        Err(_) => {
            tracing::warn!("the metadata service does not answer");
            None
        }
    }
}

/// The interface that a fresh node talks by.
fn by_default_route(kernel: &dyn Kernel) -> Result<String, InitError> {
    let routes = kernel.routes(MAIN_TABLE).map_err(InitError::Kernel)?;
    let by_default = routes
        .into_iter()
        .find(|route| route.to.prefix_len() == 0 && route.via.is_some());
    by_default.map(|route| route.device).ok_or(InitError::NoPrimary)
}
