//! A scripted life of a policy, with a fault at every write site: the end is that of the life without faults.
//!
//! `FAULT_SEED=7` replays one seed, `FAULT_SEEDS=1-200` runs a range.

mod inject;
mod snapshot;

use crate::bed::{Bed, Wanted, policy};
use inject::{Faults, cases};
use serde_json::Value;
use snapshot::{after_release, of_policy};
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use vpccni_testbed::cloud::PodNetwork;
use vpccni_testbed::fixtures::{self, AwsNode};
use vpccni_testbed::nodes::{Conduct, env_is};
use vpccni_testbed::scene::{GroupSpec, SceneOptions, wait_rolled_out};

const SEEDS: [u64; 5] = [1, 2, 3, 4, 5];
const ZONE: &str = "us-west-2a";

/// One node: every rollout is over in a second.
fn options() -> SceneOptions {
    SceneOptions {
        groups: vec![GroupSpec {
            name: "blue",
            zone: ZONE,
            instance_type: "m5.large",
            max_pods: 29,
            count: 1,
            network: PodNetwork::SECONDARY,
        }],
        ..SceneOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_at_any_write_changes_nothing_about_the_end() {
    let bed = Bed::without_operator(options()).await;
    bed.scene.kubelets.conduct(|pod| {
        env_is(pod, "aws-node", "WARM_ENI_TARGET", "7").then(|| Conduct::CrashLoop {
            container: "aws-node".to_owned(),
            message: "ipamd ends".to_owned(),
        })
    });
    let expected = live(&bed, Arc::new(Faults::none()), None).await;
    for seed in seeds() {
        reset(&bed).await;
        let faults = Arc::new(Faults::of_seed(seed));
        eprintln!("FAULT_SEED={seed}: {}", faults.describe());
        live(&bed, Arc::clone(&faults), Some(&expected)).await;
        let missed = faults.missed();
        assert!(
            missed.is_empty(),
            "FAULT_SEED={seed}: the script never came to {missed:?}"
        );
    }
    bed.shutdown().await;
}

/// The usual five; one with `FAULT_SEED=7`; a range with `FAULT_SEEDS=1-200`.
fn seeds() -> Vec<u64> {
    if let Ok(seed) = std::env::var("FAULT_SEED") {
        return vec![seed.parse().unwrap()];
    }
    let Ok(range) = std::env::var("FAULT_SEEDS") else {
        return SEEDS.to_vec();
    };
    let (first, last) = range.split_once('-').unwrap();
    (first.parse().unwrap()..=last.parse().unwrap()).collect()
}

/// The state at the end of the policy, and after it is deleted.
struct End {
    policy: Value,
    released: Value,
}

/// Lives through the script while operators are killed and started as the faults ask.
async fn live(bed: &Bed, faults: Arc<Faults>, expected: Option<&End>) -> End {
    let (killed, mut kills) = mpsc::unbounded_channel();
    let over = CancellationToken::new();
    let keeper = async {
        loop {
            let wanted = Wanted {
                gate: Some(faults.gate(killed.clone())),
                ..Wanted::default()
            };
            let operator = bed.another(wanted).await;
            tokio::select! {
                Some(()) = kills.recv() => operator.kill().await,
                () = over.cancelled() => return operator.stop().await,
            }
        }
    };
    let script = async {
        let policy = script(bed, expected.map(|end| &end.policy)).await;
        bed.kubectl(&["delete", "cnip", "default", "--wait"]).await;
        let released = settled(bed, expected.map(|end| &end.released), || after_release(bed)).await;
        over.cancel();
        End { policy, released }
    };
    let ((), end) = tokio::join!(keeper, script);
    end
}

fn manage(rest: &str) -> String {
    policy(&format!(
        "managementState: Manage\nownership: {{takeOverFrom: [kubectl]}}\n{rest}"
    ))
}

/// Every kind of write the operator makes, in the life of one policy.
async fn script(bed: &Bed, expected: Option<&Value>) -> Value {
    let warm = |value| format!("ipAllocation: {{warmEniTarget: {value}}}\n");
    let more = format!(
        "podSecurityGroups: {{branchEniCooldownSeconds: 60}}\nadmission: {{mode: Deny}}\ncustomNetworking:\n  \
         labelKey: topology.kubernetes.io/zone\n  eniConfigs:\n  - {{name: {ZONE}, zone: {ZONE}, subnet: {{id: {}}}}}\n",
        bed.scene.cloud.zones[ZONE].pods
    );
    bed.apply(&policy(&format!("managementState: Observe\n{}", warm(2))))
        .await;
    bed.condition("Ready", "True", "Observing").await;
    bed.apply(&manage(&(warm(2) + &more))).await;
    bed.condition("Ready", "True", "Applied").await;
    bed.sees("the ENIConfig", || async {
        let get = ["get", "eniconfig", ZONE];
        bed.scene
            .plane
            .kubectl_ok(&get, None)
            .await
            .map_err(|error| error.to_string())
    })
    .await;
    bed.apply(&manage(&(warm(7) + &more))).await;
    bed.condition("Stalled", "True", "RolloutStalled").await;
    bed.apply(&manage(&(warm(3) + &more))).await;
    bed.condition("Ready", "True", "Applied").await;
    bed.apply(&manage("logging: {level: Warn}\nipAllocation: {mode: Prefix}"))
        .await;
    bed.condition("Stalled", "True", "UnsafeChange").await;
    assert_eq!(
        bed.variable("ENABLE_PREFIX_DELEGATION").await.as_deref(),
        Some("false"),
        "it was refused"
    );
    bed.apply(&manage("logging: {level: Warn}")).await;
    bed.condition("Ready", "True", "Applied").await;
    bed.apply(&manage(
        "logging: {level: Warn}\nunset: [WARM_ENI_TARGET, amazon-vpc-cni/branch-eni-cooldown]",
    ))
    .await;
    bed.condition("Ready", "True", "Applied").await;
    stray_state(bed).await;
    settled(bed, expected, || of_policy(bed)).await
}

/// A CniNodeState of a node that is gone.
async fn stray_state(bed: &Bed) {
    bed.apply("apiVersion: vpccni.io/v1alpha1\nkind: CniNodeState\nmetadata: {name: gone}\nspec: {}")
        .await;
    bed.sees("the state of no node gone", || async {
        let output = bed
            .scene
            .plane
            .kubectl(&["get", "cninodestate", "gone"], None)
            .await
            .unwrap();
        if output.status.success() {
            Err("it is there".to_owned())
        } else {
            Ok(())
        }
    })
    .await;
}

/// What a look finds once it is as expected; where nothing is, once two looks find the same.
async fn settled<F: Future<Output = Value>>(
    bed: &Bed,
    expected: Option<&Value>,
    look: impl Fn() -> F,
) -> Value {
    let last = Mutex::new(None);
    bed.sees("the same end", || async {
        let now = look().await;
        let before = last.lock().unwrap().replace(now.clone());
        match expected.cloned().or(before) {
            Some(wanted) if wanted == now => Ok(now),
            Some(wanted) => Err(snapshot::difference(&wanted, &now)),
            None => Err("the first look".to_owned()),
        }
    })
    .await
}

/// A fresh cluster but for its nodes.
async fn reset(bed: &Bed) {
    let plane = &bed.scene.plane;
    bed.kubectl(&["delete", "eniconfigs,cninodestates", "--all"])
        .await;
    bed.kubectl(&[
        "-n",
        "kube-system",
        "delete",
        "daemonset/aws-node",
        "configmap/amazon-vpc-cni",
    ])
    .await;
    bed.kubectl(&[
        "-n",
        "kube-system",
        "wait",
        "--for=delete",
        "pod",
        "-l",
        "k8s-app=aws-node",
    ])
    .await;
    fixtures::apply_aws_node(plane, &AwsNode::published())
        .await
        .unwrap();
    wait_rolled_out(plane).await.unwrap();
}

#[test]
fn every_write_site_has_a_case_or_a_reason_for_none() {
    let exempt: Vec<&str> = cases()
        .filter_map(|(site, case)| case.err().map(|_| site.name()))
        .collect();
    assert_eq!(exempt, ["update_addon", "lease"]);
}
