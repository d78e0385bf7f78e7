//! ADD, CHECK and DEL of ordinary pods, with ipamd there, away, empty and of another version.

use serde_json::json;

use crate::call::{Call, assert_quiet, error, result};
use crate::ipamd::{look, start, state};
use crate::kernel::Remembering;

const VETH: &str = "enicc21c2d7785";

#[test]
fn the_result_is_the_stock_one() {
    let folder = tempfile::tempdir().unwrap();
    let ipam = state(|_| ());
    let _ipamd = start(&folder.path().join("ipamd.sock"), &ipam);
    let mut kernel = Remembering::default();
    let add = Call::new("ADD", folder.path())
        .set("cniVersion", "0.4.0")
        .set("mtu", "1500");
    assert_eq!(
        result(&add.with(&mut kernel)),
        json!({
            "cniVersion": "0.4.0",
            "interfaces": [
                {"name": VETH},
                {"name": "eth0", "mac": "2", "sandbox": "/var/run/netns/none"},
                {"name": "dummycc21c2d7785", "mac": "0", "sandbox": "1"}
            ],
            "ips": [{"version": "4", "interface": 1, "address": "10.0.0.10/32"}],
            "dns": {}
        })
    );
    let pod = &kernel.pods[VETH];
    assert_eq!(
        (pod.address.to_string().as_str(), pod.table, pod.mtu, pod.index),
        ("10.0.0.10", 2, 1500, 0)
    );
    // A runtime that lost the answer asks again: the address is the same.
    assert_eq!(
        result(&add.with(&mut kernel))["ips"][0]["address"],
        "10.0.0.10/32"
    );
    assert_eq!(look(&ipam).assigned.len(), 1);
}

#[test]
fn an_add_can_be_checked_and_deleted_twice() {
    let folder = tempfile::tempdir().unwrap();
    let ipam = state(|_| ());
    let _ipamd = start(&folder.path().join("ipamd.sock"), &ipam);
    let mut kernel = Remembering::default();
    let add = Call::new("ADD", folder.path());
    let kept = result(&add.with(&mut kernel));
    assert_quiet(&add.after("CHECK", &kept).with(&mut kernel));
    kernel.pods.get_mut(VETH).unwrap().table = 3;
    assert_eq!(error(&add.after("CHECK", &kept).with(&mut kernel)), 100);
    let del = add.after("DEL", &kept).env("CNI_NETNS", "");
    assert_quiet(&del.with(&mut kernel));
    assert!(kernel.pods.is_empty() && look(&ipam).assigned.is_empty());
    assert_eq!(
        kernel.deleted,
        [VETH],
        "once, though ipamd named the address, too"
    );
    // A runtime that lost the answer deletes again, when name and address are those of the pod's next sandbox.
    result(&add.clone().env("CNI_CONTAINERID", "c2").with(&mut kernel));
    assert_quiet(&del.with(&mut kernel));
    assert_eq!(kernel.pods.len(), 1);
    assert_eq!(look(&ipam).assigned.len(), 1);
    assert_eq!(look(&ipam).reasons, ["PodDeleted"; 2]);
    let without = Call::new("DEL", folder.path()).env("CNI_CONTAINERID", "never-seen");
    assert_quiet(&without.with(&mut kernel));
}

#[test]
fn an_address_is_not_given_back_before_the_kernel_is_rid_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let ipam = state(|_| ());
    let _ipamd = start(&folder.path().join("ipamd.sock"), &ipam);
    let mut kernel = Remembering::default();
    let add = Call::new("ADD", folder.path());
    let kept = result(&add.with(&mut kernel));
    let del = add.after("DEL", &kept).env("CNI_NETNS", "");
    kernel.stuck = true;
    assert_eq!(error(&del.with(&mut kernel)), 100);
    assert_eq!(look(&ipam).assigned.len(), 1);
    assert!(look(&ipam).reasons.is_empty(), "ipamd was not asked");
    kernel.stuck = false;
    assert_quiet(&del.with(&mut kernel));
    assert!(kernel.pods.is_empty() && look(&ipam).assigned.is_empty());
    // A runtime that keeps no result has ipamd's word only.
    result(&add.with(&mut kernel));
    let bare = Call::new("DEL", folder.path());
    kernel.stuck = true;
    assert_eq!(error(&bare.with(&mut kernel)), 100);
    assert!(look(&ipam).assigned.is_empty());
}

#[test]
fn an_empty_pool_is_to_be_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let ipam = state(|state| state.free.clear());
    let _ipamd = start(&folder.path().join("ipamd.sock"), &ipam);
    let mut kernel = Remembering::default();
    assert_eq!(error(&Call::new("ADD", folder.path()).with(&mut kernel)), 11);
    assert!(kernel.pods.is_empty());
}

#[test]
fn without_ipamd_an_add_is_to_be_tried_again_and_a_del_succeeds() {
    let folder = tempfile::tempdir().unwrap();
    let ipam = state(|_| ());
    let ipamd = start(&folder.path().join("ipamd.sock"), &ipam);
    let mut kernel = Remembering::default();
    let add = Call::new("ADD", folder.path());
    let kept = result(&add.with(&mut kernel));
    drop(ipamd);
    assert_eq!(error(&add.with(&mut kernel)), 11);
    // The prefix was changed since: the link goes by the name it had.
    let del = add.after("DEL", &kept).set("vethPrefix", "abc");
    kernel.stuck = true;
    assert_quiet(&del.with(&mut kernel));
    kernel.stuck = false;
    assert_quiet(&del.with(&mut kernel));
    assert_eq!(kernel.deleted, [VETH]);
    let bare = Call::new("DEL", folder.path());
    assert_quiet(&bare.with(&mut kernel));
    assert_eq!(kernel.deleted.len(), 1);
}

#[test]
fn a_kernel_that_fails_costs_no_address() {
    let folder = tempfile::tempdir().unwrap();
    let ipam = state(|_| ());
    let _ipamd = start(&folder.path().join("ipamd.sock"), &ipam);
    let annotation = json!({"io.kubernetes.cri.pod-annotations": {
        "k8s.amazonaws.com/nicConfig": "multi-nic-attachment"
    }});
    let add = Call::new("ADD", folder.path()).set("runtimeConfig", annotation);
    let mut kernel = Remembering {
        fails_at: Some(1),
        ..Remembering::default()
    };
    assert_eq!(error(&add.with(&mut kernel)), 100);
    assert!(kernel.pods.is_empty(), "the first of the two is gone, too");
    assert_eq!(look(&ipam).free.len(), 4);
    assert!(look(&ipam).assigned.is_empty());
    assert_eq!(look(&ipam).reasons, ["SetupNSFailed"]);
    kernel.fails_at = None;
    let kept = result(&add.with(&mut kernel));
    let names: Vec<_> = (0..5).map(|i| kept["interfaces"][i]["name"].clone()).collect();
    let second = vpccni_core::datapath::host_veth_name("eni", "default", "sample-pod", 1);
    assert_eq!(names, [VETH, "eth0", &second, "mNicIf1", "dummycc21c2d7785"]);
    assert_eq!(
        (&kept["ips"][0]["interface"], &kept["ips"][1]["interface"]),
        (&json!(1), &json!(3))
    );
    assert_quiet(&add.after("CHECK", &kept).with(&mut kernel));
    assert_quiet(&add.after("DEL", &kept).with(&mut kernel));
    assert!(kernel.pods.is_empty() && look(&ipam).assigned.is_empty());
}

#[test]
fn plugins_that_were_called_after_this_one_do_not_confuse_it() {
    let folder = tempfile::tempdir().unwrap();
    let ipam = state(|_| ());
    let ipamd = start(&folder.path().join("ipamd.sock"), &ipam);
    let mut kernel = Remembering::default();
    let add = Call::new("ADD", folder.path());
    let mut kept = result(&add.with(&mut kernel));
    let others = [
        json!({"name": "veth1"}),
        json!({"name": "v6if0", "sandbox": "/var/run/netns/none"}),
    ];
    kept["interfaces"].as_array_mut().unwrap().extend(others);
    let address = json!({"interface": 4, "address": "fd00::ac:5/118"});
    kept["ips"].as_array_mut().unwrap().push(address);
    assert_quiet(&add.after("CHECK", &kept).with(&mut kernel));
    drop(ipamd);
    assert_quiet(&add.after("DEL", &kept).with(&mut kernel));
    assert_eq!(kernel.deleted, [VETH]);
}

#[test]
fn another_version_is_refused_and_yet_a_pod_can_be_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let ipam = state(|_| ());
    let _ipamd = start(&folder.path().join("ipamd.sock"), &ipam);
    let mut kernel = Remembering::default();
    let add = Call::new("ADD", folder.path());
    let kept = result(&add.with(&mut kernel));
    look(&ipam).version = "9.9.9".to_owned();
    assert_eq!(error(&add.with(&mut kernel)), 101);
    assert_quiet(&add.after("DEL", &kept).with(&mut kernel));
    assert!(kernel.pods.is_empty());
}

#[test]
fn a_pod_of_the_other_family_has_a_long_address() {
    let folder = tempfile::tempdir().unwrap();
    let ipam = state(|state| state.free = vec![("2001:db8::5".to_owned(), 0, 254)]);
    let _ipamd = start(&folder.path().join("ipamd.sock"), &ipam);
    let mut kernel = Remembering::default();
    let add = Call::new("ADD", folder.path()).set("cniVersion", "0.3.1");
    let kept = result(&add.with(&mut kernel));
    let ip = json!({"version": "6", "interface": 1, "address": "2001:db8::5/128"});
    assert_eq!(kept["ips"], json!([ip]));
}

#[test]
fn sandboxes_of_no_pod_do_not_share_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let ipam = state(|_| ());
    let _ipamd = start(&folder.path().join("ipamd.sock"), &ipam);
    let mut kernel = Remembering::default();
    let add = Call::new("ADD", folder.path()).env("CNI_ARGS", "");
    result(&add.with(&mut kernel));
    result(&add.clone().env("CNI_CONTAINERID", "c2").with(&mut kernel));
    assert_eq!(kernel.pods.len(), 2);
}

#[test]
fn a_panic_becomes_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let ipam = state(|_| ());
    let _ipamd = start(&folder.path().join("ipamd.sock"), &ipam);
    let mut kernel = Remembering {
        panics: true,
        ..Remembering::default()
    };
    let add = Call::new("ADD", folder.path());
    let outcome = vpccni_cni::guarded(|| add.with(&mut kernel));
    assert_eq!(error(&outcome), 999);
    assert!(outcome.stdout.contains("out of order"), "{outcome:?}");
}
