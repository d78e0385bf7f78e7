//! A scripted life of a policy, with a fault at every write site: the end is that of the life without faults.
//!
//! Here on the real control plane, for a few seeds; in memory for many, with stale caches, outages and two replicas
//! besides. `FAULT_SEED=7` replays one seed, `FAULT_SEEDS=1-200` runs a range.

mod ground;
mod inject;
mod life;
mod memory;
mod migration;
mod snapshot;

use crate::bed::{Bed, Operator, PATIENCE, Wanted};
use ground::Ground;
use inject::{Faults, Life, cases};
use life::{Cast, ZONE, crash_at_seven, live, one_node};
use std::collections::BTreeSet;
use std::time::Duration;
use vpc_cni_operator::write::WriteSite;
use vpccni_testbed::fixtures::{self, AwsNode};
use vpccni_testbed::scene::{SceneOptions, wait_rolled_out};

const SEEDS: [u64; 5] = [1, 2, 3, 4, 5];

/// Short beside what a write takes to show, long enough not to load two cores.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// Longer than the interval at which EC2 is read.
const CALM: Duration = Duration::from_secs(6);

/// A bed, and a client of its administrator.
struct RealGround {
    bed: Bed,
    client: kube::Client,
}

impl Ground for RealGround {
    fn client(&self) -> &kube::Client {
        &self.client
    }

    fn pod_subnet(&self) -> String {
        self.bed.scene.cloud.zones[ZONE].pods.to_string()
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }

    fn calm(&self) -> Duration {
        CALM
    }

    async fn news(&self) {
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }

    async fn apply(&self, manifest: &str) {
        self.bed.apply(manifest).await;
    }

    async fn operator(&self, wanted: Wanted) -> Operator {
        self.bed.another(wanted).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_at_any_write_changes_nothing_about_the_end() {
    let bed = Bed::without_operator(SceneOptions {
        groups: one_node(),
        ..SceneOptions::default()
    })
    .await;
    crash_at_seven(&bed.scene.kubelets);
    let client = bed.scene.plane.client();
    let ground = RealGround { bed, client };
    let expected = live(&ground, &Cast::alone(Faults::none()), None).await;
    let in_memory = tokio::task::spawn_blocking(memory::faultless_end).await.unwrap();
    for (real, memory) in [
        (&expected.policy, &in_memory.policy),
        (&expected.released, &in_memory.released),
    ] {
        assert_eq!(
            snapshot::difference(real, memory),
            "",
            "in memory the end is another"
        );
    }
    for seed in seeds(&SEEDS) {
        reset(&ground.bed).await;
        let cast = Cast::alone(Faults::of_seed(Life::Policy, seed));
        eprintln!("FAULT_SEED={seed}: {}", cast.faults.describe());
        live(&ground, &cast, Some(&expected)).await;
        let missed = cast.faults.missed();
        assert!(
            missed.is_empty(),
            "FAULT_SEED={seed}: the script never came to {missed:?}"
        );
    }
    ground.bed.shutdown().await;
}

/// The usual ones; one with `FAULT_SEED=7`; a range with `FAULT_SEEDS=1-200`.
fn seeds(usual: &[u64]) -> Vec<u64> {
    if let Ok(seed) = std::env::var("FAULT_SEED") {
        return vec![seed.parse().unwrap()];
    }
    let Ok(range) = std::env::var("FAULT_SEEDS") else {
        return usual.to_vec();
    };
    let (first, last) = range.split_once('-').unwrap();
    (first.parse().unwrap()..=last.parse().unwrap()).collect()
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
    assert_eq!(exempt, ["update_addon", "delete_claim", "lease"]);
}

#[test]
fn two_seeds_hit_every_site_before_and_after_its_effect() {
    let sites: BTreeSet<WriteSite> = cases()
        .filter_map(|(site, case)| case.ok().map(|_| site))
        .collect();
    let both = sites.into_iter().flat_map(|site| [(site, false), (site, true)]);
    let lives = [Life::Policy, Life::Groups, Life::Karpenter];
    let hit: BTreeSet<(WriteSite, bool)> = lives
        .into_iter()
        .flat_map(|life| [1, 2].map(|seed| Faults::of_seed(life, seed)))
        .flat_map(|faults| faults.hits().collect::<Vec<_>>())
        .collect();
    assert_eq!(hit, both.collect());
}
