//! The last reading of EC2, with its age, and the budget under which it is read again.

use super::{Ask, Clouds, Inventory};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use tokio::sync::{Mutex, watch};
use vpccni_core::ports::{Ec2, Eks};

/// What reading may cost. The ports meter calls as well; this keeps one reading, and many of them, within reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Two readings are at least so far apart, whoever asks.
    pub gap: SignedDuration,
    /// Subnets whose reservations are asked for in one reading: one call each.
    pub reservations: usize,
}

/// Two readings of nodes that have just joined, a call or two each, are at least so far apart; twice as far after each
/// that said nothing new, and at most so far.
const NEWCOMERS_GAP: SignedDuration = SignedDuration::from_secs(1);
const NEWCOMERS_GAP_AT_MOST: SignedDuration = SignedDuration::from_secs(8);

/// The last reading. One at a time is made; who asks meanwhile gets the same.
#[derive(Debug)]
pub struct InventoryCache {
    ec2: Arc<dyn Ec2>,
    eks: Arc<dyn Eks>,
    budget: Budget,
    /// Held while one is made; when newcomers were read last, and how long that is good for.
    one_at_a_time: Mutex<Option<(Timestamp, SignedDuration)>>,
    last: watch::Sender<Option<Arc<Inventory>>>,
}

impl InventoryCache {
    /// A cache that has read nothing yet.
    pub fn new(ec2: Arc<dyn Ec2>, eks: Arc<dyn Eks>, budget: Budget) -> Self {
        Self {
            ec2,
            eks,
            budget,
            one_at_a_time: Mutex::new(None),
            last: watch::Sender::new(None),
        }
    }

    /// The last reading, however old.
    pub fn last(&self) -> Option<Arc<Inventory>> {
        self.last.borrow().clone()
    }

    /// Wakes at every new reading.
    pub fn subscribe(&self) -> watch::Receiver<Option<Arc<Inventory>>> {
        self.last.subscribe()
    }

    /// A reading at most so old, from before where there is one. The budget's gap holds for everybody: what is younger
    /// than the gap counts as fresh.
    pub async fn at_most(&self, age: SignedDuration, ask: &Ask, now: Timestamp) -> Arc<Inventory> {
        let _turn = self.one_at_a_time.lock().await;
        let good_until = age.max(self.budget.gap);
        if let Some(last) = self
            .last()
            .filter(|last| now.duration_since(last.at) < good_until)
        {
            return last;
        }
        let budget = self.budget.reservations;
        let clouds = Clouds {
            ec2: self.ec2.as_ref(),
            eks: self.eks.as_ref(),
        };
        let mut read = Inventory::read(clouds, ask, budget, now).await;
        read.keep_groups(self.last().as_deref(), ask);
        let read = Arc::new(read);
        self.last.send_replace(Some(Arc::clone(&read)));
        read
    }

    /// Reads the interfaces and groups of these instances only, and puts them into the last reading: somebody waits for
    /// nodes that have just joined, and reading a whole VPC every second is more than AWS likes.
    pub async fn newcomers(&self, ask: &Ask, now: Timestamp) {
        let mut last = self.one_at_a_time.lock().await;
        let too_soon = last.is_some_and(|(at, gap)| now.duration_since(at).abs() < gap);
        let Some(before) = self.last().filter(|_| !too_soon && !ask.instances.is_empty()) else {
            return;
        };
        let clouds = Clouds {
            ec2: self.ec2.as_ref(),
            eks: self.eks.as_ref(),
        };
        let mut gap = NEWCOMERS_GAP;
        match before.with(clouds, ask).await {
            Some(more) => drop(self.last.send_replace(Some(Arc::new(more)))),
            None => gap = last.map_or(gap, |(_, gap)| (gap * 2).min(NEWCOMERS_GAP_AT_MOST)),
        }
        *last = Some((now, gap));
    }

    /// As fresh as the budget allows: for a decision that must not rest on an old reading.
    pub async fn fresh(&self, ask: &Ask, now: Timestamp) -> Arc<Inventory> {
        self.at_most(SignedDuration::ZERO, ask, now).await
    }
}
