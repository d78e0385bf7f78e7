//! Tables of nftables: compared expression for expression, replaced as a whole in one step, removed.
//!
//! A replacement makes the new chains before the old ones go, in one transaction: no packet sees neither, and what the
//! kernel knows about connections (translations, marks) is not touched.

mod expression;
mod message;
#[cfg(test)]
mod tests;

use message::{Batch, SeenRule};
use nix::libc::{ENOENT, NFT_MSG_DELTABLE, NFT_MSG_NEWTABLE};
use std::collections::{BTreeMap, BTreeSet};
use vpccni_core::datapath::{Chain, Family, Hook, NftRule, NftTable, TableState};
use vpccni_core::ports::KernelError;

/// How the kernel's tables compare with these; other names are only looked for.
pub(crate) fn compare(
    wanted: &[NftTable],
    names: &BTreeSet<(Family, String)>,
) -> Result<BTreeMap<(Family, String), TableState>, KernelError> {
    if wanted.is_empty() && names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let there: BTreeSet<_> = message::tables()?.into_iter().collect();
    let mut states = BTreeMap::new();
    for key in names.intersection(&there) {
        states.insert(key.clone(), TableState::Different);
    }
    for table in wanted {
        let key = (table.family, table.name.clone());
        if there.contains(&key) {
            let state = if is_same(table)? {
                TableState::Same
            } else {
                TableState::Different
            };
            states.insert(key, state);
        }
    }
    Ok(states)
}

fn is_same(table: &NftTable) -> Result<bool, KernelError> {
    let chains: BTreeMap<_, _> = message::chains(table.family, &table.name)?.into_iter().collect();
    let wanted: BTreeMap<_, _> = table
        .chains
        .iter()
        .map(|chain| (chain.name.clone(), chain.hook.map(message::hook_of)))
        .collect();
    if chains != wanted {
        return Ok(false);
    }
    let mut rules: BTreeMap<String, Vec<SeenRule>> = BTreeMap::new();
    for rule in message::rules(table.family, &table.name)? {
        rules.entry(rule.chain.clone()).or_default().push(rule);
    }
    Ok(table.chains.iter().all(|chain| {
        let seen = rules.get(&chain.name).map_or(&[][..], Vec::as_slice);
        seen.len() == chain.rules.len()
            && seen
                .iter()
                .zip(&chain.rules)
                .all(|(seen, wanted)| seen.is(wanted, table.family))
    }))
}

/// Puts a table in the place of what is there under its name.
pub(crate) fn replace(table: &NftTable) -> Result<(), KernelError> {
    let mut batch = Batch::begin()?;
    let (family, name) = (table.family, table.name.as_str());
    // Removing a table that is not there would fail, so it is made first; both happen in the same instant.
    batch.table(NFT_MSG_NEWTABLE, family, name);
    batch.table(NFT_MSG_DELTABLE, family, name);
    batch.table(NFT_MSG_NEWTABLE, family, name);
    for chain in &table.chains {
        batch.chain(family, name, chain);
    }
    for chain in &table.chains {
        for rule in &chain.rules {
            batch.rule(family, name, &chain.name, rule);
        }
    }
    batch.commit("replace", &format!("nftables table {family} {name}"))
}

/// Removes a table; one that is not there is fine.
pub(crate) fn remove(family: Family, name: &str) -> Result<(), KernelError> {
    let mut batch = Batch::begin()?;
    batch.table(NFT_MSG_DELTABLE, family, name);
    match batch.commit("remove", &format!("nftables table {family} {name}")) {
        Err(KernelError::Call { errno: ENOENT, .. }) => Ok(()),
        done => done,
    }
}

/// Whether a table is there.
pub(crate) fn is_there(family: Family, name: &str) -> Result<bool, KernelError> {
    Ok(message::tables()?.contains(&(family, name.to_owned())))
}

/// A chain that one rule of a chain at a hook leads to: what one pod has in a table that many share.
#[derive(Debug)]
pub(crate) struct Branch<'a> {
    pub(crate) family: Family,
    pub(crate) table: &'a str,
    pub(crate) base: &'a str,
    pub(crate) hook: Hook,
}

impl Branch<'_> {
    /// Adds the chain and the rule that leads there; those that are there under its name go.
    pub(crate) fn add(&self, chain: &Chain, jump: &NftRule) -> Result<(), KernelError> {
        let mut batch = Batch::begin()?;
        batch.table(NFT_MSG_NEWTABLE, self.family, self.table);
        let base = Chain {
            name: self.base.to_owned(),
            hook: Some(self.hook),
            rules: Vec::new(),
        };
        batch.chain(self.family, self.table, &base);
        self.take_away(&mut batch, &chain.name)?;
        batch.chain(self.family, self.table, chain);
        for rule in &chain.rules {
            batch.rule(self.family, self.table, &chain.name, rule);
        }
        batch.rule(self.family, self.table, self.base, jump);
        batch.commit("add", &format!("nftables chain {}", chain.name))
    }

    /// Removes the chain and the rule; what is not there is fine.
    pub(crate) fn remove(&self, chain: &str) -> Result<(), KernelError> {
        let mut batch = Batch::begin()?;
        if !self.take_away(&mut batch, chain)? {
            return Ok(());
        }
        batch.commit("remove", &format!("nftables chain {chain}"))
    }

    fn take_away(&self, batch: &mut Batch, chain: &str) -> Result<bool, KernelError> {
        if !is_there(self.family, self.table)? {
            return Ok(false);
        }
        let chains = message::chains(self.family, self.table)?;
        if !chains.iter().any(|(name, _)| name == chain) {
            return Ok(false);
        }
        for rule in message::rules(self.family, self.table)? {
            if rule.chain == self.base && rule.leads_to(chain) {
                batch.remove_rule(self.family, self.table, self.base, &rule.handle);
            }
        }
        batch.flush_chain(self.family, self.table, chain);
        batch.remove_chain(self.family, self.table, chain);
        Ok(true)
    }
}
