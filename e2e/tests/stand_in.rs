//! The box without the product: the reference plugins stand in for ours, so that a failure of a story with ours is not
//! one of the box.

use std::fs;
use std::net::SocketAddr;

use vpccni_testbed::boxes::traffic::{ByteStream, DatagramStream, Echo, seen_as};
use vpccni_testbed::boxes::{CONFLIST, Egress, INTERNET, NodeBox, REFERENCE_PLUGINS, Vpc};
use vpccni_testbed::sandbox::world::Want;

use crate::bed::{ZONES, vpc};

/// Gives the node a prefix and has the reference plugins hand it out; false where they are not installed.
pub(crate) fn install(vpc: &Vpc, node: &NodeBox) -> bool {
    let prefix = vpc.sandbox().world().write(|world| {
        let eni = world.instances[node.instance()].interfaces[&(0, 0)].clone();
        let want = Want {
            prefix_count: 1,
            ..Want::default()
        };
        world.assign(&eni, &want, false).unwrap().prefixes[0].net()
    });
    for plugin in ["ptp", "host-local"] {
        let from = format!("{REFERENCE_PLUGINS}/{plugin}");
        if fs::copy(&from, node.path(format!("/opt/cni/bin/{plugin}"))).is_err() {
            println!("SKIPPED: {from} not found (Debian: apt-get install containernetworking-plugins)");
            return false;
        }
    }
    let conflist = format!(
        r#"{{"cniVersion": "0.4.0", "name": "stand-in", "plugins": [{{"type": "ptp",
            "ipam": {{"type": "host-local", "subnet": "{prefix}", "routes": [{{"dst": "0.0.0.0/0"}}]}}}}]}}"#
    );
    fs::write(node.path(CONFLIST), conflist).unwrap();
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_of_the_reference_plugins_talk_and_leave_nothing() {
    let Some(vpc) = vpc(Egress::NatGateway).await else {
        return;
    };
    let one = vpc.launch(ZONES[0], "m5.large").await.unwrap();
    let two = vpc.launch(ZONES[1], "m5.large").await.unwrap();
    if !install(&vpc, &one) || !install(&vpc, &two) {
        return;
    }
    let before = one.kernel().unwrap();
    let mut client = one.pod("default", "client").unwrap();
    let mut server = two.pod("default", "server").unwrap();
    client.add().unwrap();
    server.add().unwrap();
    assert!(!one.kernel().unwrap().since(&before).is_empty());

    let echo = Echo::start(server.network(), 7000).unwrap();
    let address = SocketAddr::new(server.address().unwrap(), echo.port());
    assert_eq!(
        seen_as(client.network(), address).unwrap(),
        client.address().unwrap()
    );
    assert_eq!(
        seen_as(two.space().network(), address).unwrap(),
        server_gateway(&two)
    );
    let outside = Echo::start(vpc.fabric().internet().network(), 7000).unwrap();
    let seen = seen_as(client.network(), SocketAddr::new(INTERNET.into(), outside.port())).unwrap();
    assert_eq!(seen, std::net::IpAddr::from(vpccni_testbed::boxes::NAT_ADDRESS));

    let datagrams = DatagramStream::start(client.network(), address).unwrap();
    let bytes = ByteStream::start(client.network(), address).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let (datagrams, bytes) = (datagrams.stop().unwrap(), bytes.stop());
    assert_eq!((datagrams.lost, bytes.resets), (0, 0));
    assert!(
        datagrams.sent >= 40 && bytes.echoed > 0,
        "{datagrams:?} {bytes:?}"
    );
    assert_eq!(vpc.fabric().spoofed().unwrap(), []);

    client.del().unwrap();
    client.remove().unwrap();
    let left = one.kernel().unwrap().since(&before);
    assert!(left.is_empty(), "{left}");
}

/// The reference plugin gives the node the first address of the prefix on every link to a pod.
fn server_gateway(node: &NodeBox) -> std::net::IpAddr {
    let text = node.run("ip", &["-br", "addr"]).unwrap();
    let line = text.lines().find(|line| line.starts_with("veth")).unwrap();
    let address = line.split_whitespace().nth(2).unwrap();
    address.split('/').next().unwrap().parse().unwrap()
}
