//! Source translation and connection marks of a node with IPv4 pods.
//!
//! The marks of connections that begin at pods are in `ip aws-cni`, chain for chain as the stock agent's nft backend
//! has them, so that either agent finds and replaces what the other left. The rest the stock agent keeps in iptables:
//! `nat POSTROUTING` and `mangle PREROUTING`. That table belongs to iptables, whose nft flavour refuses a table it did
//! not write, and whose legacy flavour cannot be reached over nf_tables; and what is put into `aws-cni` goes when a
//! stock agent rewrites it. So it is a table of ours, at the same hooks and priorities.
//!
//! One difference is wanted: the stock nft backend gives a packet `ct mark & 0x80` as its mark, which wipes the bits
//! others have set by then (kube-proxy's masquerade bit). Here, as with iptables, only the bit of ours changes.

use super::nft::{Action, Chain, Hook, HookKind, HookPoint, Match, NftRule, NftTable, Random};
use super::value::Family;
use super::{EGRESS_TABLE, EgressFamily};
use ipnet::{IpNet, Ipv4Net};
use std::net::Ipv4Addr;

/// The table with the marks of connections, by the stock agent's name.
pub const CONNMARK_TABLE: &str = "aws-cni";
/// The table with source translation and what else belongs to the node.
pub const HOST_TABLE: &str = "vpc-cni-host";

/// After kube-proxy's destination translation at -100, so that services are seen as the pods behind them.
const AFTER_DNAT: i32 = -90;
/// Names of chains say where they are; a plain `snat` would be a word of nft's own language.
const MANGLE: i32 = -150;
const FILTER: i32 = 0;
const SRCNAT: i32 = 100;

/// What source translation and connection marks depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snat {
    /// The primary interface.
    pub primary: String,
    /// Its primary address: what the world sees.
    pub primary_ip: Ipv4Addr,
    /// What names of pods' links begin with.
    pub veth_prefix: String,
    /// The IPv4 networks of the VPC: never translated.
    pub vpc_cidrs: Vec<Ipv4Net>,
    /// Further networks that are not translated.
    pub excluded: Vec<Ipv4Net>,
    /// Somebody else translates (`AWS_VPC_K8S_CNI_EXTERNALSNAT`).
    pub external: bool,
    /// Node ports work by the primary interface (`AWS_VPC_CNI_NODE_PORT_SUPPORT`).
    pub node_port: bool,
    /// What decides about ports.
    pub random: Random,
    /// The bit of connections that came by the primary interface.
    pub mark: u32,
    /// New connections to addresses of egress-cni are refused, where the node has it.
    pub egress: Option<EgressFamily>,
}

/// Without a network of the VPC, traffic inside it would be translated too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no IPv4 network of the VPC is known, so source translation would change traffic inside it")]
pub struct NoVpcCidrs;

/// Family and name of each table that may be ours.
pub fn tables_of_ours() -> [(Family, &'static str); 5] {
    [
        (Family::V4, CONNMARK_TABLE),
        (Family::V4, HOST_TABLE),
        (Family::V6, HOST_TABLE),
        (Family::V4, EGRESS_TABLE),
        (Family::V6, EGRESS_TABLE),
    ]
}

/// The tables of a node; a table that has nothing to do is not among them.
///
/// A node with IPv6 pods has no source translation: call this with `external`, no node ports, and its `egress`.
pub fn snat(snat: &Snat) -> Result<Vec<NftTable>, NoVpcCidrs> {
    if !snat.external && snat.vpc_cidrs.is_empty() {
        return Err(NoVpcCidrs);
    }
    let mut tables = Vec::new();
    let mut host = Vec::new();
    if !snat.external {
        tables.push(connmark(snat));
        host.push(postrouting(snat));
    }
    host.extend(prerouting(snat));
    host.extend(
        snat.egress
            .filter(|family| *family == EgressFamily::V4)
            .map(refusal),
    );
    if !host.is_empty() {
        tables.push(table(Family::V4, HOST_TABLE, host));
    }
    if snat.egress == Some(EgressFamily::V6) {
        tables.push(table(Family::V6, HOST_TABLE, vec![refusal(EgressFamily::V6)]));
    }
    Ok(tables)
}

fn table(family: Family, name: &str, chains: Vec<Chain>) -> NftTable {
    NftTable {
        family,
        name: name.to_owned(),
        chains,
    }
}

fn chain(name: &str, at: Option<(HookKind, HookPoint, i32)>, rules: Vec<NftRule>) -> Chain {
    Chain {
        name: name.to_owned(),
        hook: at.map(|(kind, point, priority)| Hook {
            kind,
            point,
            priority,
        }),
        rules,
    }
}

/// Returns for networks that are left alone, the last one first: the stock agent puts each before the others.
fn returns(snat: &Snat, what: &str) -> Vec<NftRule> {
    let excluded = snat.excluded.iter().map(|net| (net, format!("{what} EXCLUSION")));
    let vpc = snat.vpc_cidrs.iter().map(|net| (net, what.to_owned()));
    let all: Vec<_> = vpc.chain(excluded).collect();
    all.into_iter()
        .rev()
        .map(|(net, comment)| NftRule::new(matches_to(*net), Action::Return, comment))
        .collect()
}

/// The whole of IPv4 needs no test.
fn matches_to(net: Ipv4Net) -> Vec<Match> {
    if net.prefix_len() == 0 {
        Vec::new()
    } else {
        vec![Match::To(IpNet::V4(net.trunc()))]
    }
}

/// Gives the packet the bit its connection has, and leaves the other bits of its mark alone.
fn restore(incoming: &[Match], mark: u32, comment: &str) -> [NftRule; 2] {
    let rule = |test, action| {
        let mut matches = incoming.to_vec();
        matches.push(test);
        NftRule::new(matches, action, comment)
    };
    [
        rule(Match::ConnectionMarked(mark), Action::MarkPacket(mark)),
        rule(Match::ConnectionNotMarked(mark), Action::UnmarkPacket(mark)),
    ]
}

fn connmark(snat: &Snat) -> NftTable {
    let mut marking = returns(snat, "AWS CONNMARK CHAIN, VPC CIDR");
    marking.push(NftRule::new(
        [],
        Action::MarkConnection(snat.mark),
        "AWS, CONNMARK",
    ));
    let mut rules = vec![
        NftRule::new([Match::ToThisNode], Action::Return, "AWS, to the node itself"),
        NftRule::new(
            [Match::InPrefix(snat.veth_prefix.clone())],
            Action::Jump("snat-mark".to_owned()),
            "AWS, outbound connections",
        ),
    ];
    rules.extend(restore(&[], snat.mark, "AWS, CONNMARK"));
    table(
        Family::V4,
        CONNMARK_TABLE,
        vec![
            chain("snat-mark", None, marking),
            chain(
                "nat-prerouting",
                Some((HookKind::Nat, HookPoint::Prerouting, AFTER_DNAT)),
                rules,
            ),
        ],
    )
}

fn postrouting(snat: &Snat) -> Chain {
    let mut rules = returns(snat, "AWS SNAT CHAIN");
    rules.push(NftRule::new(
        [Match::NotOutPrefix("vlan".to_owned()), Match::NotToThisNode],
        Action::Snat(snat.primary_ip.into(), snat.random),
        "AWS, SNAT",
    ));
    chain(
        "nat-postrouting",
        Some((HookKind::Nat, HookPoint::Postrouting, SRCNAT)),
        rules,
    )
}

/// Connections to node ports are marked, and answers of pods find the way back by the mark.
fn prerouting(snat: &Snat) -> Option<Chain> {
    let mut rules = Vec::new();
    if snat.node_port {
        rules.push(NftRule::new(
            [Match::In(snat.primary.clone()), Match::ToIncomingDevice],
            Action::MarkConnection(snat.mark),
            "AWS, primary ENI",
        ));
    }
    if snat.node_port || !snat.external {
        let incoming = [Match::InPrefix(snat.veth_prefix.clone())];
        rules.extend(restore(&incoming, snat.mark, "AWS, primary ENI"));
    }
    if snat.node_port {
        let incoming = [Match::InPrefix("vlan".to_owned())];
        rules.extend(restore(&incoming, snat.mark, "AWS, primary ENI"));
    }
    (!rules.is_empty()).then(|| {
        chain(
            "mangle-prerouting",
            Some((HookKind::Filter, HookPoint::Prerouting, MANGLE)),
            rules,
        )
    })
}

/// Addresses of egress-cni are the same on every node: nobody else may begin a connection to them.
fn refusal(family: EgressFamily) -> Chain {
    let rule = NftRule::new(
        [Match::To(family.range()), Match::NewConnection],
        Action::Reject,
        "no new connections to addresses of egress-cni",
    );
    chain(
        "filter-forward",
        Some((HookKind::Filter, HookPoint::Forward, FILTER)),
        vec![rule],
    )
}
