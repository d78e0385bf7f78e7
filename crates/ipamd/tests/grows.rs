//! The pool fills, grows and shrinks, in secondary and in prefix mode.

use crate::lab::Lab;
use aws_sdk_ec2::types::InstanceType;

#[tokio::test]
async fn a_new_node_fills_its_primary_interface() {
    let lab = Lab::started(&[]).await;
    lab.wait_for((1, 9, 0)).await;
    // With the first pod fewer than nine are free, and a second interface comes, full.
    lab.address("web").await;
    lab.wait_for((2, 18, 1)).await;
    let interfaces = lab.raw.describe_network_interfaces().send().await.expect("read");
    let second = interfaces
        .network_interfaces()
        .iter()
        .find(|eni| eni.description().is_some_and(|text| text.starts_with("aws-K8S-")))
        .expect("a second interface");
    let attachment = second.attachment().expect("attached");
    assert_eq!(attachment.delete_on_termination(), Some(true));
    let tags: Vec<&str> = second.tag_set().iter().filter_map(|tag| tag.key()).collect();
    assert!(tags.contains(&"node.k8s.amazonaws.com/instance_id"), "{tags:?}");
    // Its network on the host: the rule of its own address.
    let from_eni = vpccni_core::datapath::priority::FROM_ENI;
    let rules = lab.kernel.all_rules();
    assert!(
        rules
            .iter()
            .any(|rule| rule.priority == from_eni && rule.table == 2),
        "{rules:?}"
    );
    lab.end().await;
}

#[tokio::test]
async fn the_well_known_minimum_of_twelve_with_two_ahead() {
    let lab = Lab::started(&[("MINIMUM_IP_TARGET", "12"), ("WARM_IP_TARGET", "2")]).await;
    lab.wait_for((2, 12, 0)).await;
    for pod in 0..10 {
        lab.address(&format!("web-{pod}")).await;
    }
    lab.wait_for((2, 12, 10)).await;
    lab.address("web-10").await;
    lab.wait_for((2, 13, 11)).await;
    lab.end().await;
}

#[tokio::test]
async fn what_is_too_much_goes_back() {
    let settings = [("WARM_IP_TARGET", "3"), ("IP_COOLDOWN_PERIOD", "0")];
    let mut lab = Lab::started(&settings).await;
    lab.wait_for((1, 3, 0)).await;
    for pod in 0..4 {
        lab.address(&format!("web-{pod}")).await;
    }
    lab.wait_for((1, 7, 4)).await;
    // All at once: after something was given back, nothing more goes for half a minute.
    assert_eq!(lab.collect(&[]).await.len(), 4);
    lab.wait_for((1, 3, 0)).await;
    lab.stop().await;
    let left = lab.sandbox.world().read(|world| {
        let eni = world.interfaces.values().next().expect("an interface");
        eni.secondary.len()
    });
    assert_eq!(left, 3);
    lab.end().await;
}

#[tokio::test]
async fn prefixes_come_one_ahead_and_the_mode_is_kept() {
    let prefix = [("ENABLE_PREFIX_DELEGATION", "true"), ("WARM_PREFIX_TARGET", "1")];
    let mut lab = Lab::started(&prefix).await;
    lab.wait_for((1, 16, 0)).await;
    let first = lab.address("web-0").await;
    lab.wait_for((1, 32, 1)).await;
    assert_ne!(first, "");
    lab.stop().await;
    // Whatever the environment says now, the node stays as it was.
    lab.set("ENABLE_PREFIX_DELEGATION", "false");
    lab.start().await;
    lab.wait_for((1, 32, 1)).await;
    assert_eq!(lab.address("web-0").await, first);
    let secondary = lab.sandbox.world().read(|world| {
        world
            .interfaces
            .values()
            .map(|eni| eni.secondary.len())
            .sum::<usize>()
    });
    assert_eq!(secondary, 0);
    lab.end().await;
}

#[tokio::test]
async fn a_type_without_prefixes_gives_addresses() {
    let prefix = [("ENABLE_PREFIX_DELEGATION", "true"), ("WARM_PREFIX_TARGET", "1")];
    let mut lab = Lab::new(InstanceType::M4Large, "10.0.0.0/22", &prefix).await;
    lab.start().await;
    lab.wait_for((1, 9, 0)).await;
    lab.end().await;
}

#[tokio::test]
async fn settings_that_forbid_a_start_are_named() {
    let mut lab = Lab::new(InstanceType::M5Large, "10.0.0.0/22", &[("ENABLE_IPv6", "true")]).await;
    let why = lab.refused().await;
    assert!(why.contains("ENABLE_IPv4 and ENABLE_IPv6 are both on"), "{why}");
    lab.end().await;
}

#[tokio::test]
async fn an_ipv6_node_has_one_prefix_and_gives_addresses_of_it() {
    let six = [
        ("ENABLE_IPv4", "false"),
        ("ENABLE_IPv6", "true"),
        ("ENABLE_PREFIX_DELEGATION", "true"),
        ("WARM_PREFIX_TARGET", "1"),
    ];
    let mut lab = Lab::started(&six).await;
    lab.wait_for((1, 1 << 48, 0)).await;
    let reply = lab.add("web").await;
    assert!(reply.success);
    let address: std::net::Ipv6Addr = reply.allocations[0].ipv6_addr.parse().expect("an address");
    assert_eq!(reply.allocations[0].ipv4_addr, "");
    assert_eq!((reply.vpc_v4_cidrs.len(), reply.vpc_v6_cidrs.len()), (0, 1));
    let prefixes = lab.sandbox.world().read(|world| {
        let enis = world.interfaces.values();
        enis.flat_map(|eni| eni.ipv6.prefixes.iter().map(ToString::to_string))
            .collect::<Vec<_>>()
    });
    let [prefix] = prefixes.as_slice() else {
        panic!("{prefixes:?}");
    };
    let prefix: vpccni_core::net::Ipv6Net = prefix.parse().expect("a prefix");
    assert!(prefix.contains(&address), "{address} is not of {prefix}");
    // A second start takes the prefix that is there.
    lab.stop().await;
    lab.start().await;
    lab.wait_for((1, 1 << 48, 0)).await;
    assert_eq!(lab.calls("AssignIpv6Addresses"), 1);
    lab.end().await;
}
