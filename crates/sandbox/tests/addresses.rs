//! Addresses and prefixes: what emulators accept and ignore.

use crate::lab::{Lab, code, message};
use aws_sdk_ec2::types::SubnetCidrReservationType;
use std::collections::BTreeSet;

#[tokio::test]
async fn the_answer_lists_only_what_was_newly_assigned() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let eni = lab.eni(&subnet).await;
    let first = lab.assign(&eni, 2).await.expect("two");
    let second = lab.assign(&eni, 3).await.expect("three");
    assert_eq!((first.len(), second.len()), (2, 3));
    assert!(second.iter().all(|a| !first.contains(a)));
    assert_eq!(lab.available(&subnet).await, 251 - 6);
    lab.end().await;
}

#[tokio::test]
async fn a_prefix_counts_sixteen_and_takes_one_slot() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let instance = lab.instance(&subnet, "m5.large").await;
    let eni = lab.primary_eni(&instance).await;
    let given = lab.assign_prefixes(&eni, 2).await.expect("two prefixes");
    for prefix in &given {
        let (address, length) = prefix.split_once('/').expect("a network");
        let last: u32 = address
            .rsplit('.')
            .next()
            .expect("a number")
            .parse()
            .expect("a number");
        assert_eq!((last % 16, length), (0, "28"), "{prefix}");
    }
    assert_eq!(lab.available(&subnet).await, 251 - 1 - 32);
    // Ten addresses: the primary, two prefixes, seven more, and no eighth.
    assert_eq!(lab.assign(&eni, 7).await.map(|a| a.len()), Ok(7));
    assert_eq!(
        lab.assign(&eni, 1).await,
        Err("PrivateIpAddressLimitExceeded".to_owned())
    );
    assert_eq!(
        lab.assign_prefixes(&eni, 1).await,
        Err("PrivateIpAddressLimitExceeded".to_owned())
    );
    lab.end().await;
}

#[tokio::test]
async fn a_fragmented_subnet_has_addresses_but_no_block() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/26").await;
    for address in ["10.0.0.20", "10.0.0.36"] {
        let call = lab.ec2.create_network_interface().subnet_id(&subnet);
        call.private_ip_address(address)
            .send()
            .await
            .expect("an interface");
    }
    let eni = lab.eni(&subnet).await;
    assert_eq!(lab.available(&subnet).await, 59 - 3);
    let refused = lab
        .ec2
        .assign_private_ip_addresses()
        .network_interface_id(&eni)
        .ipv4_prefix_count(1)
        .send()
        .await
        .expect_err("no block");
    assert_eq!(
        message(&refused),
        "The specified subnet does not have enough free cidr blocks to satisfy the request."
    );
    assert_eq!(code(refused), "InsufficientCidrBlocks");
    lab.end().await;
}

#[tokio::test]
async fn a_reservation_over_addresses_in_use_works_once_they_are_free() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/26").await;
    let call = lab.ec2.create_network_interface().subnet_id(&subnet);
    let holder = call
        .private_ip_address("10.0.0.40")
        .send()
        .await
        .expect("an interface");
    let holder = holder
        .network_interface()
        .and_then(|i| i.network_interface_id())
        .expect("an id");
    let other = lab.ec2.create_network_interface().subnet_id(&subnet);
    let other = other
        .private_ip_address("10.0.0.17")
        .send()
        .await
        .expect("an interface");
    let other = other
        .network_interface()
        .and_then(|i| i.network_interface_id())
        .expect("an id");
    let reserve = lab.ec2.create_subnet_cidr_reservation().subnet_id(&subnet);
    reserve
        .cidr("10.0.0.32/28")
        .reservation_type(SubnetCidrReservationType::Prefix)
        .send()
        .await
        .expect("a reservation over an address in use");
    assert_eq!(
        lab.assign_prefixes(other, 1).await,
        Err("InsufficientCidrBlocks".to_owned())
    );
    let delete = lab.ec2.delete_network_interface().network_interface_id(holder);
    delete.send().await.expect("deleted");
    assert_eq!(
        lab.assign_prefixes(other, 1).await,
        Ok(vec!["10.0.0.32/28".to_owned()])
    );
    lab.end().await;
}

#[tokio::test]
async fn explicit_requests_are_checked_and_can_move_an_address() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let (one, two) = (lab.eni(&subnet).await, lab.eni(&subnet).await);
    let assign = async |eni: &str, address: &str, reassign: bool| {
        let call = lab.ec2.assign_private_ip_addresses().network_interface_id(eni);
        let call = call.private_ip_addresses(address).allow_reassignment(reassign);
        call.send().await.map(|_| ()).map_err(code)
    };
    let refused = Err("InvalidParameterValue".to_owned());
    assert_eq!(assign(&one, "10.0.0.100", false).await, Ok(()));
    assert_eq!(assign(&two, "10.0.0.100", false).await, refused);
    assert_eq!(assign(&two, "10.0.1.1", false).await, refused);
    assert_eq!(assign(&two, "10.0.0.255", false).await, refused);
    assert_eq!(assign(&two, "10.0.0.100", true).await, Ok(()));
    assert_eq!(lab.available(&subnet).await, 251 - 3);
    let prefix = lab
        .ec2
        .assign_private_ip_addresses()
        .network_interface_id(&one)
        .ipv4_prefixes("10.0.0.40/28");
    assert_eq!(prefix.send().await.map(|_| ()).map_err(code), refused);
    lab.end().await;
}

#[tokio::test]
async fn unassigning_takes_only_what_is_there() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let made = lab
        .ec2
        .create_network_interface()
        .subnet_id(&subnet)
        .secondary_private_ip_address_count(2)
        .send()
        .await
        .expect("an interface");
    let eni = made.network_interface().expect("an interface");
    let id = eni.network_interface_id().expect("an id");
    let addresses: Vec<_> = eni
        .private_ip_addresses()
        .iter()
        .filter_map(|a| a.private_ip_address())
        .collect();
    assert_eq!(addresses.len(), 3);
    assert_eq!(eni.private_ip_address(), addresses.first().copied());
    let unassign = async |address: &str| {
        let call = lab.ec2.unassign_private_ip_addresses().network_interface_id(id);
        call.private_ip_addresses(address)
            .send()
            .await
            .map(|_| ())
            .map_err(code)
    };
    let refused = Err("InvalidParameterValue".to_owned());
    assert_eq!(unassign(addresses[0]).await, refused);
    assert_eq!(unassign("10.0.0.250").await, refused);
    assert_eq!(unassign(addresses[1]).await, Ok(()));
    assert_eq!(unassign(addresses[1]).await, refused);
    assert_eq!(lab.available(&subnet).await, 251 - 2);
    lab.end().await;
}

#[tokio::test]
async fn prefixes_need_nitro_or_metal() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let refused = Err("UnsupportedOperation".to_owned());
    for (kind, expected) in [
        ("t2.medium", &refused),
        ("c5.metal", &Ok(1)),
        ("t3.small", &Ok(1)),
    ] {
        let instance = lab.instance(&subnet, kind).await;
        let eni = lab.primary_eni(&instance).await;
        assert_eq!(
            &lab.assign_prefixes(&eni, 1).await.map(|p| p.len()),
            expected,
            "{kind}"
        );
    }
    lab.end().await;
}

#[tokio::test]
async fn one_way_of_asking_per_call() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let eni = lab.eni(&subnet).await;
    let call = lab.ec2.assign_private_ip_addresses().network_interface_id(&eni);
    assert_eq!(
        call.clone().send().await.map(|_| ()).map_err(code),
        Err("MissingParameter".to_owned())
    );
    let both = call.secondary_private_ip_address_count(1).ipv4_prefix_count(1);
    assert_eq!(
        both.send().await.map(|_| ()).map_err(code),
        Err("InvalidParameterCombination".to_owned())
    );
    lab.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_assignments_never_share_an_address() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let mut enis = Vec::new();
    for _ in 0..8 {
        enis.push(lab.eni(&subnet).await);
    }
    let calls = enis.iter().map(|eni| {
        let ec2 = lab.ec2.clone();
        let eni = eni.clone();
        async move {
            let mut given = Vec::new();
            for _ in 0..25 {
                let call = ec2.assign_private_ip_addresses().network_interface_id(&eni);
                let out = call
                    .secondary_private_ip_address_count(1)
                    .send()
                    .await
                    .expect("an address");
                given.extend(
                    out.assigned_private_ip_addresses()
                        .iter()
                        .filter_map(|a| a.private_ip_address().map(str::to_owned)),
                );
            }
            given
        }
    });
    let mut tasks = tokio::task::JoinSet::new();
    for call in calls.collect::<Vec<_>>() {
        tasks.spawn(call);
    }
    let given: Vec<String> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(given.len(), 200);
    assert_eq!(given.iter().collect::<BTreeSet<_>>().len(), 200);
    assert_eq!(lab.available(&subnet).await, 251 - 208);
    lab.end().await;
}

#[tokio::test]
async fn the_same_seed_places_the_same_addresses() {
    let mut seen = Vec::new();
    for _ in 0..2 {
        let lab = Lab::new().await;
        let subnet = lab.subnet("10.0.0.0/22").await;
        let eni = lab.eni(&subnet).await;
        seen.push(lab.assign(&eni, 5).await.expect("addresses"));
        lab.end().await;
    }
    assert_eq!(seen[0], seen[1]);
    let mut sorted = seen[0].clone();
    sorted.sort();
    assert_ne!(seen[0], sorted, "placed at random, not in order");
}
