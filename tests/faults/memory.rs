//! The same life in memory, on a paused clock: hundreds of seeds in the time that one takes on a real control plane, and
//! faults that would take minutes there.

use super::ground::{Ground, sees, variable};
use super::inject::{Faults, Hold, Life};
use super::life::{Cast, End, ZONE, crash_at_seven, live, one_node};
use super::seeds;
use crate::bed::{Operator, Wanted, logs, settings};
use futures::future::LocalBoxFuture;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::time::Instant;
use vpc_cni_operator::lease::Timings;
use vpc_cni_operator::run::{Cloud, LeaseOptions, RunOptions};
use vpccni_testbed::memory::{MemoryApi, MemoryCluster, Setting, start_clock, virtual_now};
use vpccni_testbed::sandbox::{Options, Sandbox};

/// What `cargo xtask test` runs of the fault at every write.
const MANY: u64 = 200;

/// What it runs of the others.
const SOME: u64 = 5;

/// Virtual: longer than an outage of a minute and the longest back-off after it.
const PATIENCE: Duration = Duration::from_mins(15);

/// Virtual: longer than any loop waits before it looks again without being woken.
const CALM: Duration = Duration::from_secs(150);

/// How long the API server is away.
const OUTAGE: Duration = Duration::from_mins(1);

/// What operators watch.
const WATCHED: [&str; 7] = [
    "cnipolicies",
    "nodes",
    "pods",
    "daemonsets",
    "configmaps",
    "eniconfigs",
    "cninodestates",
];

/// A cluster in memory with what it was set up from.
struct InMemory<'a> {
    cluster: MemoryCluster,
    client: kube::Client,
    setting: &'a Setting,
}

impl<'a> InMemory<'a> {
    async fn start(setting: &'a Setting, seed: u64) -> Self {
        let cluster = MemoryCluster::start(setting, seed).await.unwrap();
        crash_at_seven(&cluster.kubelets);
        let client = cluster.api.client();
        let ground = Self {
            cluster,
            client,
            setting,
        };
        sees(&ground, "aws-node on every node", || async {
            let set = super::ground::found(&ground, super::ground::DAEMON_SET).await?;
            if set["status"]["numberAvailable"] == ground.setting.nodes.len() {
                Ok(())
            } else {
                Err(set["status"].to_string())
            }
        })
        .await;
        ground
    }
}

impl Ground for InMemory<'_> {
    fn client(&self) -> &kube::Client {
        &self.client
    }

    fn pod_subnet(&self) -> String {
        self.setting.cloud.zones[ZONE].pods.to_string()
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }

    fn calm(&self) -> Duration {
        CALM
    }

    /// All that is looked at is in the API server; where it does not answer, nothing happens there.
    async fn news(&self) {
        self.cluster.api.news(Duration::from_secs(1)).await;
    }

    async fn apply(&self, manifest: &str) {
        super::ground::apply(self, manifest).await;
    }

    async fn operator(&self, wanted: Wanted) -> Operator {
        let ports = Arc::new(self.setting.ports.clone());
        Operator::start(RunOptions {
            client: Some(self.cluster.api.client()),
            cloud: Some(Cloud::of(&ports)),
            lease: wanted.lease,
            gate: wanted.gate,
            clock: virtual_now,
            signals: false,
            ..RunOptions::new(settings(wanted.identity), ([127, 0, 0, 1], 0).into())
        })
        .await
    }
}

/// Says what led to a failure: the seed, the faults and every write.
pub(super) struct Witness<'a> {
    pub(super) seed: u64,
    pub(super) faults: &'a Faults,
    pub(super) api: MemoryApi,
}

impl Drop for Witness<'_> {
    #[expect(clippy::print_stderr, reason = "a failure says what led to it")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "FAULT_SEED={}: {}\n{}",
                self.seed,
                self.faults.describe(),
                self.api.journal().join("\n")
            );
        }
    }
}

/// A life without faults, against which the others are held.
struct Faultless {
    end: End,
    lasted: Duration,
    writes: u32,
}

/// What a story has of a seed.
struct Stage<'a> {
    seed: u64,
    setting: &'a Setting,
    expected: &'a Faultless,
}

impl Stage<'_> {
    /// Lives, with something else going on beside; the end must be the usual one, and nothing refused was applied.
    async fn live(&self, cast: &Cast, ground: &InMemory<'_>, beside: impl Future<Output = ()>) {
        let witness = Witness {
            seed: self.seed,
            faults: &cast.faults,
            api: ground.cluster.api.clone(),
        };
        tokio::join!(live(ground, cast, Some(&self.expected.end)), beside);
        for daemon_set in witness.api.history("daemonsets", "kube-system", "aws-node") {
            assert_eq!(variable(&daemon_set, "ENABLE_PREFIX_DELEGATION"), Some("false"));
        }
        let missed = cast.faults.missed();
        assert!(missed.is_empty(), "the script never came to {missed:?}");
    }
}

pub(super) fn setting() -> &'static Setting {
    static SETTING: OnceLock<Setting> = OnceLock::new();
    SETTING.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(async {
            let sandbox = Sandbox::start(Options {
                region: "us-west-2".to_owned(),
                ..Options::default()
            });
            Setting::new(
                &sandbox.await.unwrap(),
                &["us-west-2a", "us-west-2b"],
                &one_node(),
            )
            .unwrap()
        })
    })
}

/// All chance of this thread follows from the seed, and time passes only while nobody has anything to do.
pub(super) fn on_paused_clock<T>(seed: u64, work: impl Future<Output = T>) -> T {
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    runtime.unwrap().block_on(async {
        start_clock();
        work.await
    })
}

fn faultless(cast: &Cast) -> Faultless {
    let setting = setting();
    on_paused_clock(0, async {
        let ground = InMemory::start(setting, 0).await;
        let begun = Instant::now();
        let end = live(&ground, cast, None).await;
        Faultless {
            end,
            lasted: begun.elapsed(),
            writes: cast.faults.writes(),
        }
    })
}

/// The end in memory, to be held against that on the real control plane.
pub(super) fn faultless_end() -> End {
    faultless(&Cast::alone(Faults::none())).end
}

/// Plays the story for every seed, on as many threads as there are cores.
fn for_seeds(
    usual: u64,
    expected: &Faultless,
    story: impl for<'a> Fn(&'a Stage<'a>) -> LocalBoxFuture<'a, ()> + Sync,
) {
    play(usual, |seed| {
        let stage = Stage {
            seed,
            setting: setting(),
            expected,
        };
        on_paused_clock(seed, story(&stage));
    });
}

/// Plays something for every seed, on as many threads as there are cores; the first that fails ends it.
pub(super) fn play(usual: u64, story: impl Fn(u64) + Sync) {
    logs();
    let usual: Vec<u64> = (1..=usual).collect();
    let (seeds, next) = (seeds(&usual), AtomicUsize::new(0));
    let failed = Mutex::new(Vec::new());
    let work = || {
        while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
            if catch_unwind(AssertUnwindSafe(|| story(*seed))).is_err() {
                failed.lock().unwrap().push(*seed);
                // One log is enough to begin with.
                next.store(seeds.len(), Ordering::Relaxed);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "replay with FAULT_SEED={failed:?}");
}

#[test]
fn a_fault_at_any_write_changes_nothing_about_the_end_in_memory() {
    let expected = faultless(&Cast::alone(Faults::none()));
    for_seeds(MANY, &expected, |stage| {
        Box::pin(async move {
            let ground = InMemory::start(stage.setting, stage.seed).await;
            let cast = Cast::alone(Faults::of_seed(Life::Policy, stage.seed));
            stage.live(&cast, &ground, async {}).await;
        })
    });
}

#[test]
fn a_stale_cache_at_any_write_changes_nothing_about_the_end() {
    let expected = faultless(&Cast::alone(Faults::none()));
    for_seeds(SOME, &expected, |stage| {
        Box::pin(async move {
            let ground = InMemory::start(stage.setting, stage.seed).await;
            let cast = Cast {
                hold: Some(holding(&ground.cluster.api, stage.seed)),
                ..Cast::alone(Faults::stale(Life::Policy, stage.seed))
            };
            stage.live(&cast, &ground, async {}).await;
        })
    });
}

/// Holds back some of what operators watch, each time others.
fn holding(api: &MemoryApi, seed: u64) -> Hold {
    let (api, random) = (api.clone(), Mutex::new(fastrand::Rng::with_seed(seed)));
    Arc::new(move |lasts| {
        let mut random = random.lock().unwrap();
        let held: Vec<&str> = WATCHED.into_iter().filter(|_| random.bool()).collect();
        api.hold(&held, lasts);
    })
}

#[test]
fn an_api_server_that_is_away_for_a_minute_changes_nothing_about_the_end() {
    let expected = faultless(&Cast::alone(Faults::none()));
    for_seeds(SOME, &expected, |stage| {
        Box::pin(async move {
            let ground = InMemory::start(stage.setting, stage.seed).await;
            let cast = Cast::alone(Faults::none());
            let outage = async {
                tokio::time::sleep(stage.expected.lasted.mul_f64(fastrand::f64())).await;
                ground.cluster.api.go_away(OUTAGE);
            };
            stage.live(&cast, &ground, outage).await;
        })
    });
}

/// Two replicas, with the product's own periods.
fn two(faults: Faults) -> Cast {
    Cast {
        replicas: vec!["first", "second"],
        lease: Some(LeaseOptions {
            name: "vpc-cni-operator".to_owned(),
            timings: Timings::default(),
        }),
        ..Cast::alone(faults)
    }
}

#[test]
fn two_replicas_of_which_one_is_killed_at_any_write_come_to_the_same_end() {
    let alone = faultless(&Cast::alone(Faults::none()));
    let expected = faultless(&two(Faults::none()));
    assert_eq!(expected.end, alone.end);
    for_seeds(SOME, &expected, |stage| {
        Box::pin(async move {
            let ground = InMemory::start(stage.setting, stage.seed).await;
            let cast = two(Faults::one_kill(stage.seed, stage.expected.writes));
            stage.live(&cast, &ground, async {}).await;
        })
    });
}
