//! What the kernel remembers of connections of a pod that ended. The witness is `conntrack`.

use crate::scene::{has, on_a_node, run};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Instant;
use vpccni_core::ports::Kernel;
use vpccni_netlink::Host;

/// More than fit into one send, and into one datagram of a list.
const MANY: u32 = 500;

fn remember(tuple: &str, port: u32) {
    run(&format!(
        "conntrack -I {tuple} -p tcp --sport {port} --dport 80 --state TIME_WAIT -t 120"
    ));
}

/// All connections of a family, as the witness prints them.
fn remembered(family: &str) -> Vec<String> {
    let printed = run(&format!("conntrack -L -f {family}"));
    printed.lines().map(str::to_owned).collect()
}

fn forget(addresses: &[&str]) -> usize {
    let addresses: BTreeSet<IpAddr> = addresses.iter().map(|text| text.parse().unwrap()).collect();
    Host.forget(&addresses).unwrap()
}

#[test]
fn connections_of_many_pods_are_forgotten_in_one_walk() {
    on_a_node(|| {
        if !has(&["conntrack"]) {
            return;
        }
        let pods = ["10.0.1.5", "10.0.1.6", "10.0.1.7", "10.0.1.8", "2001:db8::5"];
        for pod in pods {
            let to = if pod.contains(':') {
                "2001:db8:1::1"
            } else {
                "192.0.2.1"
            };
            remember(&format!("-s {pod} -d {to}"), 1024);
            remember(&format!("-s {to} -d {pod}"), 1025);
        }
        remember("-s 10.0.1.5 -d 10.0.1.6", 3000);
        remember("-s 10.0.1.9 -d 192.0.2.1", 1024);
        assert_eq!(forget(&pods), 11);
        assert_eq!(remembered("ipv4").len(), 1);
        assert_eq!(remembered("ipv6").len(), 0);
    });
}

#[test]
fn connections_of_a_pod_that_ended_are_forgotten_and_no_others() {
    on_a_node(|| {
        if !has(&["conntrack"]) {
            return;
        }
        for number in 0..MANY {
            remember("-s 10.0.1.5 -d 192.0.2.1", 1024 + number);
        }
        // Of a client with the pod, by the address of a service.
        remember("-s 192.0.2.9 -d 172.20.0.1 --dst-nat 10.0.1.5", 2000);
        remember("-s 10.0.1.5 -d 10.0.1.5", 3000);
        // Of others: a neighbour, and one whose address only begins like the pod's.
        remember("-s 10.0.1.6 -d 192.0.2.1", 1024);
        remember("-s 192.0.2.9 -d 10.0.1.50", 1024);
        let before = remembered("ipv4").len();
        assert_eq!(before, 4 + usize::try_from(MANY).unwrap());
        let start = Instant::now();
        assert_eq!(forget(&["10.0.1.5"]), before - 2);
        println!(
            "NOTE: {} connections forgotten in {:?}",
            before - 2,
            start.elapsed()
        );
        assert_eq!(forget(&["10.0.1.5"]), 0);
        let left = remembered("ipv4");
        assert_eq!(left.len(), 2, "{left:?}");
        for other in ["src=10.0.1.6 ", "dst=10.0.1.50 "] {
            assert!(left.iter().any(|line| line.contains(other)), "{other}: {left:?}");
        }
    });
}

#[test]
fn connections_of_an_ipv6_pod_are_forgotten() {
    on_a_node(|| {
        if !has(&["conntrack"]) {
            return;
        }
        remember("-s 2001:db8::5 -d 2001:db8:1::1", 1024);
        remember("-s 2001:db8:1::1 -d 2001:db8::5", 1025);
        remember("-s 2001:db8::6 -d 2001:db8:1::1", 1024);
        remember("-s 10.0.1.5 -d 192.0.2.1", 1024);
        assert_eq!(remembered("ipv6").len(), 3);
        assert_eq!(forget(&["2001:db8::5"]), 2);
        let left = remembered("ipv6");
        assert_eq!(left.len(), 1, "{left:?}");
        assert!(left[0].contains("src=2001:db8::6 "), "{left:?}");
        assert_eq!(remembered("ipv4").len(), 1, "the other family is not looked at");
    });
}
