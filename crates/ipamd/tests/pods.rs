//! Pods over the real socket: the same key, the same address; what is held survives a restart and a kill.

use crate::lab::{Lab, link, request};
use std::collections::BTreeSet;
use std::time::Duration;
use vpccni_rpc::UNKNOWN_POD;

#[tokio::test]
async fn the_same_key_has_the_same_address_and_a_second_release_is_unknown() {
    let lab = Lab::started(&[]).await;
    let first = lab.address("web").await;
    assert_eq!(lab.address("web").await, first);
    let other = lab.address("other").await;
    assert_ne!(other, first);
    let freed = lab.del("web").await.expect("released");
    assert!(freed.success);
    assert_eq!(freed.allocations[0].ipv4_addr, first);
    let again = lab.del("web").await.expect_err("unknown");
    assert!(again.message().contains(UNKNOWN_POD), "{again}");
    // It rests: the next pod gets another one.
    assert_ne!(lab.address("next").await, first);
    lab.end().await;
}

#[tokio::test]
async fn a_reply_carries_the_networks_of_the_vpc_and_the_table_of_the_interface() {
    let lab = Lab::started(&[("AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS", "192.168.0.0/16")]).await;
    lab.address("web").await;
    let reply = lab.add("web").await;
    assert!(!reply.use_external_snat);
    assert_eq!(reply.vpc_v4_cidrs, ["10.0.0.0/16", "192.168.0.0/16"]);
    assert_eq!(
        (
            reply.allocations[0].device_number,
            reply.allocations[0].route_table_id
        ),
        (0, 254)
    );
    assert_eq!(reply.network_policy_mode, "");
    lab.end().await;
}

#[tokio::test]
async fn another_version_is_refused() {
    let lab = Lab::started(&[]).await;
    let mut other = request("web");
    other.client_version = "v0.0.1".to_owned();
    let refused = lab.client().await.add_network(other).await.expect_err("refused");
    assert_eq!(refused.code(), tonic::Code::FailedPrecondition);
    lab.end().await;
}

#[tokio::test]
async fn a_killed_daemon_knows_its_pods_again() {
    let mut lab = Lab::started(&[]).await;
    let mut held = BTreeSet::new();
    for pod in ["a", "b", "c"] {
        let address = lab.address(pod).await;
        held.insert(address);
    }
    lab.kill().await;
    lab.start().await;
    for pod in ["a", "b", "c"] {
        assert!(held.contains(&lab.address(pod).await), "{pod}");
    }
    assert!(!held.contains(&lab.address("d").await));
    lab.end().await;
}

#[tokio::test]
async fn pods_that_went_meanwhile_are_forgotten_with_their_rules() {
    let mut lab = Lab::started(&[]).await;
    let (here, gone) = (lab.address("here").await, lab.address("gone").await);
    lab.stop().await;
    lab.kernel.kill_pod(&link("gone"));
    lab.start().await;
    let to = |address: &str| {
        let net = format!("{address}/32").parse().expect("a network");
        lab.kernel
            .all_rules()
            .iter()
            .filter(|rule| rule.to == Some(net))
            .count()
    };
    assert_eq!((to(&here), to(&gone)), (1, 0));
    assert!(lab.del("gone").await.is_err());
    assert!(lab.del("here").await.is_ok());
    lab.end().await;
}

#[tokio::test]
async fn a_torn_checkpoint_is_put_aside_and_no_address_is_given_twice() {
    let mut lab = Lab::started(&[]).await;
    let address = lab.address("web").await;
    lab.stop().await;
    let text = std::fs::read_to_string(lab.checkpoint()).expect("a checkpoint");
    std::fs::write(lab.checkpoint(), &text[..text.len() / 2]).expect("torn");
    lab.start().await;
    let aside = std::fs::read_dir(lab.checkpoint().parent().expect("a folder")).expect("a folder");
    let names = aside.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    assert_eq!(names.filter(|name| name.contains(".torn-")).count(), 1);
    for pod in 0..8 {
        assert_ne!(lab.address(&format!("new-{pod}")).await, address);
    }
    lab.end().await;
}

#[tokio::test]
async fn a_checkpoint_of_another_version_is_fatal() {
    let mut lab = Lab::started(&[]).await;
    lab.stop().await;
    std::fs::write(lab.checkpoint(), r#"{"version":"vpc-cni-ipam/9"}"#).expect("written");
    let why = lab.refused().await;
    assert!(why.contains("vpc-cni-ipam/9"), "{why}");
    lab.end().await;
}

#[tokio::test]
async fn without_a_checkpoint_nobody_gets_an_address() {
    let lab = Lab::started(&[]).await;
    lab.wait_for((1, 9, 0)).await;
    // A folder where the new file is written first: not even root gets past that.
    let temporary = lab.checkpoint().with_extension("json.tmp");
    std::fs::create_dir(&temporary).expect("a folder");
    let refused = lab.client().await.add_network(request("web")).await;
    let refused = refused.expect_err("refused");
    assert!(refused.message().contains("checkpoint"), "{refused}");
    lab.wait_for((1, 9, 0)).await;
    std::fs::remove_dir(&temporary).expect("removed");
    assert!(lab.add("web").await.success);
    lab.end().await;
}

#[tokio::test]
async fn what_the_runtime_no_longer_knows_is_collected() {
    let lab = Lab::started(&[]).await;
    let kept = lab.address("kept").await;
    lab.address("lost").await;
    let released = lab.collect(&["kept"]).await;
    assert_eq!(released, ["container-of-lost"]);
    assert_eq!(lab.address("kept").await, kept);
    assert!(lab.del("lost").await.is_err());
    lab.end().await;
}

#[tokio::test]
async fn a_key_whose_link_is_gone_is_given_back() {
    let lab = Lab::started(&[]).await;
    lab.address("web").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(lab.counts().await.2, 1, "its link is there");
    lab.kernel.kill_pod(&link("web"));
    for _ in 0..200 {
        if lab.counts().await.2 == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(lab.counts().await.2, 0);
    assert!(lab.del("web").await.is_err());
    lab.end().await;
}
