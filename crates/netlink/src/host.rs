//! The kernel of the calling thread's namespace, as ipamd and CHECK need it.

use crate::legacy::LegacyError;
use crate::link::Names;
use crate::socket::Socket;
use crate::{address, change, conntrack, legacy, link, nft, route, rule, sysctl};
use std::collections::BTreeSet;
use std::net::IpAddr;
use vpccni_core::datapath::{
    Change, CleanUp, Desired, Family, HOST_TABLE, Link, Route, Rule, Seen, diff, priority, tables_of_ours,
};
use vpccni_core::ports::{Kernel, KernelError};

/// The kernel of the network namespace of whatever thread calls.
#[derive(Debug, Clone, Copy, Default)]
pub struct Host;

impl Host {
    /// Reads what a comparison with the desired state needs, and nothing else.
    fn see(socket: &mut Socket, desired: &Desired) -> Result<(Seen, Names), KernelError> {
        let links = link::all(socket)?;
        let names = Names::of(&links);
        let mut seen = Seen {
            links,
            nft: nft::compare(&desired.nft, &desired.absent_nft)?,
            ..Seen::default()
        };
        for wanted in &desired.sysctls {
            if let Some(value) = sysctl::read(&wanted.path)? {
                seen.sysctls.insert(wanted.path.clone(), value);
            }
        }
        if !(desired.addresses.is_empty() && desired.owned_addresses.is_empty()) {
            seen.addresses = address::all(socket, &names)?;
        }
        if !desired.neighbours.is_empty() {
            seen.neighbours = address::neighbours(socket, &names)?;
        }
        let is_routing = [&desired.routes, &desired.absent_routes]
            .iter()
            .any(|routes| !routes.is_empty());
        if is_routing || !desired.owned_tables.is_empty() {
            seen.routes = route::all(socket, &names)?;
        }
        let has_rules = [&desired.rules, &desired.absent_rules]
            .iter()
            .any(|rules| !rules.is_empty());
        if has_rules || !desired.owned_priorities.is_empty() {
            seen.rules = rule::all(socket)?;
        }
        Ok((seen, names))
    }
}

impl Kernel for Host {
    fn links(&self) -> Result<Vec<Link>, KernelError> {
        link::all(&mut Socket::route()?)
    }

    fn routes(&self, table: u32) -> Result<Vec<Route>, KernelError> {
        let mut socket = Socket::route()?;
        let names = Names::of(&link::all(&mut socket)?);
        let mut routes = route::all(&mut socket, &names)?;
        routes.retain(|route| route.table == table);
        Ok(routes)
    }

    fn rules(&self) -> Result<Vec<Rule>, KernelError> {
        rule::all(&mut Socket::route()?)
    }

    fn plan(&self, desired: &Desired) -> Result<Vec<Change>, KernelError> {
        let (seen, _) = Self::see(&mut Socket::route()?, desired)?;
        Ok(diff(desired, &seen))
    }

    fn apply(&self, desired: &Desired) -> Result<Vec<Change>, KernelError> {
        let mut socket = Socket::route()?;
        let (seen, names) = Self::see(&mut socket, desired)?;
        let changes = diff(desired, &seen);
        if changes.is_empty() {
            return Ok(changes);
        }
        change::make(&mut socket, &names, &changes)?;
        let (seen, _) = Self::see(&mut socket, desired)?;
        let left = diff(desired, &seen);
        if left.is_empty() {
            return Ok(changes);
        }
        let left: Vec<_> = left.iter().map(ToString::to_string).collect();
        Err(KernelError::NotKept {
            left: left.join("; "),
        })
    }

    fn clean(&self, how: CleanUp) -> Result<Vec<Change>, KernelError> {
        self.apply(&without_us(&self.rules()?, how))
    }

    fn take_over(&self) -> Result<Vec<String>, KernelError> {
        let removed = legacy::find().and_then(|found| legacy::remove(&found).map(|()| found));
        match removed {
            Ok(removed) => Ok(removed.iter().map(ToString::to_string).collect()),
            Err(LegacyError::Kernel(error)) => Err(error),
            Err(error) => Err(KernelError::LeftBehind {
                reason: error.to_string(),
            }),
        }
    }

    fn forget(&self, addresses: &BTreeSet<IpAddr>) -> Result<usize, KernelError> {
        conntrack::forget(addresses)
    }
}

/// The table of addresses of the node.
const LOCAL_TABLE: u32 = 255;

/// A node without what is ours, given the rules it has.
fn without_us(rules: &[Rule], how: CleanUp) -> Desired {
    let mut desired = Desired::default();
    for (family, name) in tables_of_ours() {
        // The stock agent has a table of the first name itself, and nobody would make the egress of running pods again.
        if how == CleanUp::Everything || name == HOST_TABLE {
            desired.absent_nft.insert((family, name.to_owned()));
        }
    }
    if how == CleanUp::KeepPods {
        return desired;
    }
    let owned = [
        priority::MARK,
        priority::SERVICE,
        priority::BRANCH,
        priority::TO_POD,
        priority::FROM_POD,
    ];
    for family in [Family::V4, Family::V6] {
        desired
            .owned_priorities
            .extend(owned.iter().map(|priority| (family, *priority)));
        // Strict mode moved the rule for the node's own addresses. A family the kernel does not have has no rules.
        if rules.iter().any(|rule| rule.family == family) {
            desired
                .rules
                .push(Rule::new(family, priority::LOCAL, LOCAL_TABLE));
            desired
                .absent_rules
                .push(Rule::new(family, priority::LOCAL_STRICT, LOCAL_TABLE));
        }
    }
    for rule in rules.iter().filter(|rule| is_of_an_interface(rule)) {
        desired.absent_rules.push(rule.clone());
        desired.owned_tables.insert((rule.family, rule.table));
    }
    desired
}

/// From one address to a table that is not one of the kernel's: 32765 is also what `ip rule` takes by itself.
fn is_of_an_interface(rule: &Rule) -> bool {
    let is_single = rule
        .from
        .is_some_and(|net| net.prefix_len() == net.max_prefix_len());
    rule.priority == priority::FROM_ENI && is_single && !(253..=255).contains(&rule.table)
}
