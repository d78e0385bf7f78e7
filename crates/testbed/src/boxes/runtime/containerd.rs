//! containerd in a box. Its containers live on when it is restarted, and end with the box.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::image;
use crate::boxes::error::BoxError;
use crate::boxes::node::NodeBox;
use crate::boxes::process::Running;
use crate::boxes::programs::{REFERENCE_PLUGINS, find};
use crate::wait::until;

/// Where it listens.
pub(super) const SOCKET: &str = "/run/containerd/containerd.sock";
const CONFIG: &str = "/var/lib/containerd/config.toml";
/// It serves within a second alone; far later where five others build on two cores.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running containerd.
#[derive(Debug)]
pub struct Containerd {
    running: Running,
}

impl Containerd {
    /// Starts it, and brings the image of test pods into it.
    pub async fn start(node: &NodeBox) -> Result<Self, BoxError> {
        let config = node.path(CONFIG);
        fs::write(&config, text()).map_err(BoxError::file("write", &config))?;
        install_loopback(node)?;
        let program =
            find("containerd").ok_or_else(|| BoxError::Missing("containerd not found".to_owned()))?;
        let running = node.start("containerd", &program, &["--config", CONFIG], &BTreeMap::new())?;
        let containerd = Self { running };
        containerd.ready(node).await?;
        let folder = node.path("/var/lib/containerd/image");
        if !folder.exists() {
            image::make(&folder)?;
        }
        node.run(
            "ctr",
            &[
                "-n",
                "k8s.io",
                "image",
                "import",
                "/var/lib/containerd/image/image.tar",
            ],
        )?;
        Ok(containerd)
    }

    async fn ready(&self, node: &NodeBox) -> Result<(), BoxError> {
        let answers = || async { node.run("ctr", &["version"]).map_err(|error| error.to_string()) };
        until("containerd to serve", PATIENCE, answers)
            .await
            .map(drop)
            .map_err(BoxError::Late)
    }

    /// Everything it printed.
    pub fn log(&self) -> String {
        self.running.log()
    }

    /// Ends it as a crash would; containers run on.
    pub fn kill(self) {
        self.running.kill();
    }
}

/// Without leave to lower the score of the OOM killer, and without what needs disks of its own.
fn text() -> String {
    let snapshotter = if fs::read_to_string("/proc/filesystems").is_ok_and(|known| known.contains("overlay"))
    {
        "overlayfs"
    } else {
        "native"
    };
    format!(
        r#"version = 2
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs"]
[plugins."io.containerd.internal.v1.opt"]
path = "/var/lib/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{}"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "{snapshotter}"
"#,
        image::PAUSE_IMAGE
    )
}

/// It is the runtime that calls it, not the network of the pods.
fn install_loopback(node: &NodeBox) -> Result<(), BoxError> {
    let (from, to) = (
        Path::new(REFERENCE_PLUGINS).join("loopback"),
        node.path("/opt/cni/bin/loopback"),
    );
    if !from.is_file() {
        return Err(BoxError::Missing(format!(
            "{} not found (Debian: apt-get install containernetworking-plugins)",
            from.display()
        )));
    }
    fs::copy(&from, &to)
        .map(drop)
        .map_err(BoxError::file("copy the loopback plugin to", to))
}
