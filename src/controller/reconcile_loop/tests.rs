//! The loop with short waits: the lengths of the usual ones are tested in `pace`.

use super::*;
use crate::testing::{FakeApi, context};
use crate::write::{OpenGate, WriteError, WriteSite};
use jiff::Timestamp;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use tokio::sync::Notify;

const SHORT: Pace = Pace {
    resync: Duration::from_mins(1),
    first_retry: Duration::from_millis(20),
    longest_retry: Duration::from_millis(80),
    debounce: Duration::from_millis(30),
};

/// Counts rounds, and fails or takes its time on demand.
#[derive(Default)]
struct Rounds {
    started: Mutex<Vec<Instant>>,
    failing: AtomicBool,
    running: AtomicU32,
    overlapped: AtomicBool,
    takes: Duration,
    next: Mutex<Option<Duration>>,
}

impl Rounds {
    fn count(&self) -> usize {
        self.started.lock().unwrap().len()
    }

    async fn reach(&self, count: usize) {
        let waiting = async {
            while self.count() < count {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let reached = tokio::time::timeout(Duration::from_secs(10), waiting).await;
        assert!(reached.is_ok(), "{} rounds instead of {count}", self.count());
    }
}

#[async_trait]
impl Reconcile for Rounds {
    async fn reconcile(&self, _ctx: &Context) -> Result<Next, Failure> {
        self.started.lock().unwrap().push(Instant::now());
        if self.running.fetch_add(1, Ordering::SeqCst) > 0 {
            self.overlapped.store(true, Ordering::SeqCst);
        }
        tokio::time::sleep(self.takes).await;
        self.running.fetch_sub(1, Ordering::SeqCst);
        if self.failing.load(Ordering::SeqCst) {
            return Err(WriteError::NotLeader {
                site: WriteSite::Event,
            }
            .into());
        }
        Ok(self.next.lock().unwrap().map_or(Next::Resync, Next::After))
    }
}

struct Looping {
    rounds: Arc<Rounds>,
    wake: Arc<Notify>,
    ctx: Context,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

fn start(rounds: Rounds) -> Looping {
    let ctx = context(&FakeApi::default(), Arc::new(OpenGate), Timestamp::now);
    let (rounds, wake, stop) = (
        Arc::new(rounds),
        Arc::new(Notify::new()),
        CancellationToken::new(),
    );
    let work = Loop::new("test", wake.clone(), SHORT);
    let (c, r, s) = (ctx.clone(), rounds.clone(), stop.clone());
    #[expect(clippy::disallowed_methods, reason = "a test joins its own task")]
    let task = tokio::spawn(async move { work.run(&c, &s, r.as_ref()).await });
    Looping {
        rounds,
        wake,
        ctx,
        stop,
        task,
    }
}

impl Looping {
    async fn end(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(10), self.task)
            .await
            .unwrap()
            .unwrap();
    }
}

#[tokio::test]
async fn the_first_round_is_at_once_and_a_burst_of_triggers_is_one_more() {
    let looping = start(Rounds::default());
    looping.rounds.reach(1).await;
    for _ in 0..5 {
        looping.wake.notify_one();
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    looping.rounds.reach(2).await;
    tokio::time::sleep(SHORT.debounce * 4).await;
    assert_eq!(looping.rounds.count(), 2);
    looping.end().await;
}

#[tokio::test]
async fn a_trigger_during_a_round_is_answered_after_it_and_never_beside_it() {
    let looping = start(Rounds {
        takes: Duration::from_millis(60),
        ..Rounds::default()
    });
    looping.rounds.reach(1).await;
    looping.wake.notify_one();
    looping.rounds.reach(2).await;
    let started = looping.rounds.started.lock().unwrap().clone();
    assert!(started[1] - started[0] >= Duration::from_millis(60));
    assert!(!looping.rounds.overlapped.load(Ordering::SeqCst));
    looping.end().await;
}

#[tokio::test]
async fn failures_are_retried_ever_later_and_a_good_round_ends_it() {
    let looping = start(Rounds {
        failing: true.into(),
        ..Rounds::default()
    });
    looping.rounds.reach(4).await;
    let started = looping.rounds.started.lock().unwrap().clone();
    // 20, 40, 80 ms, a fifth less at least.
    assert!(started[1] - started[0] >= Duration::from_millis(16));
    assert!(started[2] - started[1] >= Duration::from_millis(32));
    assert!(started[3] - started[2] >= Duration::from_millis(64));
    looping.rounds.failing.store(false, Ordering::SeqCst);
    let registry = looping.ctx.metrics.registry().clone();
    let deadline = Instant::now() + Duration::from_secs(10);
    while !registry
        .encode()
        .unwrap()
        .contains(r#"reconciles_total{controller="test",result="ok"} 1"#)
    {
        assert!(Instant::now() < deadline, "no good round");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let rounds = looping.rounds.count();
    tokio::time::sleep(SHORT.longest_retry * 3).await;
    assert_eq!(
        looping.rounds.count(),
        rounds,
        "it goes on retrying after a good round"
    );
    let text = looping.ctx.metrics.registry().encode().unwrap();
    assert!(
        text.contains(r#"errors_total{controller="test",category="not_leader"}"#),
        "{text}"
    );
    looping.end().await;
}

#[tokio::test]
async fn a_trigger_cuts_a_long_wait_after_a_failure_but_not_the_shortest() {
    let looping = start(Rounds {
        failing: true.into(),
        ..Rounds::default()
    });
    for _ in 0..20 {
        looping.wake.notify_one();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let started = looping.rounds.started.lock().unwrap().clone();
    let gaps = started.windows(2).map(|pair| pair[1] - pair[0]);
    // The shortest wait is 16 ms with jitter, then 30 ms to collect triggers.
    assert!(
        gaps.clone().all(|gap| gap >= Duration::from_millis(16)),
        "{started:?}"
    );
    assert!(started.len() > 2, "{started:?}");
    looping.end().await;
}

#[tokio::test]
async fn a_round_may_ask_for_the_next_one() {
    let next = Mutex::new(Some(Duration::from_millis(10)));
    let looping = start(Rounds {
        next,
        ..Rounds::default()
    });
    looping.rounds.reach(4).await;
    looping.end().await;
}

#[tokio::test]
async fn the_loop_beats_while_it_lives_and_finishes_its_round_when_stopped() {
    let looping = start(Rounds {
        takes: Duration::from_millis(50),
        ..Rounds::default()
    });
    looping.rounds.reach(1).await;
    let (rounds, heartbeats) = (looping.rounds.clone(), looping.ctx.health.heartbeats.clone());
    assert!(heartbeats.names().contains("test"));
    looping.end().await;
    assert_eq!(rounds.running.load(Ordering::SeqCst), 0, "the round was cut off");
    assert!(!heartbeats.names().contains("test"));
}
