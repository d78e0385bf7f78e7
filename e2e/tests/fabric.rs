//! The fabric alone: the witness must be right before anything is judged by it.

use std::net::{IpAddr, Ipv4Addr};

use vpccni_core::ids::EniId;
use vpccni_testbed::boxes::{Egress, INTERNET, NodeBox, Vpc};
use vpccni_testbed::sandbox::world::{NewInterface, Want, World};
use vpccni_testbed::wait::until;

use crate::bed::{PATIENCE, ZONES, vpc};

fn ping(node: &NodeBox, from: IpAddr, to: IpAddr) -> bool {
    let (from, to) = (from.to_string(), to.to_string());
    node.run("ping", &["-c1", "-W1", "-I", &from, &to]).is_ok()
}

/// Attaches a second interface with two secondary addresses, as ipamd would.
fn attach(vpc: &Vpc, node: &NodeBox) -> (EniId, Ipv4Addr, String) {
    let zone = &vpc.cloud().zones[ZONES[0]];
    vpc.sandbox().world().write(|world: &mut World| {
        let eni = world
            .create_interface(NewInterface::in_subnet(zone.nodes.clone()))
            .unwrap();
        world.attach(&eni, node.instance(), 1, 0).unwrap();
        let want = Want {
            count: 2,
            ..Want::default()
        };
        world.assign(&eni, &want, false).unwrap();
        let interface = &world.interfaces[&eni];
        (eni.clone(), interface.secondary[0], interface.mac.clone())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_reach_each_other_the_internet_and_imds() {
    let Some(vpc) = vpc(Egress::InternetGateway).await else {
        return;
    };
    let one = vpc.launch(ZONES[0], "m5.large").await.unwrap();
    let two = vpc.launch(ZONES[1], "m5.large").await.unwrap();
    assert!(ping(&one, one.address(), two.address()));
    assert!(ping(&two, two.address(), INTERNET.into()));
    let token = one.run(
        "curl",
        &[
            "-sf",
            "-X",
            "PUT",
            "-H",
            "X-aws-ec2-metadata-token-ttl-seconds: 60",
            "http://169.254.169.254/latest/api/token",
        ],
    );
    let header = format!("X-aws-ec2-metadata-token: {}", token.unwrap());
    let id = one.run(
        "curl",
        &[
            "-sf",
            "-H",
            &header,
            "http://169.254.169.254/latest/meta-data/instance-id",
        ],
    );
    assert_eq!(id.unwrap(), one.instance().as_str());
    assert_eq!(vpc.fabric().spoofed().unwrap(), []);
    let flows = vpc.fabric().flows().unwrap();
    let seen = |from: IpAddr, to: IpAddr| {
        flows
            .iter()
            .any(|flow| flow.source == from && flow.destination == to)
    };
    assert!(seen(one.address(), two.address()), "{flows:?}");
    assert!(seen(two.address(), INTERNET.into()), "{flows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interface_comes_and_goes_as_the_sandbox_has_it() {
    let Some(vpc) = vpc(Egress::InternetGateway).await else {
        return;
    };
    let node = vpc.launch(ZONES[0], "m5.large").await.unwrap();
    let other = vpc.launch(ZONES[1], "m5.large").await.unwrap();
    let (eni, address, mac) = attach(&vpc, &node);
    let link = until("eth1 to appear", PATIENCE, || async { second_link(&node) })
        .await
        .unwrap();
    assert!(
        link.contains(&mac) && link.contains("mtu 9001") && link.contains("state DOWN"),
        "{link}"
    );
    a_secondary_address_works_on_its_own_interface_alone(&vpc, &node, &other, &eni, address);
    vpc.sandbox().world().write(|world| {
        let attachment = world.interfaces[&eni].attachment.as_ref().unwrap().id.clone();
        world.detach(&attachment, false).unwrap();
    });
    let gone = || async { second_link(&node).map_or(Ok(()), Err) };
    until("eth1 to go", PATIENCE, gone).await.unwrap();
    assert!(!ping(&other, other.address(), address.into()));
    let lost = vpc.fabric().lost().unwrap();
    assert!(
        lost.iter().any(|flow| flow.destination == IpAddr::from(address)),
        "{lost:?}"
    );
}

fn second_link(node: &NodeBox) -> Result<String, String> {
    let shown = node.run("ip", &["-o", "link", "show", "eth1"]);
    shown.map_err(|error| error.to_string())
}

fn a_secondary_address_works_on_its_own_interface_alone(
    vpc: &Vpc,
    node: &NodeBox,
    other: &NodeBox,
    eni: &EniId,
    address: Ipv4Addr,
) {
    let ip = |words: &str| {
        let args: Vec<&str> = words.split(' ').collect();
        node.run("ip", &args).unwrap()
    };
    let on = |device: &str| {
        ip(&format!("addr replace {address}/32 dev {device}"));
        ping(node, address.into(), other.address())
    };
    assert!(!on("eth0"), "a packet from the wrong interface passed");
    let spoofed = vpc.fabric().spoofed().unwrap();
    assert_eq!(spoofed.len(), 1, "{spoofed:?}");
    assert_eq!(
        (spoofed[0].source, spoofed[0].destination),
        (address.into(), other.address())
    );
    assert_ne!(spoofed[0].interface, *eni);
    ip(&format!("addr del {address}/32 dev eth0"));
    ip("link set eth1 up");
    ip(&format!("rule add from {address} lookup 2"));
    ip("route add default via 10.0.0.1 dev eth1 onlink table 2");
    assert!(on("eth1"), "{}", ip("route show table all"));
    // It has no public address, so the internet gateway does not let it out.
    assert!(!ping(node, address.into(), INTERNET.into()));
    let refused = vpc.fabric().refused().unwrap();
    assert!(
        refused.iter().any(|flow| flow.source == IpAddr::from(address)),
        "{refused:?}"
    );
}
