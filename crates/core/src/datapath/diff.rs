//! From what the kernel should have and what it has to the changes that lead from one to the other.

use super::nft::NftTable;
use super::value::{Address, Family, Link, LinkSettings, Neighbour, Route, Rule, Sysctl};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What a namespace should have. Only what is owned or named as absent is ever taken away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Desired {
    /// Values under `/proc/sys`.
    pub sysctls: Vec<Sysctl>,
    /// Links that are there, up, with their MTU.
    pub links: Vec<LinkSettings>,
    /// Addresses.
    pub addresses: Vec<Address>,
    /// Devices that have no other global addresses of the family.
    pub owned_addresses: BTreeSet<(Family, String)>,
    /// Neighbours.
    pub neighbours: Vec<Neighbour>,
    /// Routes, in an order in which the kernel takes them.
    pub routes: Vec<Route>,
    /// Tables that have no other routes of the family.
    pub owned_tables: BTreeSet<(Family, u32)>,
    /// Routes that are not there.
    pub absent_routes: Vec<Route>,
    /// Rules.
    pub rules: Vec<Rule>,
    /// Priorities at which no other rules of the family are.
    pub owned_priorities: BTreeSet<(Family, u32)>,
    /// Rules that are not there.
    pub absent_rules: Vec<Rule>,
    /// Tables of nftables.
    pub nft: Vec<NftTable>,
    /// Tables of nftables that are not there.
    pub absent_nft: BTreeSet<(Family, String)>,
}

impl Desired {
    /// Both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.sysctls.extend(other.sysctls);
        self.links.extend(other.links);
        self.addresses.extend(other.addresses);
        self.owned_addresses.extend(other.owned_addresses);
        self.neighbours.extend(other.neighbours);
        self.routes.extend(other.routes);
        self.owned_tables.extend(other.owned_tables);
        self.absent_routes.extend(other.absent_routes);
        self.rules.extend(other.rules);
        self.owned_priorities.extend(other.owned_priorities);
        self.absent_rules.extend(other.absent_rules);
        self.nft.extend(other.nft);
        self.absent_nft.extend(other.absent_nft);
        self
    }

    /// Tables of nftables on top of the rest: those of ours that are not among them go.
    #[must_use]
    pub fn with_nft(mut self, tables: Vec<NftTable>) -> Self {
        for (family, name) in super::tables_of_ours() {
            let is_wanted = tables
                .iter()
                .any(|table| table.family == family && table.name == name);
            // The plugin writes the table of egress, pod by pod.
            if !is_wanted && name != super::EGRESS_TABLE {
                self.absent_nft.insert((family, name.to_owned()));
            }
        }
        self.nft.extend(tables);
        self
    }
}

/// What is taken away when this agent leaves a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CleanUp {
    /// What the stock agent would do a second time, and nothing else: what is the same for both stays.
    KeepPods,
    /// Rules of pods and of interfaces too: for a node without pods.
    Everything,
}

/// How a table of nftables compares with the one that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableState {
    /// It is there, expression for expression.
    Same,
    /// It is there and differs, or nobody wants it.
    Different,
}

/// What a namespace has, as far as it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Values under `/proc/sys`, by path.
    pub sysctls: BTreeMap<String, String>,
    /// Links.
    pub links: Vec<Link>,
    /// Addresses, global and of a link.
    pub addresses: Vec<Address>,
    /// Permanent neighbours.
    pub neighbours: Vec<Neighbour>,
    /// Unicast routes.
    pub routes: Vec<Route>,
    /// Rules that lead to a table.
    pub rules: Vec<Rule>,
    /// Tables of nftables that are there.
    pub nft: BTreeMap<(Family, String), TableState>,
}

/// A change of the kernel. The order of a list of them is the order to make them in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Write a value.
    WriteSysctl(Sysctl),
    /// Bring a link up, with its MTU.
    SetLink(LinkSettings),
    /// Add an address.
    AddAddress(Address),
    /// Remove an address.
    RemoveAddress(Address),
    /// Add or replace a neighbour.
    SetNeighbour(Neighbour),
    /// Add or replace a route.
    SetRoute(Route),
    /// Remove a route.
    RemoveRoute(Route),
    /// Add a rule.
    AddRule(Rule),
    /// Remove a rule.
    RemoveRule(Rule),
    /// Write a table as a whole, in one step.
    ReplaceTable(NftTable),
    /// Remove a table.
    RemoveTable(Family, String),
}

fn missing<T: PartialEq + Clone>(wanted: &[T], seen: &[T]) -> Vec<T> {
    wanted
        .iter()
        .filter(|item| !seen.contains(item))
        .cloned()
        .collect()
}

/// The changes that lead from what is seen to what is wanted; none where it is so already.
pub fn diff(desired: &Desired, seen: &Seen) -> Vec<Change> {
    let sysctls = desired.sysctls.iter().filter(|sysctl| {
        let is = seen.sysctls.get(&sysctl.path);
        is.map_or(!sysctl.optional, |value| *value != sysctl.value)
    });
    let mut changes: Vec<_> = sysctls.cloned().map(Change::WriteSysctl).collect();
    let links = desired.links.iter().filter(|wanted| {
        !seen
            .links
            .iter()
            .any(|link| link.name == wanted.name && link.up && wanted.mtu.is_none_or(|mtu| link.mtu == mtu))
    });
    changes.extend(links.cloned().map(Change::SetLink));
    changes.extend(addresses(desired, seen));
    changes.extend(
        missing(&desired.neighbours, &seen.neighbours)
            .into_iter()
            .map(Change::SetNeighbour),
    );
    changes.extend(routes(desired, seen));
    changes.extend(rules(desired, seen));
    changes.extend(nft(desired, seen));
    changes
}

fn addresses(desired: &Desired, seen: &Seen) -> impl Iterator<Item = Change> {
    let add = missing(&desired.addresses, &seen.addresses);
    let too_many = missing(&seen.addresses, &desired.addresses)
        .into_iter()
        .filter(|address| {
            let owner = (Family::of_net(&address.net), address.device.clone());
            desired.owned_addresses.contains(&owner) && !is_link_local(address)
        });
    let remove: Vec<_> = too_many.map(Change::RemoveAddress).collect();
    // Removing the first address of a subnet takes its others with it, so additions come after.
    remove.into_iter().chain(add.into_iter().map(Change::AddAddress))
}

/// The kernel gives these by itself.
fn is_link_local(address: &Address) -> bool {
    match address.net {
        IpNet::V4(_) => false,
        IpNet::V6(net) => net.addr().is_unicast_link_local(),
    }
}

fn routes(desired: &Desired, seen: &Seen) -> impl Iterator<Item = Change> {
    let added: Vec<_> = desired
        .addresses
        .iter()
        .filter(|address| !seen.addresses.contains(address))
        .collect();
    let set = missing(&desired.routes, &seen.routes);
    // A route to the same destination in the same table is replaced, not removed.
    let is_replaced = |route: &Route| {
        set.iter()
            .any(|new| new.table == route.table && new.to == route.to)
    };
    let owned = missing(&seen.routes, &desired.routes)
        .into_iter()
        .filter(|route| {
            desired
                .owned_tables
                .contains(&(Family::of_net(&route.to), route.table))
                && !is_replaced(route)
        });
    // An address that is added now brings its connected route with it: that one is not seen yet.
    let absent = desired.absent_routes.iter().filter(|route| {
        let brought = added
            .iter()
            .any(|address| address.device == route.device && address.net.trunc() == route.to);
        brought || seen.routes.contains(route)
    });
    let remove: Vec<_> = owned.chain(absent.cloned()).map(Change::RemoveRoute).collect();
    set.clone()
        .into_iter()
        .map(Change::SetRoute)
        .chain(remove)
        .collect::<Vec<_>>()
        .into_iter()
}

fn rules(desired: &Desired, seen: &Seen) -> impl Iterator<Item = Change> {
    let add = missing(&desired.rules, &seen.rules);
    let owned = missing(&seen.rules, &desired.rules)
        .into_iter()
        .filter(|rule| desired.owned_priorities.contains(&(rule.family, rule.priority)));
    let absent = desired
        .absent_rules
        .iter()
        .filter(|rule| seen.rules.contains(rule));
    let remove: Vec<_> = owned.chain(absent.cloned()).map(Change::RemoveRule).collect();
    // The local rule is at its new place before it leaves the old one: without it the node hears nothing.
    add.into_iter().map(Change::AddRule).chain(remove)
}

fn nft(desired: &Desired, seen: &Seen) -> impl Iterator<Item = Change> {
    let replace = desired
        .nft
        .iter()
        .filter(|table| seen.nft.get(&(table.family, table.name.clone())) != Some(&TableState::Same));
    let replace: Vec<_> = replace.cloned().map(Change::ReplaceTable).collect();
    let remove: Vec<_> = desired
        .absent_nft
        .iter()
        .filter(|key| seen.nft.contains_key(key))
        .map(|(family, name)| Change::RemoveTable(*family, name.clone()))
        .collect();
    replace.into_iter().chain(remove)
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WriteSysctl(sysctl) => write!(f, "sysctl {}={}", sysctl.path, sysctl.value),
            Self::SetLink(link) => write!(f, "link {} up, mtu {:?}", link.name, link.mtu),
            Self::AddAddress(address) => write!(f, "address {} on {}", address.net, address.device),
            Self::RemoveAddress(address) => write!(f, "no address {} on {}", address.net, address.device),
            Self::SetNeighbour(entry) => {
                write!(
                    f,
                    "neighbour {} at {} on {}",
                    entry.address, entry.mac, entry.device
                )
            }
            Self::SetRoute(route) => write!(f, "route {route}"),
            Self::RemoveRoute(route) => write!(f, "no route {route}"),
            Self::AddRule(rule) => write!(f, "rule {rule}"),
            Self::RemoveRule(rule) => write!(f, "no rule {rule}"),
            Self::ReplaceTable(table) => write!(f, "nftables {} {}", table.family, table.name),
            Self::RemoveTable(family, name) => write!(f, "no nftables {family} {name}"),
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to)?;
        if let Some(via) = self.via {
            write!(f, " via {via}")?;
        }
        write!(f, " dev {} table {}", self.device, self.table)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}:", self.family, self.priority)?;
        if let Some(from) = self.from {
            write!(f, " from {from}")?;
        }
        if let Some(to) = self.to {
            write!(f, " to {to}")?;
        }
        if let Some(iif) = &self.iif {
            write!(f, " iif {iif}")?;
        }
        if let Some(mark) = self.mark {
            write!(f, " fwmark {:#x}/{:#x}", mark.value, mark.mask)?;
        }
        if let Some(protocol) = self.protocol {
            write!(f, " ipproto {protocol}")?;
        }
        write!(f, " lookup {}", self.table)
    }
}
