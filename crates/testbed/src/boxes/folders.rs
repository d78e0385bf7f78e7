//! The folders of a machine: what it writes under the usual paths lies in a folder of ours.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use super::error::BoxError;
use crate::control_plane::Guard;

/// The folders a node has to itself, and the names they have in ours.
const OWN: [(&str, &str); 8] = [
    ("/run", "run"),
    ("/etc/cni/net.d", "etc-cni"),
    ("/opt/cni/bin", "opt-cni"),
    ("/var/log", "log"),
    ("/var/lib/aws-node", "aws-node"),
    ("/var/lib/cni", "cni"),
    ("/var/lib/kubelet", "kubelet"),
    ("/var/lib/containerd", "containerd"),
];

/// The disk of a machine. It goes when this is dropped, and when this process is killed.
#[derive(Debug, Clone)]
pub(super) struct Disk(Arc<(Guard, TempDir)>);

impl Disk {
    /// An empty one.
    pub(super) fn new() -> Result<Self, BoxError> {
        let folder = tempfile::Builder::new()
            .prefix("vpccni-box-")
            .tempdir()
            .map_err(BoxError::file("create a folder in", std::env::temp_dir()))?;
        for (_, name) in OWN {
            let path = folder.path().join(name);
            fs::create_dir(&path).map_err(BoxError::file("create", path))?;
        }
        let guard = Guard::of(folder.path()).map_err(BoxError::file("guard", folder.path()))?;
        Ok(Self(Arc::new((guard, folder))))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        self.0.1.path()
    }

    /// The piece of shell that mounts it where a node has it.
    pub(super) fn mounts(&self) -> String {
        let folder = self.path().display();
        let lines = OWN
            .map(|(place, name)| format!("mkdir -p '{place}'\nmount --bind '{folder}/{name}' '{place}'\n"));
        // Where /var/run is a folder of its own, it is the same one here.
        format!(
            "{}[ -L /var/run ] || mount --bind /run /var/run\n",
            lines.concat()
        )
    }

    /// What a reboot forgets: /run is memory.
    pub(super) fn forget(&self) -> Result<(), BoxError> {
        let path = self.path().join("run");
        let again = || -> io::Result<()> {
            fs::remove_dir_all(&path)?;
            fs::create_dir(&path)
        };
        again().map_err(BoxError::file("empty", &path))
    }

    /// A path of the node as it is here; of its own folders only.
    pub(super) fn outside(&self, inside: &Path) -> Option<PathBuf> {
        let inside = inside
            .strip_prefix("/var/run")
            .map_or_else(|_| inside.to_owned(), |rest| Path::new("/run").join(rest));
        OWN.into_iter().find_map(|(place, name)| {
            let rest = inside.strip_prefix(place).ok()?;
            Some(self.path().join(name).join(rest))
        })
    }
}
