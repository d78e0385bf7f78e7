//! Snapshots of a cluster in memory: the plan made of one is the plan that the watches and ports of the operator give.

use crate::golden::{path, updating};
use jiff::Timestamp;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use vpccni_api::CniPolicy;
use vpccni_core::policy::{Fights, plan};
use vpccni_core::ports::{Ec2, Eks};
use vpccni_observe::deep::Deep;
use vpccni_observe::inventory::{Budget, InventoryCache};
use vpccni_observe::policy::{Counts, Door, Eyes, Observed, Recall, observe, scope};
use vpccni_observe::snapshot::{GroupPorts, Snapshot, Source, no_aws};
use vpccni_observe::stores::Stores;
use vpccni_testbed::cloud::PodNetwork;
use vpccni_testbed::memory::{MemoryCluster, Setting, start_clock, virtual_now};
use vpccni_testbed::sandbox::{Options, Sandbox};
use vpccni_testbed::scene::GroupSpec;

/// Virtual: aws-node is on every node within seconds.
const SETTLE: Duration = Duration::from_mins(1);

const ZONES: [&str; 2] = ["us-west-2a", "us-west-2b"];

/// Old nodes, one of them changed in place, new ones, and a group whose kubelets promise too much.
fn groups() -> Vec<GroupSpec> {
    let group = |name, zone, max_pods, count, network| GroupSpec {
        name,
        zone,
        instance_type: "m5.large",
        max_pods,
        count,
        network,
    };
    vec![
        group("blue", ZONES[0], 29, 2, PodNetwork::SECONDARY),
        group("green", ZONES[1], 110, 1, PodNetwork::PREFIX),
        group("packed", ZONES[1], 110, 1, PodNetwork::SECONDARY),
    ]
}

fn setting() -> &'static Setting {
    static SETTING: OnceLock<Setting> = OnceLock::new();
    SETTING.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(async {
            let options = Options {
                region: "us-west-2".to_owned(),
                ..Options::default()
            };
            let sandbox = Sandbox::start(options).await.unwrap();
            let setting = Setting::new(&sandbox, &ZONES, &groups()).unwrap();
            let mixed = &setting.nodes[1].instance_id;
            setting.cloud.flip_to_prefixes(mixed).unwrap();
            setting
        })
    })
}

/// Runs a story on a cluster whose aws-node is up.
fn on_a_cluster<F: Future>(story: impl FnOnce(kube::Client) -> F) -> F::Output {
    let setting = setting();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    runtime.unwrap().block_on(async {
        start_clock();
        let cluster = MemoryCluster::start(setting, 1).await.unwrap();
        tokio::time::sleep(SETTLE).await;
        story(cluster.api.client()).await
    })
}

fn policy(rest: &str) -> CniPolicy {
    let text = format!(
        "apiVersion: vpccni.io/v1alpha1\nkind: CniPolicy\nmetadata: {{name: default}}\nspec:\n  managementState: \
         Manage\n  ownership: {{takeOverFrom: [kubectl]}}\n{rest}"
    );
    serde_norway::from_str(&text).unwrap()
}

async fn take(client: &kube::Client, policy: Option<&CniPolicy>) -> Snapshot {
    let ports = Arc::new(setting().ports.clone());
    let source = Source {
        policy,
        cluster_name: Some("demo".to_owned()),
        ec2: ports.clone(),
        eks: ports.clone(),
        groups: Some(GroupPorts {
            scaling: ports.clone(),
            templates: ports.clone(),
            node_groups: ports,
        }),
        now: virtual_now(),
        by: "the tests".to_owned(),
    };
    Snapshot::take(client, source).await.unwrap()
}

/// As the operator looks: watches, and ports that are asked.
async fn as_the_operator(client: &kube::Client, policy: &CniPolicy, now: Timestamp) -> Observed {
    let mut tasks: JoinSet<Result<(), ()>> = JoinSet::new();
    let stores = Stores::start(client, scope(policy), &mut tasks, &CancellationToken::new());
    stores.synced().await;
    let ports = Arc::new(setting().ports.clone());
    let (ec2, eks): (Arc<dyn Ec2>, Arc<dyn Eks>) = (ports.clone(), ports);
    let budget = Budget {
        gap: jiff::SignedDuration::ZERO,
        reservations: 200,
    };
    let eyes = Eyes {
        stores,
        inventory: Arc::new(InventoryCache::new(ec2.clone(), eks.clone(), budget)),
    };
    let door = Door {
        counts: Counts::Live(client),
        ec2: ec2.as_ref(),
        eks: eks.as_ref(),
        cluster_name: Some("demo"),
        now,
    };
    let fights = Fights::default();
    observe(&door, &eyes, &mut Recall::default(), policy, fights, Deep::Full)
        .await
        .unwrap()
}

#[test]
fn a_plan_of_a_snapshot_is_that_of_the_cluster() {
    on_a_cluster(|client| async move {
        for rest in [
            "  ipAllocation: {mode: Prefix}",
            "  ipAllocation: {warmEniTarget: 2}",
            "  customNetworking: {enabled: true, labelKey: topology.kubernetes.io/zone}",
        ] {
            let policy = policy(rest);
            let taken = take(&client, None).await;
            let read = Snapshot::parse(&taken.text().unwrap()).unwrap();
            assert_eq!(read, taken);
            let there = read.observe(&policy).await.unwrap().observed;
            let here = as_the_operator(&client, &policy, read.taken_at()).await;
            assert_eq!(there.world.seen, here.world.seen, "{rest}");
            assert_eq!(there.world.target, here.world.target, "{rest}");
            assert_eq!(plan(&there.world), plan(&here.world), "{rest}");
            assert!(!plan(&here.world).verdict.differs.is_empty(), "{rest}");
        }
    });
}

#[test]
fn without_aws_a_plan_says_what_it_does_not_know() {
    on_a_cluster(|client| async move {
        let (ec2, eks) = no_aws("no region: set AWS_REGION");
        let source = Source {
            policy: None,
            cluster_name: None,
            ec2,
            eks,
            groups: None,
            now: virtual_now(),
            by: "the tests".to_owned(),
        };
        let snapshot = Snapshot::take(&client, source).await.unwrap();
        let policy = policy("  ipAllocation: {mode: Prefix}");
        let read = Snapshot::parse(&snapshot.text().unwrap()).unwrap();
        let observed = read.observe(&policy).await.unwrap().observed;
        let said = observed.inventory.failures.iter().map(ToString::to_string);
        assert!(
            said.clone().any(|text| text.contains("set AWS_REGION")),
            "{:?}",
            said.collect::<Vec<_>>()
        );
        assert!(plan(&observed.world).verdict.refused);
    });
}

#[test]
fn the_committed_snapshot_is_of_the_version_that_is_written() {
    let file = path("data/cluster.json");
    if updating() {
        on_a_cluster(|client| async move {
            let text = take(&client, None).await.text().unwrap();
            std::fs::write(&file, text).unwrap();
        });
        return;
    }
    let committed = std::fs::read_to_string(&file).unwrap();
    let snapshot = Snapshot::parse(&committed).unwrap();
    assert!(
        snapshot.text().unwrap() == committed,
        "{} has another form than snapshots have now; mend it with UPDATE_GOLDEN=1 cargo test -p vpccni-kubectl",
        file.display()
    );
}
