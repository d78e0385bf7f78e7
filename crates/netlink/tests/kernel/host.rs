//! Interfaces of a node.

use crate::scene::{Sandbox, on_a_node, pod, routing, run, succeeds};
use crate::tables::settings;
use vpccni_core::datapath::{
    CleanUp, Desired, Family, LinkKind, PrimaryEni, SecondaryEni, eni_gone, primary_eni, secondary_eni,
    service_cidrs, snat,
};
use vpccni_core::ports::{Kernel, KernelError};
use vpccni_netlink::{Host, pod as wire};

fn primary() -> PrimaryEni {
    PrimaryEni {
        device: "eth0".to_owned(),
        mtu: 9001,
        family: Family::V4,
        mark: Some(0x80),
        strict: false,
    }
}

fn secondary() -> SecondaryEni {
    SecondaryEni {
        device: "eth1".to_owned(),
        mtu: 9001,
        address: "10.0.5.20".parse().unwrap(),
        subnet: "10.0.5.0/24".parse().unwrap(),
        table: 2,
        trunk: false,
    }
}

#[test]
fn the_primary_interface_is_set_up_once() {
    on_a_node(|| {
        let desired = primary_eni(&primary());
        assert!(!Host.apply(&desired).unwrap().is_empty());
        assert!(run("ip rule").contains("1024:\tfrom all fwmark 0x80/0x80 lookup main"));
        assert!(run("ip link show eth0").contains("mtu 9001"));
        assert_eq!(run("sysctl -n net.ipv4.conf.eth0.rp_filter").trim(), "2");
        assert_eq!(Host.apply(&desired).unwrap(), vec![]);
        let unmarked = PrimaryEni {
            mark: None,
            ..primary()
        };
        assert_eq!(Host.apply(&primary_eni(&unmarked)).unwrap().len(), 1);
        assert!(!run("ip rule").contains("fwmark"));
    });
}

#[test]
fn strict_mode_moves_the_local_rule_and_back() {
    on_a_node(|| {
        for family in [Family::V4, Family::V6] {
            let before = routing();
            let strict = PrimaryEni {
                strict: true,
                mark: None,
                family,
                ..primary()
            };
            Host.apply(&primary_eni(&strict)).unwrap();
            let of = if family == Family::V4 {
                "ip rule"
            } else {
                "ip -6 rule"
            };
            let rules = run(of);
            assert!(rules.contains("20:\tfrom all lookup local"), "{rules}");
            assert!(!rules.contains("0:\tfrom all lookup local\n0:"), "{rules}");
            assert!(
                !rules
                    .lines()
                    .any(|line| line.starts_with("0:\tfrom all lookup local")),
                "{rules}"
            );
            assert_eq!(
                rules.contains("0:\tfrom fe80:ec2::1 ipproto ipv6-icmp lookup local"),
                family == Family::V6,
                "{rules}"
            );
            assert!(succeeds("ping -c1 -W1 127.0.0.1"));
            Host.apply(&primary_eni(&PrimaryEni {
                strict: false,
                ..strict
            }))
            .unwrap();
            assert_eq!(
                routing()
                    .iter()
                    .filter(|line| line.contains("lookup"))
                    .collect::<Vec<_>>(),
                before
                    .iter()
                    .filter(|line| line.contains("lookup"))
                    .collect::<Vec<_>>()
            );
        }
    });
}

#[test]
fn a_secondary_interface_has_its_own_table() {
    on_a_node(|| {
        run("ip link add eth1 type veth peer name fabric1");
        run("ip link set fabric1 up");
        run("ip addr add 10.0.5.99/24 dev eth1");
        let link = Host
            .links()
            .unwrap()
            .into_iter()
            .find(|link| link.name == "eth1")
            .unwrap();
        assert_eq!(Host.link_by_mac(link.mac.unwrap()).unwrap().unwrap().name, "eth1");
        assert_eq!(link.kind, LinkKind::Veth);
        let desired = secondary_eni(&secondary());
        Host.apply(&desired).unwrap();
        let table = run("ip route show table 2");
        assert_eq!(
            table.lines().map(str::trim).collect::<Vec<_>>(),
            ["default via 10.0.5.1 dev eth1", "10.0.5.1 dev eth1 scope link"]
        );
        assert!(!run("ip route show table main").contains("10.0.5.0/24"));
        assert!(run("ip rule").contains("32765:\tfrom 10.0.5.20 lookup 2"));
        let addresses = run("ip -4 -o addr show eth1");
        assert!(
            addresses.contains("10.0.5.20/24") && !addresses.contains("10.0.5.99"),
            "{addresses}"
        );
        assert_eq!(Host.apply(&desired).unwrap(), vec![]);
        run("ip route add 203.0.113.0/24 dev eth1 table 2");
        assert_eq!(Host.apply(&desired).unwrap().len(), 1, "the table is ours");
        run("ip link del eth1");
        Host.apply(&eni_gone(secondary().address, 2)).unwrap();
        assert!(!run("ip rule").contains("10.0.5.20"));
    });
}

#[test]
fn a_trunk_has_no_rule_and_a_missing_link_a_name() {
    on_a_node(|| {
        let missing = Host.apply(&secondary_eni(&secondary())).unwrap_err();
        assert_eq!(
            missing,
            KernelError::NoLink {
                name: "eth1".to_owned()
            }
        );
        run("ip link add eth1 type veth peer name fabric1");
        let trunk = SecondaryEni {
            trunk: true,
            ..secondary()
        };
        Host.apply(&secondary_eni(&trunk)).unwrap();
        assert!(!run("ip rule").contains("10.0.5.20"));
    });
}

#[test]
fn service_networks_come_and_go() {
    on_a_node(|| {
        let before = routing();
        let nets = |nets: &[&str]| nets.iter().map(|net| net.parse().unwrap()).collect::<Vec<_>>();
        Host.apply(&service_cidrs(
            Family::V4,
            &nets(&["172.20.0.0/16", "172.21.0.0/16"]),
        ))
        .unwrap();
        let rules = run("ip rule");
        assert!(
            rules.contains("1535:\tfrom all to 172.20.0.0/16 lookup main"),
            "{rules}"
        );
        Host.apply(&service_cidrs(Family::V4, &nets(&["172.21.0.0/16"])))
            .unwrap();
        assert!(!run("ip rule").contains("172.20"));
        Host.apply(&service_cidrs(Family::V4, &[])).unwrap();
        assert_eq!(routing(), before);
    });
}

#[test]
fn nothing_of_ours_is_left_after_clean() {
    on_a_node(|| {
        run("ip link add eth1 type veth peer name fabric1");
        run("ip link set fabric1 up");
        run("ip link set eth1 up");
        run("ip rule add from 10.9.9.9 lookup main");
        let before = routing();
        let strict = PrimaryEni {
            strict: true,
            ..primary()
        };
        let all = primary_eni(&strict)
            .and(secondary_eni(&secondary()))
            .and(service_cidrs(Family::V4, &["172.20.0.0/16".parse().unwrap()]))
            .with_nft(snat(&settings()).unwrap());
        Host.apply(&all).unwrap();
        let sandbox = Sandbox::new();
        let pod = pod("a", "10.0.5.30");
        wire::add(&sandbox.path(), &pod).unwrap();
        Host.clean(CleanUp::KeepPods).unwrap();
        let ruleset = run("nft list ruleset");
        assert!(!ruleset.contains("vpc-cni-host"), "{ruleset}");
        assert!(
            ruleset.contains("table ip aws-cni"),
            "the stock agent's own: {ruleset}"
        );
        assert_eq!(
            wire::check(&sandbox.path(), &pod).unwrap(),
            vec![],
            "the pod stays connected"
        );
        assert!(run("ip rule").contains("fwmark"));
        run(&format!("ip link del {}", pod.host_veth));
        Host.clean(CleanUp::Everything).unwrap();
        assert_eq!(run("nft list ruleset"), "");
        run("ip addr del 10.0.5.20/24 dev eth1");
        assert_eq!(routing(), before);
        assert_eq!(Host.clean(CleanUp::Everything).unwrap(), vec![]);
        assert_eq!(Host.plan(&Desired::default()).unwrap(), vec![]);
    });
}

#[test]
fn an_ipv6_interface_has_the_router_of_all_subnets() {
    on_a_node(|| {
        run("ip link add eth1 type veth peer name fabric1");
        run("ip link set fabric1 up");
        let desired = secondary_eni(&SecondaryEni {
            address: "2001:db8::20".parse().unwrap(),
            subnet: "2001:db8::/64".parse().unwrap(),
            ..secondary()
        });
        Host.apply(&desired).unwrap();
        let table = run("ip -6 route show table 2");
        assert!(table.contains("default via fe80:ec2::1 dev eth1"), "{table}");
        assert!(!run("ip -6 route show table main").contains("2001:db8::/64"));
        assert!(run("ip -6 rule").contains("32765:\tfrom 2001:db8::20 lookup 2"));
        assert_eq!(Host.apply(&desired).unwrap(), vec![]);
    });
}

#[test]
fn rules_that_only_look_like_ours_do_not_count() {
    on_a_node(|| {
        for command in [
            "ip rule add not to 172.20.0.0/16 lookup main priority 1535",
            "ip rule add to 172.20.0.0/16 oif eth0 lookup main priority 1535",
            "ip rule add to 172.20.0.0/16 lookup main suppress_prefixlength 0 priority 1535",
            "ip rule add to 172.20.0.0/16 dport 53 lookup main priority 1535",
        ] {
            run(command);
            let services = service_cidrs(Family::V4, &["172.20.0.0/16".parse().unwrap()]);
            let changes = Host.plan(&services).unwrap();
            assert_eq!(changes.len(), 1, "after {command}: {changes:?}");
        }
    });
}

#[test]
fn hundreds_of_changes_fit() {
    on_a_node(|| {
        let before = routing();
        let nets: Vec<_> = (0..=255u8)
            .flat_map(|third| [0u8, 64, 128].map(|last| (third, last)))
            .collect();
        let nets: Vec<_> = nets
            .iter()
            .map(|(third, last)| format!("172.20.{third}.{last}/26").parse().unwrap())
            .collect();
        let services = service_cidrs(Family::V4, &nets);
        assert_eq!(Host.apply(&services).unwrap().len(), 768);
        let mut many = settings();
        many.excluded = nets
            .iter()
            .filter_map(|net| net.to_string().parse().ok())
            .collect();
        Host.apply(&Desired::default().with_nft(snat(&many).unwrap()))
            .unwrap();
        Host.clean(CleanUp::Everything).unwrap();
        assert_eq!(routing(), before);
    });
}
