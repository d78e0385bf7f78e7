//! The life of one policy, from its first apply to its release, while operators are killed and started as the faults
//! ask. It is the same on every ground.

use super::ground::{
    self, DAEMON_SET, ENI_CONFIGS, Ground, NODE_STATES, POLICY, condition, found, gone, sees, variable,
};
use super::inject::{Faults, Hold};
use super::snapshot::{self, after_release, of_policy};
use crate::bed::{Wanted, policy};
use serde_json::Value;
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use vpc_cni_operator::run::LeaseOptions;
use vpccni_testbed::cloud::PodNetwork;
use vpccni_testbed::nodes::{Conduct, Kubelets, env_is};
use vpccni_testbed::scene::GroupSpec;

pub(super) const ZONE: &str = "us-west-2a";

/// One node: every rollout is over in a second.
pub(super) fn one_node() -> Vec<GroupSpec> {
    vec![GroupSpec {
        name: "blue",
        zone: ZONE,
        instance_type: "m5.large",
        max_pods: 29,
        count: 1,
        network: PodNetwork::SECONDARY,
    }]
}

/// The rollout that the script wants to see fail.
pub(super) fn crash_at_seven(kubelets: &Kubelets) {
    kubelets.conduct(|pod| {
        env_is(pod, "aws-node", "WARM_ENI_TARGET", "7").then(|| Conduct::CrashLoop {
            container: "aws-node".to_owned(),
            message: "ipamd ends".to_owned(),
        })
    });
}

/// The state at the end of the policy, and after it is deleted.
#[derive(Debug, PartialEq)]
pub(super) struct End {
    pub(super) policy: Value,
    pub(super) released: Value,
}

/// Who acts, and what happens to it.
pub(super) struct Cast {
    pub(super) faults: Arc<Faults>,
    /// What holds back what operators see, where the ground can.
    pub(super) hold: Option<Hold>,
    /// The names of the replicas, and the Lease they stand for; one that is alone needs none.
    pub(super) replicas: Vec<&'static str>,
    pub(super) lease: Option<LeaseOptions>,
}

impl Cast {
    /// One operator.
    pub(super) fn alone(faults: Faults) -> Self {
        Self {
            faults: Arc::new(faults),
            hold: None,
            replicas: vec!["test-0"],
            lease: None,
        }
    }
}

/// Lives through the script; each replica that is killed is replaced.
pub(super) async fn live<G: Ground>(ground: &G, cast: &Cast, expected: Option<&End>) -> End {
    beside_operators(ground, cast, async {
        let policy = script(ground, expected.map(|end| &end.policy)).await;
        ground::delete(ground, POLICY).await;
        let released = settled(ground, expected.map(|end| &end.released), || {
            after_release(ground)
        })
        .await;
        End { policy, released }
    })
    .await
}

/// Plays a script while the operators of the cast run; each that is killed is replaced.
pub(super) async fn beside_operators<G: Ground, T>(
    ground: &G,
    cast: &Cast,
    script: impl Future<Output = T>,
) -> T {
    let over = CancellationToken::new();
    let keep = async |identity: &'static str| {
        let (killed, mut kills) = mpsc::unbounded_channel();
        loop {
            let wanted = Wanted {
                gate: Some(cast.faults.gate(killed.clone(), cast.hold.clone())),
                identity: Some(identity),
                lease: cast.lease.clone(),
                ..Wanted::default()
            };
            let operator = ground.operator(wanted).await;
            tokio::select! {
                Some(()) = kills.recv() => operator.kill().await,
                () = over.cancelled() => return operator.stop().await,
            }
        }
    };
    let keepers = futures::future::join_all(cast.replicas.iter().map(|identity| keep(identity)));
    let script = async {
        let end = script.await;
        over.cancel();
        end
    };
    tokio::join!(keepers, script).1
}

fn manage(rest: &str) -> String {
    policy(&format!(
        "managementState: Manage\nownership: {{takeOverFrom: [kubectl]}}\n{rest}"
    ))
}

/// Every kind of write the operator makes, in the life of one policy.
async fn script<G: Ground>(ground: &G, expected: Option<&Value>) -> Value {
    let warm = |value| format!("ipAllocation: {{warmEniTarget: {value}}}\n");
    let more = format!(
        "podSecurityGroups: {{branchEniCooldownSeconds: 60}}\nadmission: {{mode: Deny}}\ncustomNetworking:\n  \
         labelKey: topology.kubernetes.io/zone\n  eniConfigs:\n  - {{name: {ZONE}, zone: {ZONE}, subnet: {{id: {}}}}}\n",
        ground.pod_subnet()
    );
    ground
        .apply(&policy(&format!("managementState: Observe\n{}", warm(2))))
        .await;
    condition(ground, "Ready", "True", "Observing").await;
    ground.apply(&manage(&(warm(2) + &more))).await;
    condition(ground, "Ready", "True", "Applied").await;
    let eni_config = format!("{ENI_CONFIGS}/{ZONE}");
    sees(ground, "the ENIConfig", || found(ground, &eni_config)).await;
    ground.apply(&manage(&(warm(7) + &more))).await;
    condition(ground, "Stalled", "True", "RolloutStalled").await;
    // The condition speaks of the pods; a stop that failed is tried again.
    sees(ground, "the rollout stopped", || async {
        let strategy = &found(ground, DAEMON_SET).await?["spec"]["updateStrategy"];
        if strategy["type"] == "OnDelete" {
            Ok(())
        } else {
            Err(strategy.to_string())
        }
    })
    .await;
    ground.apply(&manage(&(warm(3) + &more))).await;
    condition(ground, "Ready", "True", "Applied").await;
    ground
        .apply(&manage("logging: {level: Warn}\nipAllocation: {mode: Prefix}"))
        .await;
    condition(ground, "Stalled", "True", "UnsafeChange").await;
    let daemon_set = sees(ground, "the DaemonSet", || found(ground, DAEMON_SET)).await;
    let prefixes = variable(&daemon_set, "ENABLE_PREFIX_DELEGATION");
    assert_eq!(prefixes, Some("false"), "it was refused");
    ground.apply(&manage("logging: {level: Warn}")).await;
    condition(ground, "Ready", "True", "Applied").await;
    ground
        .apply(&manage(
            "logging: {level: Warn}\nunset: [WARM_ENI_TARGET, amazon-vpc-cni/branch-eni-cooldown]",
        ))
        .await;
    condition(ground, "Ready", "True", "Applied").await;
    stray_state(ground).await;
    settled(ground, expected, || of_policy(ground)).await
}

/// A CniNodeState of a node that is gone.
async fn stray_state<G: Ground>(ground: &G) {
    ground
        .apply("apiVersion: vpccni.io/v1alpha1\nkind: CniNodeState\nmetadata: {name: gone}\nspec: {}")
        .await;
    gone(ground, &format!("{NODE_STATES}/gone")).await;
}

/// What a look finds once it is as expected; where nothing is, once it is the same for a while.
pub(super) async fn settled<G: Ground, F: Future<Output = Result<Value, String>>>(
    ground: &G,
    expected: Option<&Value>,
    look: impl Fn() -> F,
) -> Value {
    let last = Mutex::new(None);
    sees(ground, "the same end", || async {
        if let Some(wanted) = expected {
            let now = look().await?;
            let difference = snapshot::difference(wanted, &now);
            return if difference.is_empty() {
                Ok(now)
            } else {
                Err(difference)
            };
        }
        // The wait is what is asked: whether it stays so.
        tokio::time::sleep(ground.calm()).await;
        let now = look().await?;
        if last.lock().unwrap().replace(now.clone()) == Some(now.clone()) {
            Ok(now)
        } else {
            Err("a change".to_owned())
        }
    })
    .await
}
