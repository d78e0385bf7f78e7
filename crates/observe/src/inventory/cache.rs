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

/// The last reading. One at a time is made; who asks meanwhile gets the same.
#[derive(Debug)]
pub struct InventoryCache {
    ec2: Arc<dyn Ec2>,
    eks: Arc<dyn Eks>,
    budget: Budget,
    one_at_a_time: Mutex<()>,
    last: watch::Sender<Option<Arc<Inventory>>>,
}

impl InventoryCache {
    /// A cache that has read nothing yet.
    pub fn new(ec2: Arc<dyn Ec2>, eks: Arc<dyn Eks>, budget: Budget) -> Self {
        Self {
            ec2,
            eks,
            budget,
            one_at_a_time: Mutex::new(()),
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

    /// As fresh as the budget allows: for a decision that must not rest on an old reading.
    pub async fn fresh(&self, ask: &Ask, now: Timestamp) -> Arc<Inventory> {
        self.at_most(SignedDuration::ZERO, ask, now).await
    }
}
