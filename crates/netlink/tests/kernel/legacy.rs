//! A node the stock agent ran on.

use crate::scene::{has, on_a_node, run, succeeds};
use crate::tables::settings;
use vpccni_core::datapath::{Desired, snat};
use vpccni_core::ports::Kernel;
use vpccni_netlink::{Host, legacy};

fn iptables(flavour: &str, arguments: &str) {
    let arguments: Vec<_> = arguments.split(' ').map(|word| word.replace('~', " ")).collect();
    let status = std::process::Command::new(flavour)
        .arg("iptables")
        .args(&arguments)
        .status()
        .unwrap();
    assert!(status.success(), "{flavour} {arguments:?}");
}

/// What the stock agent programs with the backend, and a rule of somebody else.
fn stock_agent(flavour: &str) {
    for rule in [
        "-t nat -N AWS-SNAT-CHAIN-0",
        "-t nat -A AWS-SNAT-CHAIN-0 -d 10.0.0.0/16 -m comment --comment AWS~SNAT~CHAIN -j RETURN",
        "-t nat -A AWS-SNAT-CHAIN-0 ! -o vlan+ -m comment --comment AWS,~SNAT -m addrtype ! --dst-type LOCAL \
         -j SNAT --to-source 10.0.0.10 --random-fully",
        "-t nat -A POSTROUTING -m comment --comment AWS~SNAT~CHAIN -j AWS-SNAT-CHAIN-0",
        "-t nat -N AWS-CONNMARK-CHAIN-0",
        "-t nat -A AWS-CONNMARK-CHAIN-0 -m comment --comment AWS,~CONNMARK -j CONNMARK --set-xmark 0x80/0x80",
        "-t nat -A PREROUTING -i eni+ -m comment --comment AWS,~outbound~connections -j AWS-CONNMARK-CHAIN-0",
        "-t nat -A PREROUTING -m comment --comment AWS,~CONNMARK -j CONNMARK --restore-mark --mask 0x80",
        "-t mangle -A PREROUTING -i eth0 -m comment --comment AWS,~primary~ENI -m addrtype --dst-type LOCAL \
         --limit-iface-in -j CONNMARK --set-xmark 0x80/0x80",
        "-t mangle -A PREROUTING -i eni+ -m comment --comment AWS,~primary~ENI -j CONNMARK --restore-mark \
         --mask 0x80",
        "-t mangle -A PREROUTING -i vlan+ -m comment --comment AWS,~primary~ENI -j CONNMARK --restore-mark \
         --mask 0x80",
        "-t nat -A POSTROUTING -m comment --comment somebody~else -j MASQUERADE",
    ] {
        let one_space: Vec<_> = rule.split_whitespace().collect();
        iptables(flavour, &one_space.join(" "));
    }
}

#[test]
fn rules_of_the_stock_agent_are_replaced_and_not_doubled() {
    for flavour in ["xtables-legacy-multi", "xtables-nft-multi"] {
        on_a_node(|| {
            if !has(&[flavour, "nft"]) {
                return;
            }
            stock_agent(flavour);
            run("nft add table ip aws-cni");
            run("nft add chain ip aws-cni left-by-the-stock-agent");
            Host.apply(&Desired::default().with_nft(snat(&settings()).unwrap()))
                .unwrap();
            let found = legacy::find().unwrap();
            assert_eq!(
                found.len(),
                10,
                "six rules, two chains in two steps each: {found:?}"
            );
            legacy::remove(&found).unwrap();
            for table in ["nat", "mangle"] {
                let left = run(&format!("{flavour} iptables -t {table} -S"));
                assert!(!left.contains("AWS"), "{left}");
            }
            let nat = run(&format!("{flavour} iptables -t nat -S"));
            assert!(
                nat.contains("somebody else"),
                "what is not the agent's stays: {nat}"
            );
            assert!(!succeeds("nft list chain ip aws-cni left-by-the-stock-agent"));
            assert!(run("nft list ruleset").contains("snat to 10.0.0.10"));
            assert_eq!(legacy::find().unwrap(), vec![]);
        });
    }
}

#[test]
fn looking_makes_no_tables() {
    on_a_node(|| {
        if !has(&["nft"]) {
            return;
        }
        assert_eq!(legacy::find().unwrap(), vec![]);
        assert_eq!(run("nft list ruleset"), "");
        let names = std::fs::read_to_string("/proc/thread-self/net/ip_tables_names").unwrap_or_default();
        assert_eq!(names, "");
    });
}
