//! The executable in a real node and pod: two network namespaces, made without a name and gone with the test. Needs
//! root; without, each test says `skipped: <name>: <why>`.

use std::process::Command;

use serde_json::json;
use vpccni_netlink::netns::{self, NetNs};

use crate::call::Call;
use crate::ipamd::{look, start, state};

/// Runs the body in a node's namespace, with a pod's beside it.
pub(crate) fn on_a_node(test: &str, body: impl FnOnce(&NetNs) + Send) {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: {test}: needs root");
        return;
    }
    if Command::new("ip").arg("-V").output().is_err() {
        eprintln!("skipped: {test}: there is no ip to see with");
        return;
    }
    let (node, pod) = (netns::create().unwrap(), netns::create().unwrap());
    netns::within(&node, || {
        ip("link set lo up");
        ip("link add eth0 type veth peer name fabric0");
        ip("link set fabric0 up");
        ip("link set eth0 up");
        ip("addr add 10.0.0.2/24 dev eth0");
        body(&pod);
    })
    .unwrap();
}

pub(crate) fn ip(words: &str) -> String {
    let output = Command::new("ip").args(words.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {words}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_pod_is_added_checked_and_deleted_in_the_kernel() {
    on_a_node("a_pod_is_added_checked_and_deleted_in_the_kernel", |pod| {
        let folder = tempfile::tempdir().unwrap();
        let ipam = state(|_| ());
        let _ipamd = start(&folder.path().join("ipamd.sock"), &ipam);
        let path = pod.path();
        let add = Call::new("ADD", folder.path()).env("CNI_NETNS", path.to_str().unwrap());
        let added = add.spawn();
        assert_eq!((added.code, &*added.stderr), (Some(0), ""), "{added:?}");
        let kept = added.json();
        assert_eq!(kept["ips"], json!([{"interface": 1, "address": "10.0.0.10/32"}]));
        let routes = ip("route");
        assert!(
            routes.contains("10.0.0.10 dev enicc21c2d7785 scope link"),
            "{routes}"
        );
        let rules = ip("rule");
        assert!(
            rules.contains("512:\tfrom all to 10.0.0.10 lookup main"),
            "{rules}"
        );
        assert!(rules.contains("1536:\tfrom 10.0.0.10 lookup 2"), "{rules}");
        let inside = netns::within(pod, || (ip("addr show eth0"), ip("route"))).unwrap();
        assert!(
            inside.0.contains("inet 10.0.0.10/32") && inside.0.contains("mtu 9001"),
            "{inside:?}"
        );
        assert!(
            inside.1.contains("default via 169.254.1.1 dev eth0"),
            "{inside:?}"
        );

        let check = add.after("CHECK", &kept);
        check.spawn().assert_quiet();
        ip("rule del prio 1536");
        assert_eq!(check.spawn().error(), 100);
        assert!(
            check.spawn().json()["details"]
                .as_str()
                .unwrap()
                .contains("10.0.0.10")
        );
        // The runtime lost the answer and asks again: what is missing is there after.
        assert_eq!(add.spawn().json(), kept);
        check.spawn().assert_quiet();
        netns::within(pod, || ip("route del default")).unwrap();
        assert_eq!(check.spawn().error(), 100);

        add.after("DEL", &kept).spawn().assert_quiet();
        add.after("DEL", &kept)
            .env("CNI_NETNS", "")
            .spawn()
            .assert_quiet();
        assert!(!ip("rule").contains("10.0.0.10") && !ip("route").contains("10.0.0.10"));
        assert!(look(&ipam).assigned.is_empty());
    });
}

#[test]
fn without_ipamd_the_kernel_is_cleaned_by_what_the_result_says() {
    on_a_node(
        "without_ipamd_the_kernel_is_cleaned_by_what_the_result_says",
        |pod| {
            let folder = tempfile::tempdir().unwrap();
            let ipamd = start(&folder.path().join("ipamd.sock"), &state(|_| ()));
            let path = pod.path();
            let add = Call::new("ADD", folder.path())
                .set("cniVersion", "0.4.0")
                .env("CNI_NETNS", path.to_str().unwrap());
            let kept = add.spawn().json();
            drop(ipamd);
            assert!(ip("rule").contains("10.0.0.10"));
            add.after("DEL", &kept).spawn().assert_quiet();
            assert!(!ip("rule").contains("10.0.0.10") && !ip("route").contains("10.0.0.10"));
        },
    );
}

#[test]
fn a_namespace_that_is_not_there_costs_no_address() {
    on_a_node("a_namespace_that_is_not_there_costs_no_address", |_| {
        let folder = tempfile::tempdir().unwrap();
        let ipam = state(|_| ());
        let _ipamd = start(&folder.path().join("ipamd.sock"), &ipam);
        let add = Call::new("ADD", folder.path()).env("CNI_NETNS", "/proc/none/ns/net");
        assert_eq!(add.spawn().error(), 100);
        assert_eq!(look(&ipam).reasons, ["SetupNSFailed"]);
        assert!(look(&ipam).assigned.is_empty());
    });
}
