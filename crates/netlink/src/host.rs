//! The kernel of the calling thread's namespace, as ipamd and CHECK need it.

use crate::link::Names;
use crate::socket::Socket;
use crate::{address, change, link, nft, route, rule, sysctl};
use std::collections::BTreeMap;
use vpccni_core::datapath::{
    Change, Desired, Family, Link, Route, Rule, Seen, diff, priority, tables_of_ours,
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

    fn clean(&self) -> Result<Vec<Change>, KernelError> {
        let mut desired = Desired::default();
        for (family, name) in tables_of_ours() {
            desired.absent_nft.insert((family, name.to_owned()));
        }
        let local = |family, priority| Rule::new(family, priority, LOCAL_TABLE);
        for family in [Family::V4, Family::V6] {
            for owned in [priority::MARK, priority::SERVICE] {
                desired.owned_priorities.insert((family, owned));
            }
            desired.absent_rules.push(local(family, priority::LOCAL_STRICT));
        }
        for family in self.families_without_local()? {
            desired.rules.push(local(family, priority::LOCAL));
        }
        self.apply(&desired)
    }
}

/// The table of addresses of the node.
const LOCAL_TABLE: u32 = 255;

impl Host {
    /// Strict mode moved the rule for the node's own addresses: families it must come back in.
    fn families_without_local(self) -> Result<Vec<Family>, KernelError> {
        let mut count: BTreeMap<Family, bool> = BTreeMap::new();
        for rule in self.rules()? {
            if rule.table == LOCAL_TABLE {
                *count.entry(rule.family).or_default() |= rule.priority == priority::LOCAL;
            }
        }
        Ok(count
            .into_iter()
            .filter_map(|(family, is_there)| (!is_there).then_some(family))
            .collect())
    }
}
