//! The one image that pods here run, made of Debian's static busybox; nothing is pulled from anywhere.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::boxes::error::BoxError;
use crate::boxes::{find, space};

/// The image of test pods.
pub const TOOL_IMAGE: &str = "vpccni.test/tool:1";
/// A pod of that image on a node, which sleeps until it is deleted, and then ends at once.
pub fn tool_pod(name: &str, node: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {
            "nodeName": node,
            "automountServiceAccountToken": false,
            // Zero would let the API server forget the pod before the kubelet has ended it.
            "terminationGracePeriodSeconds": 1,
            "containers": [{
                "name": "tool", "image": TOOL_IMAGE, "imagePullPolicy": "Never",
                "command": ["/bin/sleep", "1000000"],
            }],
        },
    })
}

/// The image of the process that holds the namespaces of a pod; the same files.
pub(super) const PAUSE_IMAGE: &str = "vpccni.test/pause:1";

/// Makes a docker archive in a folder: a root file system with busybox, packed as one layer.
const SCRIPT: &str = r#"
mkdir -p root/bin root/tmp root/etc root/proc root/sys root/dev
cp "$1" root/bin/busybox
for name in sh sleep cat ip nc httpd wget ping nslookup; do ln -sf busybox "root/bin/$name"; done
tar -C root -cf layer.tar .
digest=$(sha256sum layer.tar)
cat >config.json <<CONFIG
{"architecture":"$2","os":"linux","config":{"Cmd":["/bin/sleep","1000000"]},"rootfs":{"type":"layers","diff_ids":["sha256:${digest%% *}"]}}
CONFIG
cat >manifest.json <<MANIFEST
[{"Config":"config.json","RepoTags":["$3","$4"],"Layers":["layer.tar"]}]
MANIFEST
tar -cf image.tar config.json manifest.json layer.tar
"#;

/// Makes the archive in an empty folder and gives its path.
pub(super) fn make(folder: &Path) -> Result<PathBuf, BoxError> {
    let busybox = find("busybox").ok_or_else(|| BoxError::Missing("busybox not found".to_owned()))?;
    std::fs::create_dir_all(folder).map_err(BoxError::file("create", folder))?;
    let architecture = match std::env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "amd64",
    };
    let output = Command::new("/bin/sh")
        .args(["-ec", SCRIPT, "image"])
        .arg(busybox)
        .args([architecture, TOOL_IMAGE, PAUSE_IMAGE])
        .current_dir(folder)
        .output()
        .map_err(|source| BoxError::Spawn {
            program: "/bin/sh".to_owned(),
            source,
        })?;
    space::text_of("make an image", &[], "", &output)?;
    Ok(folder.join("image.tar"))
}
