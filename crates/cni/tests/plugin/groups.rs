//! Pods with security groups of their own, in both modes.

use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::json;
use vpccni_cni::error::Code;
use vpccni_core::datapath::Enforcing;

use crate::call::{Call, assert_quiet, error, result};
use crate::ipamd::{State, look, start, state};
use crate::kernel::Remembering;

fn with_branch() -> Arc<Mutex<State>> {
    state(|state| state.branch = Some((7, "02:00:00:00:00:07".to_owned(), "10.0.9.1".to_owned(), 3)))
}

fn call(mode: &str, folder: &Path) -> Call {
    Call::new("ADD", folder).set("podSGEnforcingMode", mode)
}

#[test]
fn strict_and_standard_differ_in_name_and_rules() {
    let folder = tempfile::tempdir().unwrap();
    let ipam = with_branch();
    let _ipamd = start(&folder.path().join("ipamd.sock"), &ipam);
    for (mode, name, enforcing) in [
        ("strict", "vlancc21c2d7785", Enforcing::Strict),
        ("standard", "enicc21c2d7785", Enforcing::Standard),
    ] {
        let mut kernel = Remembering::default();
        let kept = result(&call(mode, folder.path()).with(&mut kernel));
        assert_eq!(
            kept["interfaces"],
            json!([
                {"name": name},
                {"name": "eth0", "mac": "107", "sandbox": "/var/run/netns/none"},
                {"name": "dummycc21c2d7785", "mac": "7", "sandbox": "-1"}
            ])
        );
        let ip = json!({"interface": 1, "address": "10.0.9.9/32", "gateway": "10.0.9.1"});
        assert_eq!(kept["ips"], json!([ip]));
        let branch = kernel.pods[name].branch.as_ref().unwrap();
        assert_eq!(
            (branch.vlan, branch.trunk_index, branch.enforcing),
            (7, 3, enforcing)
        );
        assert_eq!(branch.mac.to_string(), "02:00:00:00:00:07");
    }
}

#[test]
fn a_del_needs_no_ipamd_and_without_a_namespace_nothing_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let ipam = with_branch();
    let ipamd = start(&folder.path().join("ipamd.sock"), &ipam);
    let mut kernel = Remembering::default();
    let add = call("strict", folder.path());
    let kept = result(&add.with(&mut kernel));
    assert_quiet(&add.after("CHECK", &kept).with(&mut kernel));
    drop(ipamd);
    let del = add.after("DEL", &kept);
    assert_quiet(&del.clone().env("CNI_NETNS", "").with(&mut kernel));
    assert_eq!(kernel.pods.len(), 1, "they may be of the pod's next sandbox");
    kernel.stuck = true;
    assert_eq!(error(&del.with(&mut kernel)), u64::from(Code::Network.number()));
    kernel.stuck = false;
    assert_quiet(&del.with(&mut kernel));
    assert!(kernel.pods.is_empty());
    assert!(
        look(&ipam).reasons.is_empty(),
        "ipamd keeps nothing for such a pod"
    );
}

#[test]
fn a_branch_that_makes_no_sense_is_refused_and_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let ipam = with_branch();
    let _ipamd = start(&folder.path().join("ipamd.sock"), &ipam);
    let mut kernel = Remembering::default();
    for (mac, gateway, vlan) in [
        ("no", "10.0.9.1", 7),
        ("02:00:00:00:00:07", "", 7),
        ("02:00:00:00:00:07", "10.0.9.1", 70_000),
    ] {
        look(&ipam).branch = Some((vlan, mac.to_owned(), gateway.to_owned(), 3));
        assert_eq!(error(&call("strict", folder.path()).with(&mut kernel)), 101);
    }
    assert!(kernel.pods.is_empty());
    assert_eq!(look(&ipam).reasons, ["SetupNSFailed"; 3]);
}
