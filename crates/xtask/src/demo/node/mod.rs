//! `cargo xtask demo node`: the node agent at work, on nodes in boxes.
//!
//! Real: the API server, kubelet, containerd, runc, the kernel, ipamd and the plugin. Simulated: AWS, whose interfaces are
//! veths into a fabric that routes each address to the interface that holds it. Every step checks what it says.

mod cluster;
mod steps;

use std::path::Path;

use vpccni_testbed::boxes::runtime::PROGRAMS;
use vpccni_testbed::boxes::{Egress, Vpc, missing};

use super::error::DemoError;
use super::{Show, preparation};
use cluster::Cluster;

/// The zones of the VPC.
const ZONES: [&str; 2] = ["us-west-2a", "us-west-2b"];

impl Show {
    /// Plays it.
    pub(super) async fn play_node(&self, root: &Path) -> Result<(), DemoError> {
        let page = &self.page;
        page.headline("The node agent: ipamd and aws-cni");
        page.prose(
            "An API server starts on this machine, with an AWS sandbox, and EC2 instances as boxes: network, mount and \
             process namespaces of their own. What the sandbox attaches to an instance is plugged into its box. In each box \
             run the real kubelet, containerd and ipamd.",
        );
        if let Some(missing) = missing(&PROGRAMS) {
            return Err(DemoError::Boxes(format!(
                "{missing}\nOn Debian `cargo xtask tools` installs it."
            )));
        }
        preparation::operator(page, root).await?;
        preparation::tools(page).await?;
        let vpc = Vpc::start(&ZONES, Egress::InternetGateway).await?;
        let cluster = Cluster::start(page, vpc).await?;
        steps::play(cluster, self).await
    }
}
