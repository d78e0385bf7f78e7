//! Whether this replica leads now. Written by the election only; the deadline is part of the value, so that a replica
//! whose election task hangs stops leading all the same.

use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// What the election has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term {
    /// Somebody else leads, or nobody.
    Not,
    /// We lead until then, unless we renew.
    Until(Instant),
    /// There is no election.
    Always,
}

impl Term {
    fn leads(self, now: Instant) -> bool {
        match self {
            Self::Not => false,
            Self::Until(end) => now < end,
            Self::Always => true,
        }
    }
}

/// A view of the leadership of this replica.
#[derive(Debug, Clone)]
pub struct Leadership {
    term: watch::Receiver<Term>,
    /// What [`Self::changed`] said last.
    said: bool,
}

impl Leadership {
    pub(crate) fn follow(term: watch::Receiver<Term>) -> Self {
        Self { term, said: false }
    }

    /// Of a replica that is alone, because nobody wants an election.
    pub fn always() -> Self {
        Self::follow(watch::channel(Term::Always).1)
    }

    /// Whether this replica leads now: false from the renew deadline on, however the clock of the machine jumps.
    pub fn is_leader_now(&self) -> bool {
        self.term.borrow().leads(Instant::now())
    }

    /// For how long this replica may still write; none without an election.
    pub fn time_left(&self) -> Option<Duration> {
        match *self.term.borrow() {
            Term::Not => Some(Duration::ZERO),
            Term::Until(end) => Some(end.saturating_duration_since(Instant::now())),
            Term::Always => None,
        }
    }

    /// Waits until leadership is another than what this handle said last (at first: not leading), and says which.
    /// Cancelling it loses nothing.
    pub async fn changed(&mut self) -> bool {
        loop {
            let term = *self.term.borrow_and_update();
            let leads = term.leads(Instant::now());
            if leads != self.said {
                self.said = leads;
                return leads;
            }
            tokio::select! {
                news = self.term.changed() => {
                    if news.is_err() {
                        // The election is over: what is left is that the term runs out.
                        end_of(term, leads).await;
                    }
                }
                () = end_of(term, leads) => {}
            }
        }
    }
}

async fn end_of(term: Term, leads: bool) {
    match term {
        Term::Until(end) if leads => tokio::time::sleep_until(end).await,
        _ => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn leadership_ends_at_the_deadline_without_any_news() {
        let (sender, receiver) = watch::channel(Term::Not);
        let mut leadership = Leadership::follow(receiver);
        assert!(!leadership.is_leader_now());
        assert!(leadership.changed().now_or_never().is_none());
        let end = Instant::now() + Duration::from_millis(50);
        sender.send_replace(Term::Until(end));
        assert!(leadership.changed().await);
        assert!(leadership.time_left().unwrap() <= Duration::from_millis(50));
        assert!(!leadership.changed().await);
        assert!(Instant::now() >= end);
        assert!(!leadership.is_leader_now());
        assert_eq!(leadership.time_left(), Some(Duration::ZERO));
    }

    #[tokio::test]
    async fn a_renewal_is_no_change_and_the_end_of_the_election_lets_the_term_run_out() {
        let (sender, receiver) = watch::channel(Term::Until(Instant::now() + Duration::from_mins(1)));
        let mut leadership = Leadership::follow(receiver);
        assert!(leadership.changed().await);
        sender.send_replace(Term::Until(Instant::now() + Duration::from_millis(30)));
        assert!(leadership.changed().now_or_never().is_none());
        drop(sender);
        assert!(!leadership.changed().await);
    }

    #[tokio::test]
    async fn without_election_this_replica_leads_for_ever() {
        let mut leadership = Leadership::always();
        assert!(leadership.changed().await);
        assert!(leadership.is_leader_now());
        assert_eq!(leadership.time_left(), None);
        assert!(leadership.changed().now_or_never().is_none());
    }
}
