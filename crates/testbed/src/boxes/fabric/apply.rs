//! What makes the fabric as the sandbox has it, as batches for `ip` and `nft`.

use std::net::Ipv4Addr;

use ipnet::{Ipv4Net, Ipv6Net};

use super::plan::{Port, PortName, Primary};
use super::rules;

/// The largest packet of a VPC.
pub(super) const MTU: u32 = 9001;
/// The next hop of every route to a machine: it has the interface's MAC in the table of neighbours, because a VPC asks
/// nobody who has an address.
const HOP4: Ipv4Addr = Ipv4Addr::new(169, 254, 255, 1);
const HOP6: &str = "fe80::2";
/// The router as machines see it by IPv6; they learn it by router advertisements.
pub(super) const ROUTER6: &str = "fe80::1";

/// Lines for `ip -batch` and for `nft -f`.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) ip: String,
    pub(super) nft: String,
}

impl Batch {
    fn ip(&mut self, line: std::fmt::Arguments<'_>) {
        self.ip.extend([line.to_string().as_str(), "\n"]);
    }

    /// A new port: its far end has been put into the machine.
    pub(super) fn plug(&mut self, name: PortName, port: &Port) {
        let mac = &port.mac;
        self.ip(format_args!(
            "neigh replace {HOP4} lladdr {mac} dev {name} nud permanent"
        ));
        self.ip(format_args!(
            "neigh replace {HOP6} lladdr {mac} dev {name} nud permanent"
        ));
        self.ip(format_args!("addr replace {ROUTER6}/64 dev {name} nodad"));
        for net in &port.ipv4 {
            self.route4("replace", name, *net);
        }
        for net in &port.ipv6 {
            self.route6("replace", name, *net);
        }
        rules::sources(&mut self.nft, "add", name, port);
        rules::primary(&mut self.nft, "add", name, port);
    }

    /// A port that goes; its routes go with the link.
    pub(super) fn unplug(&mut self, name: PortName, port: &Port) {
        self.ip(format_args!("link del {name}"));
        rules::sources(&mut self.nft, "delete", name, port);
        rules::primary(&mut self.nft, "delete", name, port);
    }

    /// What a port held and holds no more.
    pub(super) fn lose(&mut self, name: PortName, was: &Port, is: &Port) {
        for net in was.ipv4.difference(&is.ipv4) {
            self.route4("del", name, *net);
        }
        for net in was.ipv6.difference(&is.ipv6) {
            self.route6("del", name, *net);
        }
        rules::sources(&mut self.nft, "delete", name, was);
    }

    /// What a port holds that it did not.
    pub(super) fn gain(&mut self, name: PortName, was: &Port, is: &Port) {
        for net in is.ipv4.difference(&was.ipv4) {
            self.route4("replace", name, *net);
        }
        for net in is.ipv6.difference(&was.ipv6) {
            self.route6("replace", name, *net);
        }
        rules::sources(&mut self.nft, "add", name, is);
    }

    /// The blocks of the VPC lead nowhere but to what holds an address of them.
    pub(super) fn block4(&mut self, net: Ipv4Net) {
        self.ip(format_args!("route replace {net} dev {}", rules::VOID));
    }

    /// The same for IPv6.
    pub(super) fn block6(&mut self, net: Ipv6Net) {
        self.ip(format_args!("route replace {net} dev {}", rules::VOID));
    }

    fn route4(&mut self, verb: &str, name: PortName, net: Ipv4Net) {
        self.ip(format_args!("route {verb} {net} via {HOP4} dev {name} onlink"));
    }

    fn route6(&mut self, verb: &str, name: PortName, net: Ipv6Net) {
        self.ip(format_args!("route {verb} {net} via {HOP6} dev {name} onlink"));
    }
}

/// What DHCP and the router advertisement set up on a primary interface of an EKS node.
pub(super) fn configure(device: &str, primary: &Primary) -> String {
    let Primary { address, subnet, .. } = primary;
    let gateway = primary.gateway();
    let mut text = format!(
        "link set {device} up\n\
         addr replace {address}/{} brd + dev {device}\n\
         route replace default via {gateway} dev {device} proto dhcp src {address}\n",
        subnet.prefix_len()
    );
    for address in &primary.ipv6 {
        text.extend([
            "addr replace ",
            address.to_string().as_str(),
            "/128 dev ",
            device,
            " nodad\n",
        ]);
    }
    if !primary.ipv6.is_empty() {
        text.extend([
            "route replace ::/0 via ",
            ROUTER6.to_string().as_str(),
            " dev ",
            device,
            " proto ra\n",
        ]);
    }
    text
}
