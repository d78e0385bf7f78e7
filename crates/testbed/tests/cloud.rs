//! Instances in the sandbox and Nodes in the cluster are the same machines, and nothing breaks the rules of EC2.

use std::net::Ipv4Addr;

use vpccni_sandbox::{Options, Sandbox};
use vpccni_testbed::cloud::{Cloud, PodNetwork};

fn in_pod_block(address: Ipv4Addr) -> bool {
    address.octets()[..2] == [100, 64]
}

#[tokio::test]
async fn nodes_hold_addresses_as_their_mode_says() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let cloud = Cloud::build(&sandbox, "demo", &["us-west-2a", "us-west-2b"]).unwrap();
    // m5.large: three interfaces of ten addresses, one of which is the interface's own.
    for (network, addresses, in_pods) in [
        (PodNetwork::SECONDARY, 18, false),
        (PodNetwork::CUSTOM, 9, true),
        (PodNetwork::PREFIX, 16, false),
        (PodNetwork::CUSTOM_PREFIX, 16, true),
    ] {
        let node = cloud.launch("us-west-2b", "m5.large", network).unwrap();
        assert_eq!(node.pod_addresses.len(), addresses, "{network:?}");
        assert!(
            node.pod_addresses
                .iter()
                .all(|address| in_pod_block(*address) == in_pods),
            "{network:?}"
        );
        assert!(
            node.object()
                .unwrap()
                .spec
                .unwrap()
                .provider_id
                .unwrap()
                .ends_with(&node.instance_id)
        );
        assert_eq!(node.address.octets()[..3], [10, 0, node.address.octets()[2]]);
    }
    assert!(
        sandbox.world().violations().is_empty(),
        "{:?}",
        sandbox.world().violations()
    );
    sandbox.shutdown().await;
}

#[tokio::test]
async fn an_instance_grows_and_gives_all_back_when_it_ends() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let cloud = Cloud::build(&sandbox, "demo", &["us-west-2a", "us-west-2b"]).unwrap();
    let used = || {
        sandbox
            .world()
            .read(|now| now.subnets.values().map(|subnet| subnet.pool.used()).sum::<u32>())
    };
    let before = used();
    let node = cloud
        .launch("us-west-2a", "m5.large", PodNetwork::CUSTOM_PREFIX)
        .unwrap();
    cloud.add_prefix(&node.instance_id, 1).unwrap();
    assert_eq!(cloud.pod_addresses(&node.instance_id).unwrap().len(), 32);
    cloud.terminate(&node.instance_id).unwrap();
    assert_eq!(used(), before);
    let error = cloud
        .launch("us-west-2c", "m5.large", PodNetwork::PREFIX)
        .unwrap_err();
    assert_eq!(error.to_string(), "no subnets in the zone us-west-2c");
    let error = cloud
        .launch("us-west-2a", "t2.micro", PodNetwork::PREFIX)
        .unwrap_err();
    assert!(error.to_string().starts_with("run an instance: "), "{error}");
    sandbox.shutdown().await;
}
