//! Whose a key is: what is left alone, taken over, released, removed, put back, and given up.

use crate::bed::{Bed, Wanted, message, owners, policy};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use vpc_cni_operator::run::release;
use vpccni_testbed::scene::SceneOptions;

const OURS: &str = "vpc-cni-operator";
const RELEASED: &str = "vpc-cni-operator-released";
const WARM: &str = "WARM_ENI_TARGET";

fn manage(rest: &str) -> String {
    policy(&format!(
        "managementState: Manage\nownership: {{takeOverFrom: [kubectl]}}\n{rest}"
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_others_are_left_or_taken_and_what_is_let_go_stays() {
    let bed = Bed::start(SceneOptions::default()).await;
    left_alone(&bed).await;
    taken_over(&bed).await;
    no_longer_named(&bed).await;
    removed(&bed).await;
    bed.shutdown().await;
}

async fn left_alone(bed: &Bed) {
    bed.apply(&policy(
        "managementState: Manage\nipAllocation: {warmEniTarget: 2}",
    ))
    .await;
    let stalled = bed.condition("Stalled", "True", "OwnedByOther").await;
    let said = message(&stalled, "Stalled");
    for part in [
        WARM,
        "kubectl-client-side-apply",
        "\"1\"",
        "\"2\"",
        "takeOverFrom",
    ] {
        assert!(said.contains(part), "{part} is missing in: {said}");
    }
    bed.condition("ConfigApplied", "False", "OwnedByOther").await;
    // One that reconciles cannot be listed, and is left even where a prefix of its name is.
    bed.set_by_hand("argocd-controller", "WARM_PREFIX_TARGET", "3")
        .await;
    let prefix = "managementState: Manage\nownership: {takeOverFrom: [kubectl, argo]}";
    bed.apply(&policy(&format!(
        "{prefix}\nipAllocation: {{warmPrefixTarget: 2}}"
    )))
    .await;
    let stalled = bed.condition("Stalled", "True", "OwnedByOther").await;
    assert!(
        message(&stalled, "Stalled").contains("argocd-controller"),
        "{}",
        message(&stalled, "Stalled")
    );
    assert_eq!(bed.variable("WARM_PREFIX_TARGET").await.as_deref(), Some("3"));
    assert_eq!(bed.variable(WARM).await.as_deref(), Some("1"));
}

async fn taken_over(bed: &Bed) {
    bed.apply(&manage("ipAllocation: {warmEniTarget: 2}")).await;
    bed.condition("Ready", "True", "Applied").await;
    bed.event(
        "KeysTakenOver",
        "WARM_ENI_TARGET 1 -> 2 (was kubectl-client-side-apply)",
    )
    .await;
    assert_eq!(owners(&bed.daemon_set().await, WARM), [OURS]);
}

async fn no_longer_named(bed: &Bed) {
    bed.apply(&manage("logging: {level: Debug}")).await;
    let ready = bed.condition("Ready", "True", "Applied").await;
    assert_eq!(owners(&bed.daemon_set().await, WARM), [RELEASED]);
    assert_eq!(bed.variable(WARM).await.as_deref(), Some("2"));
    let released = &ready["status"]["released"];
    assert_eq!(*released, serde_json::json!([{"key": WARM, "value": "2"}]));
    bed.event("KeysReleased", WARM).await;
}

async fn removed(bed: &Bed) {
    bed.apply(&manage("logging: {level: Debug}\nunset: [WARM_ENI_TARGET]"))
        .await;
    bed.condition("Ready", "True", "Applied").await;
    assert_eq!(bed.variable(WARM).await, None);
    bed.event("KeysUnset", WARM).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_put_back_a_fight_is_not_fought_and_a_deleted_policy_owns_nothing() {
    let bed = Bed::start(SceneOptions::default()).await;
    bed.apply(&manage("ipAllocation: {warmEniTarget: 2}")).await;
    bed.condition("Ready", "True", "Applied").await;
    bed.set_by_hand("eve", WARM, "5").await;
    bed.event("DriftCorrected", "WARM_ENI_TARGET 5 -> 2 (was eve)")
        .await;
    bed.sees("the value of the policy", || async {
        value_is(&bed, WARM, "2").await
    })
    .await;
    fight(&bed).await;
    // A person gives in: the fight is over, the policy is deleted.
    bed.kubectl(&["delete", "cnip", "default", "--wait"]).await;
    given_up(&bed).await;
    assert_eq!(bed.variable(WARM).await.as_deref(), Some("7"));
    bed.event("PolicyReleased", "kube-system/aws-node").await;
    bed.shutdown().await;
}

/// Somebody sets the value back at once, each time.
async fn fight(bed: &Bed) {
    let writes = || async { written(&bed.operator().metrics().await, "apply_daemon_set") };
    let before = writes().await;
    let over = CancellationToken::new();
    let insists = async {
        while !over.is_cancelled() {
            if value_is(bed, WARM, "7").await.is_err() {
                bed.set_by_hand("mallory", WARM, "7").await;
            }
            tokio::task::yield_now().await;
        }
    };
    let stalls = async {
        let stalled = bed.condition("Stalled", "True", "RevertedByOther").await;
        over.cancel();
        stalled
    };
    let ((), stalled) = tokio::join!(insists, stalls);
    let said = message(&stalled, "Stalled");
    assert!(said.contains(WARM) && said.contains("mallory"), "{said}");
    let made = writes().await - before;
    assert!(
        made <= 3,
        "{made} writes against somebody who writes again and again"
    );
    assert_eq!(bed.variable(WARM).await.as_deref(), Some("7"));
    bed.event("RevertedByOther", "mallory").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_uninstall_gives_everything_up() {
    let mut bed = Bed::start(SceneOptions::default()).await;
    let spec = "ipAllocation: {warmEniTarget: 2}\npodSecurityGroups: {branchEniCooldownSeconds: 60}\n\
                networkPolicy: {agent: {maxConcurrentReconciles: 4}}\nunset: [--enable-cloudwatch-logs]";
    bed.apply(&manage(spec)).await;
    bed.condition("Ready", "True", "Applied").await;
    bed.stop_operator().await;
    release(bed.run_options(Wanted::default()).await).await.unwrap();
    given_up(&bed).await;
    assert_eq!(bed.variable(WARM).await.as_deref(), Some("2"));
    let args = &bed.daemon_set().await["spec"]["template"]["spec"]["containers"];
    let has = |flag: &str| args.to_string().contains(flag);
    assert!(has("--max-concurrent-reconciles=4"), "{args}");
    assert!(!has("--enable-cloudwatch-logs"), "{args}");
    let map = bed
        .get(&["-n", "kube-system", "configmap", "amazon-vpc-cni"])
        .await;
    assert_eq!(map["data"]["branch-eni-cooldown"], "60");
    bed.event("PolicyReleased", "").await;
    bed.shutdown().await;
}

/// No field of the DaemonSet and the ConfigMap is ours any more.
async fn given_up(bed: &Bed) {
    for object in ["daemonset/aws-node", "configmap/amazon-vpc-cni"] {
        bed.sees(&format!("no field of ours in {object}"), || async {
            let managed = bed.get(&["-n", "kube-system", object]).await["metadata"]["managedFields"].clone();
            let ours = |entry: &&Value| entry["manager"] == OURS;
            match managed.as_array().unwrap().iter().find(ours) {
                Some(entry) => Err(entry.to_string()),
                None => Ok(()),
            }
        })
        .await;
    }
}

async fn value_is(bed: &Bed, name: &str, value: &str) -> Result<(), String> {
    let seen = bed.variable(name).await;
    if seen.as_deref() == Some(value) {
        Ok(())
    } else {
        Err(format!("{name} is {seen:?}"))
    }
}

/// How often a site has changed something.
fn written(metrics: &str, site: &str) -> u64 {
    let labels = [format!("site=\"{site}\""), "outcome=\"written\"".to_owned()];
    let lines = metrics
        .lines()
        .filter(|line| line.starts_with("vpccni_operator_writes_total{"));
    let lines = lines.filter(|line| labels.iter().all(|label| line.contains(label)));
    lines
        .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
        .sum()
}
