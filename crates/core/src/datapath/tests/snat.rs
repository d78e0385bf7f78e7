//! Which tables settings lead to.

use crate::datapath::{
    Action, Desired, EgressFamily, Family, Match, NftTable, NoVpcCidrs, Random, Snat, snat,
};

fn settings() -> Snat {
    Snat {
        primary: "eth0".to_owned(),
        primary_ip: "10.0.0.10".parse().unwrap(),
        veth_prefix: "eni".to_owned(),
        vpc_cidrs: vec!["10.0.0.0/16".parse().unwrap()],
        excluded: Vec::new(),
        external: false,
        node_port: false,
        random: Random::Full,
        mark: 0x80,
        egress: None,
    }
}

fn chains(tables: &[NftTable]) -> Vec<String> {
    tables
        .iter()
        .flat_map(|table| {
            table
                .chains
                .iter()
                .map(move |chain| format!("{} {} {}", table.family, table.name, chain.name))
        })
        .collect()
}

#[test]
fn each_setting_has_its_chains() {
    let marks = ["ip aws-cni snat-mark", "ip aws-cni nat-prerouting"];
    let translation = "ip vpc-cni-host nat-postrouting";
    let mangle = "ip vpc-cni-host mangle-prerouting";
    for (external, node_port, egress, expected) in [
        (false, false, None, vec![marks[0], marks[1], translation, mangle]),
        (false, true, None, vec![marks[0], marks[1], translation, mangle]),
        (true, true, None, vec![mangle]),
        (true, false, None, vec![]),
        (
            true,
            false,
            Some(EgressFamily::V4),
            vec!["ip vpc-cni-host filter-forward"],
        ),
        (
            true,
            false,
            Some(EgressFamily::V6),
            vec!["ip6 vpc-cni-host filter-forward"],
        ),
    ] {
        let settings = Snat {
            external,
            node_port,
            egress,
            ..settings()
        };
        assert_eq!(chains(&snat(&settings).unwrap()), expected, "{settings:?}");
    }
}

#[test]
fn without_a_network_of_the_vpc_nothing_is_translated() {
    let unknown = Snat {
        vpc_cidrs: Vec::new(),
        ..settings()
    };
    assert_eq!(snat(&unknown), Err(NoVpcCidrs));
    let external = Snat {
        external: true,
        ..unknown
    };
    assert_eq!(snat(&external), Ok(Vec::new()));
}

#[test]
fn a_network_of_everything_needs_no_test() {
    let all = Snat {
        excluded: vec!["0.0.0.0/0".parse().unwrap()],
        ..settings()
    };
    for table in snat(&all).unwrap() {
        for chain in table.chains.iter().filter(|chain| chain.name != "nat-prerouting") {
            let first = &chain.rules[0];
            if first.action == Action::Return {
                assert_eq!(first.matches, Vec::<Match>::new(), "{}", chain.name);
            }
        }
    }
}

#[test]
fn tables_that_are_not_wanted_any_more_go() {
    let names = |desired: &Desired| {
        desired
            .absent_nft
            .iter()
            .map(|(family, name)| format!("{family} {name}"))
            .collect::<Vec<_>>()
    };
    let desired = Desired::default().with_nft(snat(&settings()).unwrap());
    assert_eq!(names(&desired), ["ip6 vpc-cni-host"]);
    let desired = Desired::default().with_nft(Vec::new());
    assert_eq!(
        names(&desired),
        ["ip aws-cni", "ip vpc-cni-host", "ip6 vpc-cni-host"],
        "egress is the plugin's"
    );
    assert!(
        desired
            .absent_nft
            .iter()
            .all(|(family, _)| *family == Family::V4 || *family == Family::V6)
    );
}
