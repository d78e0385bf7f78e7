//! One pod at a time: added, reached, checked, removed.

use crate::scene::{NODE_IP, Sandbox, has, on_a_node, pod, pod_of_primary, routing, run, skip, succeeds};
use vpccni_core::datapath::{Branch, Enforcing, Mac, PodNetwork};
use vpccni_core::ports::{Kernel, KernelError};
use vpccni_netlink::{Host, pod as wire};

#[test]
fn a_pod_and_its_node_reach_each_other() {
    on_a_node(|| {
        if !has(&["ping"]) {
            return;
        }
        let sandbox = Sandbox::new();
        let pod = pod("a", "10.0.1.5");
        let added = wire::add(&sandbox.path(), &pod).unwrap();
        sandbox.run(&format!("ping -c1 -W2 {NODE_IP}"));
        run("ping -c1 -W1 10.0.1.5");
        let link = sandbox.run("ip -o link show eth0");
        assert!(link.contains("mtu 9001"), "{link}");
        assert!(link.contains(&added.container_mac.unwrap().to_string()), "{link}");
        assert_eq!(
            wire::check(&sandbox.path(), &pod).unwrap(),
            vec![],
            "CHECK agrees with ADD"
        );
    });
}

#[test]
fn the_kernel_has_what_the_stock_plugin_would_have_put_there() {
    on_a_node(|| {
        let sandbox = Sandbox::new();
        let pod = pod("a", "10.0.1.5");
        let before = routing();
        wire::add(&sandbox.path(), &pod).unwrap();
        let is_new = |line: &&String| !before.contains(line) && line.contains("10.0.1.5");
        // The carrier comes in the kernel's own time.
        let new: Vec<_> = routing()
            .iter()
            .filter(is_new)
            .map(|line| line.trim_end_matches(" linkdown").to_owned())
            .collect();
        let veth = &pod.host_veth;
        assert_eq!(
            new,
            [
                "512:\tfrom all to 10.0.1.5 lookup main".to_owned(),
                "1536:\tfrom 10.0.1.5 lookup 2".to_owned(),
                format!("10.0.1.5 dev {veth} scope link"),
            ]
        );
        assert_eq!(
            sandbox
                .run("ip route")
                .lines()
                .map(|line| line.trim().trim_end_matches(" linkdown"))
                .collect::<Vec<_>>(),
            [
                "default via 169.254.1.1 dev eth0",
                "169.254.1.1 dev eth0 scope link"
            ]
        );
        let neighbours = sandbox.run("ip neigh");
        assert_eq!(
            neighbours.trim(),
            format!("169.254.1.1 dev eth0 lladdr {} PERMANENT", pod.host_mac)
        );
        let address = sandbox.run("ip -o -4 addr show eth0");
        assert!(address.contains("inet 10.0.1.5/32 scope global"), "{address}");
        assert_eq!(
            run(&format!("sysctl -n net.ipv6.conf.{veth}.accept_ra")).trim(),
            "0"
        );
    });
}

#[test]
fn nothing_is_left_after_del_and_a_second_del_succeeds() {
    on_a_node(|| {
        let before = routing();
        for pod in [
            pod("a", "10.0.1.5"),
            pod_of_primary("b", "10.0.0.77"),
            pod("c", "2001:db8::5"),
        ] {
            let sandbox = Sandbox::new();
            wire::add(&sandbox.path(), &pod).unwrap();
            assert_ne!(routing(), before);
            wire::delete(&pod).unwrap();
            let address = pod.address.to_string();
            let left: Vec<_> = routing()
                .into_iter()
                .filter(|line| line.contains(&address))
                .collect();
            assert_eq!(left, Vec::<String>::new());
            wire::delete(&pod).unwrap();
            drop(sandbox);
            wait_until_gone(&pod.host_veth);
            wire::delete(&pod).unwrap();
            assert_eq!(routing(), before, "after {}", pod.address);
        }
    });
}

#[test]
fn an_address_that_went_to_another_sandbox_is_told() {
    on_a_node(|| {
        for (address, vacant) in [("10.0.1.5", "10.0.0.77"), ("2001:db8::5", "2001:db8::6")] {
            let (old, next) = (Sandbox::new(), Sandbox::new());
            let pod = pod("a", address);
            let is_anothers = |pod: &PodNetwork| wire::is_anothers(pod).unwrap();
            assert!(!is_anothers(&pod), "nobody has it");
            wire::add(&old.path(), &pod).unwrap();
            assert!(!is_anothers(&pod));
            // Its subnet's route is no sandbox.
            assert!(!is_anothers(&PodNetwork {
                address: vacant.parse().unwrap(),
                ..pod.clone()
            }));
            let other = PodNetwork {
                host_veth: "eniother".to_owned(),
                ..pod.clone()
            };
            assert!(is_anothers(&other));
            // The pod's next sandbox has the names, and here the address, too.
            let again = PodNetwork {
                host_mac: Mac([2, 0, 0, 0, 0, 9]),
                ..pod.clone()
            };
            wire::add(&next.path(), &again).unwrap();
            assert!(is_anothers(&pod) && !is_anothers(&again));
            wire::delete(&again).unwrap();
            assert!(!is_anothers(&pod));
        }
    });
}

/// A namespace is torn down after its last user is gone, in the kernel's own time.
fn wait_until_gone(link: &str) {
    wait_until(|| !succeeds(&format!("ip link show {link}")));
}

fn wait_until(is_so: impl Fn() -> bool) {
    for _ in 0..400 {
        if is_so() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("not within eight seconds");
}

#[test]
fn an_add_after_one_that_died_succeeds() {
    on_a_node(|| {
        let pod = pod("web-0", "10.0.1.5");
        let first = Sandbox::new();
        wire::add(&first.path(), &pod).unwrap();
        wire::add(&first.path(), &pod).unwrap();
        assert_eq!(wire::check(&first.path(), &pod).unwrap(), vec![]);
        // The runtime gave up and made another sandbox, while the first is still there.
        let second = Sandbox::new();
        let pod = PodNetwork {
            address: "10.0.1.6".parse().unwrap(),
            ..pod
        };
        wire::add(&second.path(), &pod).unwrap();
        assert_eq!(wire::check(&second.path(), &pod).unwrap(), vec![]);
        assert!(!first.succeeds("ip link show eth0"), "the old pair is gone");
        // Half of an earlier attempt: the pair without anything else.
        let third = Sandbox::new();
        run("ip link add enihalf type veth peer name half");
        let pod = PodNetwork {
            host_veth: "enihalf".to_owned(),
            ..pod
        };
        wire::add(&third.path(), &pod).unwrap();
        assert_eq!(wire::check(&third.path(), &pod).unwrap(), vec![]);
    });
}

#[test]
fn check_names_what_somebody_changed() {
    on_a_node(|| {
        let sandbox = Sandbox::new();
        let pod = pod("a", "10.0.1.5");
        wire::add(&sandbox.path(), &pod).unwrap();
        sandbox.run("ip route del default");
        sandbox.run("ip neigh del 169.254.1.1 dev eth0");
        run("ip rule del priority 1536");
        run(&format!("ip link set {} mtu 1500", pod.host_veth));
        let changes = wire::check(&sandbox.path(), &pod).unwrap();
        let words: Vec<_> = changes.iter().map(ToString::to_string).collect();
        assert_eq!(
            words,
            [
                format!("neighbour 169.254.1.1 at {} on eth0", pod.host_mac),
                "route 0.0.0.0/0 via 169.254.1.1 dev eth0 table 254".to_owned(),
                format!("link {} up, mtu Some(9001)", pod.host_veth),
                "rule ip 1536: from 10.0.1.5/32 lookup 2".to_owned(),
            ]
        );
        let gone = std::path::Path::new("/var/run/netns/no-such");
        assert!(matches!(
            wire::check(gone, &pod),
            Err(KernelError::NoNamespace { .. })
        ));
    });
}

#[test]
fn an_ipv6_pod_is_reached_at_once() {
    on_a_node(|| {
        if !has(&["ping"]) {
            return;
        }
        run("ip addr add 2001:db8::1/64 dev eth0 nodad");
        run("sysctl -qw net.ipv6.conf.all.forwarding=1");
        let sandbox = Sandbox::new();
        let pod = pod_of_primary("a", "2001:db8:0:1::5");
        wire::add(&sandbox.path(), &pod).unwrap();
        let tentative = sandbox.run("ip -6 addr show tentative");
        assert_eq!(tentative.trim(), "", "no address waits for duplicates");
        sandbox.run("ping -6 -c1 -W1 2001:db8::1");
        run("ping -6 -c1 -W1 2001:db8:0:1::5");
        let routes = sandbox.run("ip -6 route show default");
        assert!(routes.contains("default via fe80::1 dev eth0"), "{routes}");
        assert_eq!(wire::check(&sandbox.path(), &pod).unwrap(), vec![]);
    });
}

#[test]
fn a_further_interface_has_a_table_of_its_own() {
    on_a_node(|| {
        let sandbox = Sandbox::new();
        let first = pod("a", "10.0.1.5");
        let second = PodNetwork {
            container_if: "mNicIf1".to_owned(),
            index: 1,
            table: 10_101,
            ..pod("a.1", "10.0.2.5")
        };
        wire::add(&sandbox.path(), &first).unwrap();
        wire::add(&sandbox.path(), &second).unwrap();
        let rules = sandbox.run("ip rule");
        assert!(rules.contains("1:\tfrom 10.0.2.5 lookup 1"), "{rules}");
        let table = sandbox.run("ip route show table 1");
        assert!(table.contains("default via 169.254.1.2 dev mNicIf1"), "{table}");
        assert!(
            sandbox
                .run("ip route")
                .contains("default via 169.254.1.1 dev eth0")
        );
        assert!(run("ip rule").contains("1536:\tfrom 10.0.2.5 lookup 10101"));
        for pod in [&first, &second] {
            assert_eq!(wire::check(&sandbox.path(), pod).unwrap(), vec![]);
        }
    });
}

fn with_branch(enforcing: Enforcing) -> PodNetwork {
    let prefix = match enforcing {
        Enforcing::Strict => "vlan",
        Enforcing::Standard => "eni",
    };
    PodNetwork {
        host_veth: vpccni_core::datapath::host_veth_name(prefix, "default", "sgp", 0),
        branch: Some(Branch {
            vlan: 7,
            mac: "02:00:00:00:00:07".parse().unwrap(),
            gateway: "10.0.3.1".parse().unwrap(),
            trunk_index: Host
                .links()
                .unwrap()
                .iter()
                .find(|link| link.name == "eth0")
                .unwrap()
                .index,
            enforcing,
        }),
        ..pod("sgp", "10.0.3.5")
    }
}

#[test]
fn a_pod_with_its_own_groups_goes_by_its_branch() {
    for enforcing in [Enforcing::Strict, Enforcing::Standard] {
        on_a_node(|| {
            // A veth stands in for the VLAN link, so that a kernel without 8021q shows the rest.
            run("ip link add vlan.eth.7 type veth peer name stands-in");
            let before = routing();
            let pod = with_branch(enforcing);
            let sandbox = Sandbox::new();
            wire::add(&sandbox.path(), &pod).unwrap();
            assert_eq!(wire::check(&sandbox.path(), &pod).unwrap(), vec![]);
            let (rules, table) = (run("ip rule"), run("ip route show table 107"));
            assert!(table.contains("default via 10.0.3.1 dev vlan.eth.7"), "{table}");
            match enforcing {
                Enforcing::Strict => {
                    assert!(
                        rules.contains("10:\tfrom all iif vlan.eth.7 lookup 107"),
                        "{rules}"
                    );
                    let by_veth = format!("10:\tfrom all iif {} lookup 107", pod.host_veth);
                    assert!(rules.contains(&by_veth), "{rules}");
                    assert!(
                        table.contains(&format!("10.0.3.5 dev {}", pod.host_veth)),
                        "{table}"
                    );
                }
                Enforcing::Standard => {
                    assert!(
                        rules.contains("512:\tfrom all to 10.0.3.5 lookup main"),
                        "{rules}"
                    );
                    assert!(rules.contains("1536:\tfrom 10.0.3.5 lookup 107"), "{rules}");
                }
            }
            wire::delete(&pod).unwrap();
            wire::delete(&pod).unwrap();
            drop(sandbox);
            wait_until_gone(&pod.host_veth);
            assert!(!succeeds("ip link show vlan.eth.7"));
            assert_eq!(routing(), before);
        });
    }
}

#[test]
fn rules_of_an_earlier_branch_do_not_lead_a_pod_astray() {
    on_a_node(|| {
        run("ip link add vlan.eth.7 type veth peer name stands-in");
        let pod = with_branch(Enforcing::Strict);
        run(&format!(
            "ip rule add iif {} lookup 150 priority 10",
            pod.host_veth
        ));
        run("ip rule add iif vlan999 lookup 151 priority 10");
        let sandbox = Sandbox::new();
        wire::add(&sandbox.path(), &pod).unwrap();
        let rules = run("ip rule");
        assert!(!rules.contains("lookup 150"), "{rules}");
        assert!(rules.contains("lookup 151"), "another pod's stays: {rules}");
    });
}

fn has_vlans() -> bool {
    succeeds("ip link add link eth0 name probe type vlan id 99")
}

#[test]
fn a_vlan_link_is_made() {
    on_a_node(|| {
        if !has_vlans() {
            skip("this kernel has no VLAN links (8021q)");
            return;
        }
        let (sandbox, pod) = (Sandbox::new(), with_branch(Enforcing::Strict));
        wire::add(&sandbox.path(), &pod).unwrap();
        assert!(run("ip -d link show vlan.eth.7").contains("vlan protocol 802.1Q id 7"));
    });
}

#[test]
fn the_absence_of_vlan_links_has_a_name() {
    on_a_node(|| {
        if has_vlans() {
            skip("this kernel has VLAN links");
            return;
        }
        let (sandbox, pod) = (Sandbox::new(), with_branch(Enforcing::Strict));
        assert_eq!(
            wire::add(&sandbox.path(), &pod),
            Err(KernelError::Unsupported { what: "VLAN links" })
        );
        assert!(
            !succeeds(&format!("ip link show {}", pod.host_veth)),
            "nothing is left of it"
        );
    });
}
