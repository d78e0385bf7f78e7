//! The store against what the metadata service says and what EC2 says. The metadata service may be minutes behind:
//! where it differs from the store, EC2 is asked, and nothing is removed without EC2.

use super::world::Pending;
use crate::assign::Store;
use crate::ids::{EniId, SubnetId};
use crate::ports::EniKind;
use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// How long EC2 itself may not yet know of a change of ours: what came younger than this is not removed, and what went
/// is not taken in again.
pub const FRESH: SignedDuration = SignedDuration::from_secs(60);

/// A managed interface as the metadata service or EC2 describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EniSeen {
    /// Its id.
    pub id: EniId,
    /// Its network card.
    pub card: u32,
    /// Its device number.
    pub device: u32,
    /// Its kind; the metadata service knows none.
    pub kind: Option<EniKind>,
    /// Its subnet.
    pub subnet: Option<SubnetId>,
    /// Secondary addresses and prefixes, the primary address left out.
    pub cidrs: BTreeSet<IpNet>,
}

/// What was looked at.
#[derive(Debug)]
pub struct Observed<'a> {
    /// The managed interfaces of the metadata service.
    pub imds: &'a [EniSeen],
    /// What EC2 said about interfaces it was asked about; none for one that is not attached to this instance.
    pub ec2: &'a BTreeMap<EniId, Option<EniSeen>>,
    /// EC2 must not be asked: what the metadata service has more is taken in, and nothing is removed.
    pub imds_only: bool,
    /// Blocks that were given back, and when.
    pub released: &'a BTreeMap<IpNet, Timestamp>,
    /// Operations under way: their interfaces are left alone.
    pub pending: &'a BTreeMap<EniId, Pending>,
}

/// One change of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// An interface that is new: to be set up with all it has.
    AddEni(Box<EniSeen>),
    /// A block that is new.
    AddCidr {
        /// The interface.
        eni: EniId,
        /// The block.
        cidr: IpNet,
    },
    /// EC2 says that the interface does not have the block. What pods held of it can be given to [`Store::restore`]:
    /// it then waits, and is theirs again should EC2 have been wrong.
    RemoveCidr {
        /// The interface.
        eni: EniId,
        /// The block.
        cidr: IpNet,
    },
    /// EC2 says that the interface is not attached to this instance.
    RemoveEni {
        /// The interface.
        eni: EniId,
    },
}

/// What is to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reconciliation {
    /// Interfaces EC2 must be asked about before anything is done with them.
    pub ask: BTreeSet<EniId>,
    /// Changes of the store.
    pub steps: Vec<Step>,
}

/// What the store is to take in and to drop. Where the metadata service says nothing at all, nothing is done.
pub fn reconcile(store: &Store, observed: &Observed<'_>, now: Timestamp) -> Reconciliation {
    let mut result = Reconciliation::default();
    if observed.imds.is_empty() {
        return result;
    }
    let imds: BTreeMap<&EniId, &EniSeen> = observed.imds.iter().map(|eni| (&eni.id, eni)).collect();
    let there: BTreeMap<EniId, Timestamp> = store
        .cards()
        .flat_map(|card| store.enis(card, now))
        .map(|view| (view.eni.id.clone(), view.eni.added))
        .collect();
    let all: BTreeSet<&EniId> = imds.keys().copied().chain(there.keys()).collect();
    for id in all {
        if observed.pending.contains_key(id) {
            continue;
        }
        let seen = imds.get(id).copied();
        match (there.get(id), observed.ec2.get(id)) {
            (added, None) if !observed.imds_only => {
                let same = added.is_some() && seen.is_some_and(|seen| seen.cidrs == blocks(store, id, now));
                if !same {
                    result.ask.insert(id.clone());
                }
            }
            (None, truth) => {
                // IMDS alone is believed only where nobody else may be asked.
                if let Some(truth) = truth.map_or(seen, Option::as_ref) {
                    result.steps.push(Step::AddEni(Box::new(truth.clone())));
                }
            }
            (Some(_), None) => {
                if let Some(seen) = seen {
                    result.steps.extend(additions(store, seen, observed, now));
                }
            }
            (Some(_), Some(Some(truth))) => {
                result.steps.extend(removals(store, truth, now));
                result.steps.extend(additions(store, truth, observed, now));
            }
            (Some(added), Some(None)) => {
                if !is_fresh(*added, now) {
                    result.steps.push(Step::RemoveEni { eni: id.clone() });
                }
            }
        }
    }
    // What moved from one interface to another must go before it can come.
    result.steps.sort_by_key(|step| match step {
        Step::RemoveEni { .. } | Step::RemoveCidr { .. } => 0,
        Step::AddEni(_) | Step::AddCidr { .. } => 1,
    });
    result
}

fn is_fresh(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at).abs() < FRESH
}

fn blocks(store: &Store, id: &EniId, now: Timestamp) -> BTreeSet<IpNet> {
    let view = store.eni(id, now).into_iter();
    view.flat_map(|view| view.blocks).map(|block| block.net).collect()
}

fn additions<'a>(
    store: &Store,
    truth: &'a EniSeen,
    observed: &'a Observed<'_>,
    now: Timestamp,
) -> impl Iterator<Item = Step> + 'a {
    let there = blocks(store, &truth.id, now);
    let just_went = move |cidr: &IpNet| {
        let released = observed.released.get(cidr);
        released.is_some_and(|at| observed.imds_only || is_fresh(*at, now))
    };
    let new = truth.cidrs.iter().filter(move |cidr| !there.contains(cidr));
    new.filter(move |cidr| !just_went(cidr))
        .map(|cidr| Step::AddCidr {
            eni: truth.id.clone(),
            cidr: *cidr,
        })
}

fn removals(store: &Store, truth: &EniSeen, now: Timestamp) -> Vec<Step> {
    let view = store.eni(&truth.id, now).into_iter();
    view.flat_map(|view| view.blocks)
        .filter(|block| !truth.cidrs.contains(&block.net) && !is_fresh(block.added, now))
        .map(|block| Step::RemoveCidr {
            eni: truth.id.clone(),
            cidr: block.net,
        })
        .collect()
}
