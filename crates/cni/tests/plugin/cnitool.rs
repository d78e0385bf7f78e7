//! The reference runner of CNI plugins drives a list of both our names in real namespaces: what it makes of results,
//! errors and prevResult is not ours. Needs root, and `cnitool` where `cargo xtask tools` puts it, or in PATH.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::ipamd::{look, start, state};
use crate::namespaces::{ip, on_a_node};

/// A name of our own: the runner keeps results for all networks in one folder of the machine, and collects by name.
const NETWORK: &str = "vpc-cni-operator-test";

fn find() -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?
        .join("vpc-cni-operator/tools/cnitool-v1.3.0");
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::iter::once(cache)
        .chain(std::env::split_paths(&path))
        .map(|folder| folder.join("cnitool"))
        .find(|file| file.is_file())
}

/// The list, and the plugins by both names.
fn prepare(folder: &Path) {
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let list = json!({
        "cniVersion": "1.1.0",
        "name": NETWORK,
        "plugins": [
            {
                "type": "aws-cni", "vethPrefix": "eni", "mtu": "9001", "podSGEnforcingMode": "strict",
                "pluginLogFile": path("plugin.log"), "pluginLogLevel": "DEBUG", "ipamdSocket": path("ipamd.sock"),
                "capabilities": {"io.kubernetes.cri.pod-annotations": true}
            },
            {
                "type": "egress-cni", "mtu": "9001", "enabled": "false", "nodeIP": "",
                "ipam": {"type": "host-local"}, "pluginLogFile": path("egress.log"), "pluginLogLevel": "DEBUG"
            }
        ]
    });
    fs::write(folder.join("10-aws.conflist"), list.to_string()).unwrap();
    for name in ["aws-cni", "egress-cni"] {
        symlink(env!("CARGO_BIN_EXE_aws-cni"), folder.join(name)).unwrap();
    }
}

/// Runs it; the error is what it prints on standard error or output.
fn cnitool(tool: &Path, folder: &Path, command: &str, netns: &Path) -> Result<String, String> {
    let output = Command::new(tool)
        .args([command, NETWORK])
        .arg(netns)
        .env("NETCONFPATH", folder)
        .env("CNI_PATH", folder)
        .env(
            "CNI_ARGS",
            "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=sample-pod",
        )
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stdout) + &text(&output.stderr))
    }
}

#[test]
fn the_reference_runner_is_content() {
    const TEST: &str = "the_reference_runner_is_content";
    let Some(tool) = find() else {
        eprintln!("skipped: {TEST}: there is no cnitool; `cargo xtask tools` builds it");
        return;
    };
    on_a_node(TEST, |pod| {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        prepare(folder);
        let netns = pod.path();
        let run = |command| cnitool(&tool, folder, command, &netns);
        let away = run("status").unwrap_err();
        assert!(away.contains("ipamd is away"), "{away}");
        let away = run("add").unwrap_err();
        assert!(away.contains("ipamd is away"), "{away}");

        let ipam = state(|_| ());
        let ipamd = start(&folder.join("ipamd.sock"), &ipam);
        run("status").unwrap();
        let result: Value = serde_json::from_str(&run("add").unwrap()).unwrap();
        assert_eq!(result["cniVersion"], "1.1.0");
        assert_eq!(
            result["ips"],
            json!([{"interface": 1, "address": "10.0.0.10/32"}])
        );
        assert_eq!(result["interfaces"][1]["mac"], "2");
        run("check").unwrap();
        ip("rule del prio 512");
        let broken = run("check").unwrap_err();
        assert!(broken.contains("eth0 is not as it was set up"), "{broken}");

        run("del").unwrap();
        run("del").unwrap();
        assert!(look(&ipam).assigned.is_empty());
        // The runner collects what it added and, as it says no more, all of it: by DEL, then GC without a list.
        run("add").unwrap();
        run("gc").unwrap();
        assert!(look(&ipam).assigned.is_empty());
        assert!(!ip("rule").contains("10.0.0.10"));
        ipamd.set_health(true, false);
        let empty = run("status").unwrap_err();
        assert!(empty.contains("no address for a pod"), "{empty}");
    });
}
