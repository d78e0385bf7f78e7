//! Evictions go on beside the rounds: nothing waits for them but what is to be done to the same node.

use super::*;
use std::time::Duration;

/// Longer than a call may take.
const HANGING: Duration = Duration::from_mins(2);

fn evict() -> Action {
    Action::new(super::drain::evict(&["a", "b"]), "it is being emptied")
}

/// A node with two pods, the first of which takes its time to be evicted.
async fn slow(evictions: &mut EvictionTasks) -> Lab {
    let lab = Lab::new();
    lab.in_work(NodeStep::Draining, "i-1");
    lab.pod("a", json!({}));
    lab.pod("b", json!({}));
    lab.once("/api/v1/namespaces/shop/pods/a", Fault::HangAfter);
    let outcomes = act(&lab.ctx, evictions, vec![evict()]).await;
    assert_eq!(outcomes.steps[0].1, Outcome::UnderWay);
    let begun = || async {
        while asked(&lab).is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), begun())
        .await
        .expect("a pod is asked");
    lab
}

/// Pods that were asked to leave.
fn asked(lab: &Lab) -> Vec<String> {
    let evictions = lab
        .api
        .writes()
        .into_iter()
        .filter(|seen| seen.path.ends_with("/eviction"));
    evictions.map(|seen| seen.path).collect()
}

#[tokio::test(start_paused = true)]
async fn a_round_does_not_wait_for_them_and_asks_nobody_twice() {
    let mut evictions = EvictionTasks::default();
    let lab = slow(&mut evictions).await;
    let begun = tokio::time::Instant::now();
    let hold = Action::new(ActionKind::Hold { node: name() }, "beside it");
    let outcomes = act(&lab.ctx, &mut evictions, vec![evict(), hold]).await;
    assert_eq!(outcomes.steps[0].1, Outcome::UnderWay);
    assert_eq!(outcomes.steps[1].1, Outcome::Done);
    assert_eq!((begun.elapsed(), asked(&lab).len()), (Duration::ZERO, 1));

    tokio::time::sleep(HANGING).await;
    let outcomes = act(&lab.ctx, &mut evictions, vec![evict()]).await;
    let Outcome::Evicted(done) = &outcomes.steps[0].1 else {
        panic!("{:?}", outcomes.steps);
    };
    assert_eq!((done.failed.len(), done.accepted, asked(&lab).len()), (1, 1, 2));
}

#[tokio::test(start_paused = true)]
async fn whatever_else_is_done_to_a_node_waits_until_they_have_stopped() {
    let mut evictions = EvictionTasks::default();
    let lab = slow(&mut evictions).await;
    let hold = Action::new(ActionKind::Hold { node: name() }, "somebody paused it");
    let outcomes = act(&lab.ctx, &mut evictions, vec![hold]).await;
    assert_eq!(outcomes.steps[0].1, Outcome::Done);
    tokio::time::sleep(HANGING).await;
    assert_eq!(asked(&lab).len(), 1, "no pod was asked after that");
}

#[tokio::test(start_paused = true)]
async fn they_end_with_the_leadership() {
    let mut evictions = EvictionTasks::default();
    let lab = slow(&mut evictions).await;
    drop(evictions);
    tokio::time::sleep(HANGING).await;
    assert_eq!(asked(&lab).len(), 1);
}
