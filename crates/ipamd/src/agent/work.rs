//! What the task starts at its looks: the plan of the pool, and what is due by the clock.

use super::Agent;
use super::done::Done;
use crate::clock;
use crate::observe;
use crate::ops::{self, Places};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::Instant;
use vpccni_core::assign::Force;
use vpccni_core::config::Key;
use vpccni_core::ids::{EniId, SubnetId};
use vpccni_core::max_pods::unseen;
use vpccni_core::pool::{Creating, Pending, PoolAction, PoolWorld, Reason, plan};

/// How long it is believed where new interfaces can be.
const PLACES_LAST: Duration = Duration::from_mins(1);

impl Agent {
    /// A look: at the pool, and at the clock.
    pub(super) fn look(&mut self) {
        let now = Instant::now();
        self.timers.looked = now;
        self.timers.look = now + self.tools.pace.tick;
        if self.terminating {
            return;
        }
        if now >= self.timers.quiet {
            self.pool(clock::now());
        }
        self.by_the_clock(now);
        self.publish();
    }

    fn by_the_clock(&mut self, now: Instant) {
        let pace = self.tools.pace.clone();
        if now.duration_since(self.timers.changed) >= pace.reconcile {
            self.timers.changed = now;
            self.compare();
        }
        if now >= self.timers.networks {
            self.timers.networks = now + pace.networks;
            let tools = self.tools.clone();
            self.operate(async move {
                let imds = &tools.cloud.imds;
                let asked = imds.vpc_cidrs(tools.node.identity.primary_mac);
                Done::Networks(tools.cloud.call("imds:GetMetadata", asked).await)
            });
        }
        let effective = &self.tools.node.settings.effective;
        if now >= self.timers.groups && self.tools.node.provisions() && !effective.custom_networking() {
            self.timers.groups = now + pace.groups;
            let tools = self.tools.clone();
            self.operate(async move {
                let asked = tools.cloud.imds.security_groups(tools.node.identity.primary_mac);
                Done::Groups(tools.cloud.call("imds:GetMetadata", asked).await)
            });
        }
        if now >= self.timers.forget && !self.ended.is_empty() {
            self.forget_connections();
        }
        if now >= self.timers.sweep {
            self.timers.sweep = now + pace.sweep;
            let tools = self.tools.clone();
            self.operate(async move { Done::Links(tools.host.links().await) });
        }
    }

    fn forget_connections(&mut self) {
        let cards = self.store.cards();
        let held: BTreeSet<IpAddr> = cards
            .flat_map(|card| self.store.leases(card))
            .map(|lease| lease.address)
            .collect();
        // An address that gets no rest may have its next pod by now.
        let addresses: BTreeSet<IpAddr> = std::mem::take(&mut self.ended)
            .difference(&held)
            .copied()
            .collect();
        let tools = self.tools.clone();
        self.operate(async move { Done::Forgotten(tools.host.forget(addresses).await) });
    }

    /// Compares the store with what the metadata service shows.
    pub(super) fn compare(&mut self) {
        if std::mem::replace(&mut self.timers.comparing, true) {
            return;
        }
        let tools = self.tools.clone();
        self.operate(async move { Done::Shown(observe::shown(&tools.cloud).await) });
    }

    fn pool(&mut self, now: Timestamp) {
        self.full.retain(|_, until| *until > now);
        // An interface may be in a subnet that is not for pods: nothing is put on it before that is known.
        if self.tools.node.discovers() && self.places.is_none() {
            return self.find_places();
        }
        let actions = self.planned(now);
        for action in actions {
            tracing::info!(%action, "the pool changes");
            self.start(action, now);
        }
    }

    fn planned(&self, now: Timestamp) -> Vec<PoolAction> {
        let node = &self.tools.node;
        let seen = self
            .tools
            .kubernetes
            .as_ref()
            .and_then(crate::kubernetes::Kubernetes::node);
        let override_cordon = node.settings.effective.is_on(Key::ManageEnisNonSchedulable);
        let known: Vec<SubnetId> = match &self.places {
            _ if Instant::now() < self.timers.no_creation => Vec::new(),
            Some((places, _)) => places.subnets.clone(),
            // Where it can be is found out when an interface is wanted.
            None => vec![node.primary_subnet.clone()],
        };
        let world = PoolWorld {
            store: &self.store,
            limits: &node.limits,
            effective: &node.settings.effective,
            max_pods: seen
                .as_ref()
                .and_then(|node| node.capacity_pods)
                .unwrap_or_else(|| unseen(&node.limits, &node.settings.effective)),
            cordoned: seen.is_some_and(|node| node.cordoned) && !override_cordon,
            terminating: self.terminating,
            last_shrink: self.last_shrink,
            full: &self.full,
            pending: &self.pending,
            creating: &self.creating,
            cards: &self.cards,
            subnets: &known,
            budget: None,
        };
        plan(&world, now)
    }

    fn start(&mut self, action: PoolAction, now: Timestamp) {
        self.timers.changed = Instant::now();
        match action {
            PoolAction::Assign { eni, want, count, .. } => {
                self.pending.insert(eni.clone(), Pending::Assign(count));
                let tools = self.tools.clone();
                self.operate(async move {
                    let result = ops::assign(&tools, &eni, want, count).await;
                    Done::Assigned { eni, result }
                });
            }
            PoolAction::Release { eni, cidrs, reason } => self.start_release(eni, &cidrs, reason, now),
            PoolAction::CreateEni {
                card,
                device,
                subnets,
                want,
                count,
                ..
            } => {
                let slot = Creating {
                    card,
                    device,
                    want,
                    count,
                };
                self.start_creation(slot, subnets);
            }
            PoolAction::DeleteEni { eni, .. } => self.start_deletion(&eni),
        }
    }

    fn start_release(
        &mut self,
        eni: EniId,
        cidrs: &[vpccni_core::assign::IpNet],
        reason: Reason,
        now: Timestamp,
    ) {
        let mut blocks = Vec::with_capacity(cidrs.len());
        for cidr in cidrs {
            match self.store.remove_cidr(&eni, *cidr, Force::No) {
                Ok(_) => {
                    self.released.insert(*cidr, now);
                    blocks.push(*cidr);
                }
                Err(error) => tracing::warn!(%error, "a block stays"),
            }
        }
        if matches!(reason, Reason::High { .. }) {
            self.last_shrink = Some(now);
        }
        let count = u32::try_from(blocks.len()).unwrap_or(u32::MAX);
        self.pending.insert(eni.clone(), Pending::Release(count));
        let tools = self.tools.clone();
        self.operate(async move {
            let kept = ops::release(&tools, &eni, &blocks).await;
            Done::Released { eni, kept }
        });
    }

    fn start_creation(&mut self, slot: Creating, subnets: Vec<SubnetId>) {
        let now = Instant::now();
        let fresh = self
            .places
            .as_ref()
            .filter(|(_, at)| now.duration_since(*at) < PLACES_LAST);
        let Some((places, _)) = fresh else {
            return self.find_places();
        };
        let places = Places {
            subnets,
            groups: places.groups.clone(),
            ..Places::default()
        };
        self.creating.push(slot);
        let (tools, groups) = (self.tools.clone(), self.groups.clone());
        self.operate(async move {
            let creation = ops::create(&tools, &slot, &places, &groups).await;
            Done::Created { slot, creation }
        });
    }

    pub(super) fn find_places(&mut self) {
        if std::mem::replace(&mut self.timers.finding, true) {
            return;
        }
        let tools = self.tools.clone();
        self.operate(
            async move { Done::Places(ops::places(&tools).await.map_err(|error| error.to_string())) },
        );
    }

    fn start_deletion(&mut self, eni: &EniId) {
        let Some(interface) = self.interfaces.get(eni).cloned() else {
            return;
        };
        if let Err(error) = self.store.remove_eni(eni, Force::No) {
            tracing::warn!(%error, "an interface stays");
            return;
        }
        self.interfaces.remove(eni);
        let card = interface.card;
        self.pending.insert(eni.clone(), Pending::Delete { card });
        let tools = self.tools.clone();
        self.operate(async move {
            let result = ops::free(&tools, &interface.id).await;
            if result.is_ok()
                && let Err(error) = tools.host.gone(&interface).await
            {
                tracing::warn!(%error, eni = %interface.id, "an interface left something behind on the host");
            }
            Done::Deleted {
                eni: interface.id,
                result,
            }
        });
    }

    /// After a failure EC2 is left alone for a while, each time longer.
    pub(super) fn back_off(&mut self) {
        const LONGEST: u32 = 6;
        self.failures = self.failures.saturating_add(1).min(LONGEST);
        let pause = self.tools.pace.tick * (1 << self.failures);
        self.timers.quiet = Instant::now() + crate::node::Pace::jittered(pause);
    }
}
