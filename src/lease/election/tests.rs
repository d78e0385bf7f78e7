//! Elections of several replicas on a small API server, with short periods.

use super::*;
use crate::lease::Fence;
use crate::metrics::Metrics;
use crate::testing::{FakeApi, Fault};
use tokio::task::JoinHandle;

const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/n/leases/the-lease";

/// The API has whole seconds only, so a record lasts at least one.
const SHORT: Timings = Timings {
    duration: Duration::from_secs(1),
    renew_deadline: Duration::from_millis(600),
    retry: Duration::from_millis(60),
};

struct Replica {
    leadership: Leadership,
    hand_over: HandOver,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Replica {
    fn start(api: &FakeApi, identity: &str, claim: Claim) -> Self {
        let options = ElectionOptions {
            namespace: "n".to_owned(),
            name: "the-lease".to_owned(),
            identity: identity.to_owned(),
            timings: SHORT,
            claim,
        };
        let (election, leadership) = Election::new(options, Timestamp::now);
        let hand_over = election.hand_over();
        let gate = Arc::new(Fence::new(leadership.clone()));
        let writer = Arc::new(Writer::new(api.client(), gate, Arc::new(Metrics::default())));
        let stop = CancellationToken::new();
        #[expect(clippy::disallowed_methods, reason = "a test joins its own task")]
        let task = tokio::spawn(election.run(api.client(), writer, stop.clone()));
        Self {
            leadership,
            hand_over,
            stop,
            task,
        }
    }

    async fn becomes(&mut self, leads: bool) {
        let change = tokio::time::timeout(Duration::from_secs(10), self.leadership.changed()).await;
        assert_eq!(change.expect("leadership did not change"), leads);
    }

    async fn end(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(10), self.task)
            .await
            .unwrap()
            .unwrap();
    }
}

fn holder(api: &FakeApi) -> Option<String> {
    api.object(LEASE)?["spec"]["holderIdentity"]
        .as_str()
        .map(str::to_owned)
}

#[tokio::test]
async fn one_of_two_leads_and_the_other_follows_at_once_after_a_release() {
    let api = FakeApi::default();
    let mut first = Replica::start(&api, "a", Claim::WhenFree);
    first.becomes(true).await;
    let mut second = Replica::start(&api, "b", Claim::WhenFree);
    tokio::time::sleep(SHORT.duration * 2).await;
    assert!(first.leadership.is_leader_now() && !second.leadership.is_leader_now());
    let released = Instant::now();
    first.end().await;
    second.becomes(true).await;
    assert!(
        released.elapsed() < SHORT.duration,
        "waited {:?}",
        released.elapsed()
    );
    assert_eq!(holder(&api).as_deref(), Some("b"));
    assert_eq!(api.object(LEASE).unwrap()["spec"]["leaseTransitions"], 1);
    second.end().await;
    assert_eq!(holder(&api), None);
}

#[tokio::test]
async fn a_killed_leader_is_followed_when_its_lease_has_run_out() {
    let api = FakeApi::default();
    let mut first = Replica::start(&api, "a", Claim::WhenFree);
    first.becomes(true).await;
    let mut second = Replica::start(&api, "b", Claim::WhenFree);
    tokio::time::sleep(SHORT.retry * 3).await;
    first.task.abort();
    let killed = Instant::now();
    second.becomes(true).await;
    assert!(
        killed.elapsed() >= SHORT.renew_deadline,
        "took over after {:?}",
        killed.elapsed()
    );
    assert!(
        !first.leadership.is_leader_now(),
        "the dead leader still believes"
    );
    second.end().await;
}

#[tokio::test]
async fn a_leader_that_cannot_renew_stops_leading_before_another_may_begin() {
    let api = FakeApi::default();
    let mut replica = Replica::start(&api, "a", Claim::WhenFree);
    replica.becomes(true).await;
    api.fail(|_| Some(Fault::Break));
    let away = Instant::now();
    replica.becomes(false).await;
    assert!(away.elapsed() < SHORT.duration, "led on for {:?}", away.elapsed());
    api.heal();
    replica.becomes(true).await;
    replica.end().await;
}

#[tokio::test]
async fn a_renewal_whose_answer_was_lost_is_found_by_reading() {
    let api = FakeApi::default();
    let mut replica = Replica::start(&api, "a", Claim::WhenFree);
    replica.becomes(true).await;
    let mut patches = 0;
    // Every third renewal happens and its answer is lost; the next one meets the version that it left.
    api.fail(move |seen| {
        patches += i32::from(seen.method == http::Method::PATCH);
        (seen.method == http::Method::PATCH && patches % 3 == 0).then_some(Fault::BreakAfter)
    });
    tokio::select! {
        leads = replica.leadership.changed() => panic!("leadership became {leads}"),
        () = tokio::time::sleep(SHORT.renew_deadline * 3) => {}
    }
    assert!(replica.leadership.is_leader_now());
    replica.end().await;
}

#[tokio::test]
async fn a_seized_lease_is_led_only_when_its_former_holder_has_noticed_and_is_kept_after() {
    let api = FakeApi::default();
    let mut operator = Replica::start(&api, "a", Claim::WhenFree);
    operator.becomes(true).await;
    let mut release = Replica::start(&api, "release", Claim::Seize);
    let seized = Instant::now();
    release.becomes(true).await;
    assert!(
        seized.elapsed() >= SHORT.renew_deadline,
        "led after {:?}",
        seized.elapsed()
    );
    assert!(!operator.leadership.is_leader_now());
    release.end().await;
    assert_eq!(holder(&api).as_deref(), Some("release"));
    operator.end().await;
}

#[tokio::test]
async fn a_leader_that_hands_over_is_followed_at_once_and_leads_again_when_nobody_else_does() {
    let api = FakeApi::default();
    let mut first = Replica::start(&api, "a", Claim::WhenFree);
    first.becomes(true).await;
    let mut second = Replica::start(&api, "b", Claim::WhenFree);
    tokio::time::sleep(SHORT.retry * 3).await;
    // A write of the leader is under way: nobody may begin before it is done.
    first.hand_over.set_at_work(true);
    first.hand_over.ask();
    first.becomes(false).await;
    tokio::time::sleep(SHORT.retry * 2).await;
    assert_eq!(holder(&api).as_deref(), Some("a"));
    first.hand_over.set_at_work(false);
    let released = Instant::now();
    second.becomes(true).await;
    assert!(
        released.elapsed() < SHORT.duration,
        "waited {:?}",
        released.elapsed()
    );
    tokio::time::sleep(SHORT.duration * 2).await;
    assert!(second.leadership.is_leader_now() && !first.leadership.is_leader_now());
    first.end().await;
    // Nobody is there to take it.
    second.hand_over.ask();
    second.becomes(false).await;
    second.becomes(true).await;
    second.end().await;
}
