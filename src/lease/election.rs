//! The task that holds the Lease: it reads, decides and writes in turn, and is the only writer of [`Leadership`].

use crate::lease::decision::{Seen, Step, decide};
use crate::lease::record::{self, Record};
use crate::lease::{Claim, HandOver, Leadership, Term, Timings};
use crate::write::{Target, WriteError, WriteSite, Writer};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long a read of the Lease may take: with the retry period it leaves two tries before the renew deadline.
const READ_TIMEOUT: Duration = Duration::from_secs(4);

/// Who stands for election, and for which Lease.
#[derive(Debug, Clone)]
pub struct ElectionOptions {
    /// The namespace of the Lease.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Who we are; no two replicas have the same.
    pub identity: String,
    /// The periods.
    pub timings: Timings,
    /// How the Lease is come by.
    pub claim: Claim,
}

/// One replica standing for election.
#[derive(Debug)]
pub struct Election {
    options: ElectionOptions,
    clock: fn() -> Timestamp,
    term: watch::Sender<Term>,
    hand_over: HandOver,
}

/// What the election knows between two rounds.
#[derive(Debug, Default)]
struct Knowledge {
    seen: Option<Seen>,
    /// Until when one that we took the Lease from may believe that it leads.
    quarantine: Option<Instant>,
    /// Whether `seen` may be out of date: a write failed, or somebody else may have written.
    stale: bool,
}

impl Election {
    /// A replica that does not stand yet, and its leadership. The two are apart because the writer's gate needs the
    /// leadership and the election needs the writer.
    pub fn new(options: ElectionOptions, clock: fn() -> Timestamp) -> (Self, Leadership) {
        let (term, receiver) = watch::channel(Term::Not);
        let election = Self {
            options,
            clock,
            term,
            hand_over: HandOver::default(),
        };
        (election, Leadership::follow(receiver))
    }

    /// By which this replica is asked to give the Lease away.
    pub fn hand_over(&self) -> HandOver {
        self.hand_over.clone()
    }

    /// Stands for election until `stop` is cancelled, then gives the Lease back if it is held.
    pub async fn run(self, client: kube::Client, writer: Arc<Writer>, stop: CancellationToken) {
        let api: Api<Lease> = Api::namespaced(client, &self.options.namespace);
        let mut known = Knowledge {
            stale: true,
            ..Knowledge::default()
        };
        while !stop.is_cancelled() {
            let pause = self.round(&api, &writer, &mut known).await;
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.hand_over.asked() => self.give_away(&writer, &mut known, &stop).await,
                () = stop.cancelled() => {}
            }
        }
        self.release(&writer, &known, "shutting down").await;
    }

    /// Gives the Lease away, and does not stand for it for as long as a Lease lasts: another replica is there to take
    /// it. If none does, we do again.
    async fn give_away(&self, writer: &Writer, known: &mut Knowledge, stop: &CancellationToken) {
        if *self.term.borrow() == Term::Not {
            return;
        }
        self.step_down("handing over: our node is being emptied");
        tokio::select! {
            // Until then a write of ours may be under way, and nobody else must begin.
            () = self.hand_over.idle() => {}
            () = stop.cancelled() => return,
        }
        self.release(writer, known, "handing over").await;
        known.stale = true;
        tokio::select! {
            () = tokio::time::sleep(self.options.timings.duration) => {}
            () = stop.cancelled() => {}
        }
    }

    /// One round; says how long to wait before the next.
    async fn round(&self, api: &Api<Lease>, writer: &Writer, known: &mut Knowledge) -> Duration {
        if known.stale && !self.read(api, known).await {
            return self.retry();
        }
        let step = decide(
            &self.options.identity,
            self.options.claim,
            known.seen.as_ref(),
            Instant::now(),
        );
        if let Step::Wait(left) = step {
            self.step_down("the lease is held by another replica");
            known.stale = true;
            return left.min(self.retry());
        }
        let started = Instant::now();
        match self.write(writer, step, known).await {
            Ok(()) => self.publish(step, started, known),
            Err(error) => {
                // Whether it happened is read in the next round; until the deadline nothing changes.
                known.stale = true;
                tracing::warn!(%error, lease = %self.options.name, "lease not renewed");
                if matches!(
                    error,
                    WriteError::Conflict { .. } | WriteError::AlreadyExists { .. }
                ) {
                    return self.retry() / 10;
                }
            }
        }
        self.retry()
    }

    async fn read(&self, api: &Api<Lease>, known: &mut Knowledge) -> bool {
        let read = tokio::time::timeout(READ_TIMEOUT, api.get_opt(&self.options.name)).await;
        let lease = match read {
            Ok(Ok(lease)) => lease,
            Ok(Err(error)) => {
                tracing::warn!(%error, lease = %self.options.name, "lease not read");
                return false;
            }
            Err(_) => {
                tracing::warn!(lease = %self.options.name, "lease not read in time");
                return false;
            }
        };
        let before = known.seen.take();
        known.seen = lease.map(|lease| Seen::after_read(before, Record::read(lease), Instant::now()));
        known.stale = false;
        true
    }

    async fn write(&self, writer: &Writer, step: Step, known: &mut Knowledge) -> Result<(), WriteError> {
        let target = Target::namespaced::<Lease>(&self.options.namespace, &self.options.name);
        let (me, timings, now) = (
            self.options.identity.as_str(),
            self.options.timings,
            (self.clock)(),
        );
        let version = known
            .seen
            .as_ref()
            .and_then(|seen| seen.record.resource_version.clone());
        let version = version.as_deref();
        let written = match step {
            Step::Create => {
                writer
                    .create(
                        WriteSite::Lease,
                        &target,
                        record::taken(me, timings, 0, now, None),
                    )
                    .await?
            }
            Step::Take { transitions, .. } => {
                let body = record::taken(me, timings, transitions, now, version);
                writer.merge(WriteSite::Lease, &target, body).await?
            }
            Step::Renew => {
                writer
                    .merge(WriteSite::Lease, &target, record::renewed(timings, now, version))
                    .await?
            }
            Step::Wait(_) => return Ok(()),
        };
        match written.parse::<Lease>() {
            Ok(lease) => {
                known.seen = Some(Seen {
                    record: Record::read(lease),
                    since: Instant::now(),
                });
                Ok(())
            }
            Err(error) => Err(WriteError::Other {
                target,
                message: format!("the answer cannot be read: {error}"),
            }),
        }
    }

    /// The Lease is ours since `started`: before the request was sent, so that we never believe longer than others.
    fn publish(&self, step: Step, started: Instant, known: &mut Knowledge) {
        let deadline = self.options.timings.renew_deadline;
        if let Step::Take { seized: true, .. } = step {
            tracing::info!(lease = %self.options.name, "lease seized; waiting until its former holder has noticed");
            known.quarantine = Some(Instant::now() + deadline);
        }
        if known.quarantine.is_some_and(|end| Instant::now() < end) {
            return;
        }
        let before = self.term.send_replace(Term::Until(started + deadline));
        if before == Term::Not {
            tracing::info!(lease = %self.options.name, identity = %self.options.identity, "leading");
        }
    }

    fn step_down(&self, why: &str) {
        if self.term.send_replace(Term::Not) != Term::Not {
            tracing::warn!(lease = %self.options.name, why, "no longer leading");
        }
    }

    async fn release(&self, writer: &Writer, known: &Knowledge, why: &str) {
        self.step_down(why);
        let Some(Seen { record, .. }) = &known.seen else {
            return;
        };
        // A seized Lease runs out by itself: it keeps the operator quiet until it is gone.
        if record.holder.as_deref() != Some(&self.options.identity) || self.options.claim == Claim::Seize {
            return;
        }
        let target = Target::namespaced::<Lease>(&self.options.namespace, &self.options.name);
        let body: Value = record::released((self.clock)(), record.resource_version.as_deref());
        match writer.merge(WriteSite::Lease, &target, body).await {
            Ok(_) => tracing::info!(lease = %self.options.name, "lease released"),
            Err(error) => tracing::warn!(%error, "lease not released; it runs out by itself"),
        }
    }

    /// The retry period, up to a fifth longer, so that replicas do not knock in step.
    fn retry(&self) -> Duration {
        self.options.timings.retry.mul_f64(1.0 + 0.2 * fastrand::f64())
    }
}

#[cfg(test)]
mod tests;
