//! The gate of the product: only the leader writes, and no write outlives the term it was begun in.

use crate::lease::Leadership;
use crate::write::{Gate, WriteError, WriteSite};
use async_trait::async_trait;
use std::time::Duration;

/// Lets writes through while this replica leads.
#[derive(Debug, Clone)]
pub struct Fence {
    leadership: Leadership,
}

impl Fence {
    /// A fence of this leadership.
    pub fn new(leadership: Leadership) -> Self {
        Self { leadership }
    }
}

#[async_trait]
impl Gate for Fence {
    async fn before(&self, site: WriteSite) -> Result<(), WriteError> {
        if site.needs_leadership() && !self.leadership.is_leader_now() {
            return Err(WriteError::NotLeader { site });
        }
        Ok(())
    }

    async fn after(&self, _site: WriteSite) -> Result<(), WriteError> {
        // The effect is there; that the term ended meanwhile does not undo it.
        Ok(())
    }

    fn time_left(&self, site: WriteSite) -> Option<Duration> {
        if site.needs_leadership() {
            self.leadership.time_left()
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::Term;
    use tokio::sync::watch;
    use tokio::time::Instant;

    #[tokio::test]
    async fn every_site_but_the_lease_is_closed_to_a_follower_and_open_to_the_leader() {
        let (sender, receiver) = watch::channel(Term::Not);
        let fence = Fence::new(Leadership::follow(receiver));
        for site in WriteSite::ALL {
            let refused = fence.before(*site).await == Err(WriteError::NotLeader { site: *site });
            assert_eq!(refused, *site != WriteSite::Lease, "{}", site.name());
        }
        sender.send_replace(Term::Until(Instant::now() + Duration::from_mins(1)));
        for site in WriteSite::ALL {
            assert_eq!(fence.before(*site).await, Ok(()), "{}", site.name());
        }
        let left = fence.time_left(WriteSite::ApplyDaemonSet).unwrap();
        assert!(
            left <= Duration::from_mins(1) && left > Duration::from_secs(50),
            "{left:?}"
        );
        assert_eq!(fence.time_left(WriteSite::Lease), None);
    }

    #[tokio::test]
    async fn the_deadline_closes_the_fence_without_any_news() {
        let (_sender, receiver) = watch::channel(Term::Until(Instant::now()));
        let fence = Fence::new(Leadership::follow(receiver));
        let refused = fence.before(WriteSite::ApplyDaemonSet).await;
        assert_eq!(refused.unwrap_err().category(), "not_leader");
    }
}
