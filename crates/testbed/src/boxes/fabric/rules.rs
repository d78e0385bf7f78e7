//! The rules of the VPC as nftables text: source check, what is seen, translation for the internet, metadata.

use std::net::Ipv4Addr;

use super::plan::{Port, PortName, public};

/// The interface towards the internet.
pub(super) const GATEWAY: &str = "gateway";
/// Where packets for addresses of the VPC go that nobody holds.
pub(super) const VOID: &str = "void";

/// How the VPC lets packets out to the internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Egress {
    /// An internet gateway: only primary addresses of primary interfaces have a public address; others are dropped.
    #[default]
    InternetGateway,
    /// A NAT gateway: every address of the VPC goes out, by one public address.
    NatGateway,
}

/// What a NAT gateway shows the internet.
pub const NAT_ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 19, 255, 1);

/// The table at the start. Sets with counters are what tests read: they are the kernel's own account of what passed.
pub(super) fn table(egress: Egress) -> String {
    let (leaving, translate) = match egress {
        Egress::InternetGateway => (
            "ip saddr != @elastic update @refused { iifname . ip saddr . ip daddr counter } drop",
            "snat ip to ip saddr map @public".to_owned(),
        ),
        Egress::NatGateway => ("accept", format!("snat ip to {NAT_ADDRESS}")),
    };
    format!(
        "table inet vpc {{
  set allowed4 {{ type ifname . ipv4_addr; flags interval; }}
  set allowed6 {{ type ifname . ipv6_addr; flags interval; }}
  set spoofed4 {{ type ifname . ipv4_addr . ipv4_addr; flags dynamic; size 65535; }}
  set spoofed6 {{ type ifname . ipv6_addr . ipv6_addr; flags dynamic; size 65535; }}
  set flows4 {{ type ifname . ipv4_addr . ipv4_addr; flags dynamic; size 65535; }}
  set flows6 {{ type ifname . ipv6_addr . ipv6_addr; flags dynamic; size 65535; }}
  set lost {{ type ifname . ipv4_addr . ipv4_addr; flags dynamic; size 65535; }}
  set refused {{ type ifname . ipv4_addr . ipv4_addr; flags dynamic; size 65535; }}
  set elastic {{ type ipv4_addr; }}
  map public {{ type ipv4_addr : ipv4_addr; }}
  map private {{ type ipv4_addr : ipv4_addr; }}
  map metadata {{ type ifname : ipv4_addr; }}
  chain arriving {{
    type nat hook prerouting priority -100; policy accept;
    ip daddr 169.254.169.254 tcp dport 80 dnat ip to iifname map @metadata
    iifname \"{GATEWAY}\" dnat ip to ip daddr map @private
  }}
  chain passing {{
    type filter hook forward priority 0; policy accept;
    iifname \"{GATEWAY}\" accept
    meta nfproto ipv4 iifname . ip saddr != @allowed4 update @spoofed4 {{ iifname . ip saddr . ip daddr counter }} drop
    meta nfproto ipv6 iifname . ip6 saddr != @allowed6 update @spoofed6 {{ iifname . ip6 saddr . ip6 daddr counter }} drop
    meta nfproto ipv4 update @flows4 {{ iifname . ip saddr . ip daddr counter }}
    meta nfproto ipv6 update @flows6 {{ iifname . ip6 saddr . ip6 daddr counter }}
    oifname \"{VOID}\" update @lost {{ iifname . ip saddr . ip daddr counter }} drop
    oifname \"{GATEWAY}\" meta nfproto ipv4 {leaving}
  }}
  chain leaving {{
    type nat hook postrouting priority 100; policy accept;
    oifname \"{GATEWAY}\" meta nfproto ipv4 {translate}
  }}
}}
"
    )
}

/// Appends what a port is allowed, or is allowed no more.
pub(super) fn sources(text: &mut String, verb: &str, name: PortName, port: &Port) {
    let mut say = |set: &str, element: String| {
        element_line(text, verb, set, &element);
    };
    if port.checked {
        for net in &port.ipv4 {
            say("allowed4", format!("\"{name}\" . {}", range4(*net)));
        }
        for net in &port.ipv6 {
            say("allowed6", format!("\"{name}\" . {net}"));
        }
    } else {
        say("allowed4", format!("\"{name}\" . 0.0.0.0/0"));
        say("allowed6", format!("\"{name}\" . ::/0"));
    }
}

/// Appends the public address of a primary interface and where its metadata are.
pub(super) fn primary(text: &mut String, verb: &str, name: PortName, port: &Port) {
    let Some(primary) = &port.primary else { return };
    let (private, public, metadata) = (primary.address, public(primary.address), primary.metadata);
    for (set, element) in [
        ("elastic", private.to_string()),
        ("public", format!("{private} : {public}")),
        ("private", format!("{public} : {private}")),
        ("metadata", format!("\"{name}\" : {metadata}")),
    ] {
        element_line(text, verb, set, &element);
    }
}

/// Appends a line that adds an element to a set, or takes it out.
fn element_line(text: &mut String, verb: &str, set: &str, element: &str) {
    text.extend([verb, " element inet vpc ", set, " { ", element, " }\n"]);
}

fn range4(net: ipnet::Ipv4Net) -> String {
    if net.prefix_len() == 32 {
        net.addr().to_string()
    } else {
        net.to_string()
    }
}
