//! What a host may be besides an ordinary one: one that the stock agent ran on, one with several network cards, one
//! whose agent may not talk to EC2.

use crate::lab::{Lab, request};
use crate::wire::{http_unix, wait};
use aws_sdk_ec2::types::InstanceType;

#[tokio::test]
async fn rules_of_the_stock_agent_go_when_ours_are_there() {
    let mut lab = Lab::new(InstanceType::M5Large, "10.0.0.0/22", &[]).await;
    lab.kernel.leave("-t nat -D POSTROUTING -j AWS-SNAT-CHAIN-0");
    lab.start().await;
    assert_eq!(lab.kernel.left(), Vec::<String>::new());
    lab.end().await;
}

#[tokio::test]
async fn connections_of_a_pod_that_ended_are_forgotten() {
    let lab = Lab::started(&[("IP_COOLDOWN_PERIOD", "0"), ("WARM_IP_TARGET", "1")]).await;
    let first = lab.address("web-0").await;
    lab.del("web-0").await.expect("released");
    wait("connections to be forgotten", || {
        let forgotten = lab.kernel.forgotten();
        let address = first.parse().expect("an address");
        async move { forgotten.contains(&address) }
    })
    .await;
    assert_eq!(lab.kernel.forgotten().len(), 1);
    lab.end().await;
}

#[tokio::test]
async fn a_card_without_an_interface_gets_one_and_pods_one_address_of_each() {
    let settings = [("ENABLE_MULTI_NIC", "true"), ("WARM_IP_TARGET", "1")];
    let mut lab = Lab::new(InstanceType::C6in32xlarge, "10.0.0.0/22", &settings).await;
    lab.start().await;
    wait("an address on the second card", || {
        let path = lab.introspection();
        async move {
            let text = http_unix(&path, "/v1/enis").await;
            let seen: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            seen["1"]["TotalIPs"].as_u64() > Some(0)
        }
    })
    .await;
    let mut wanted = request("web");
    wanted.requires_multi_nic_attachment = true;
    let reply = lab.client().await.add_network(wanted).await;
    let given = reply.expect("a reply").into_inner().allocations;
    assert_eq!(given.len(), 2, "{given:?}");
    assert_ne!(given[0].ipv4_addr, given[1].ipv4_addr);
    assert_ne!(given[0].route_table_id, given[1].route_table_id);
    lab.end().await;
}

#[tokio::test]
async fn without_ec2_a_node_gives_what_the_metadata_service_shows() {
    let settings = [("ENABLE_IMDS_ONLY_MODE", "true")];
    let mut lab = Lab::new(InstanceType::M5Large, "10.0.0.0/22", &settings).await;
    let primary = lab.sandbox.world().read(|world| {
        let instance = world.instances.get(&lab.instance).expect("an instance");
        instance.interfaces[&(0, 0)].to_string()
    });
    let raw = lab.raw.clone();
    let give = |count: i32| {
        let call = raw.assign_private_ip_addresses();
        call.network_interface_id(&primary)
            .secondary_private_ip_address_count(count)
            .send()
    };
    give(3).await.expect("assigned");
    let ec2 = |lab: &Lab| {
        let all = lab.sandbox.calls();
        let of = all.iter().filter(|call| call.service == "ec2");
        of.map(|call| (call.action.clone(), call.count))
            .collect::<Vec<_>>()
    };
    let before = ec2(&lab);
    lab.start().await;
    lab.wait_for((1, 3, 0)).await;
    lab.address("web").await;
    lab.wait_for((1, 3, 1)).await;
    assert_eq!(ec2(&lab), before, "EC2 was asked");
    // What somebody else adds is taken up.
    give(2).await.expect("assigned");
    lab.wait_for((1, 5, 1)).await;
    lab.end().await;
}
