//! A cluster in memory whose nodes are made and ended by groups of a sandbox of its own, with a workload that a budget
//! guards. Its clocks are those of the runtime.

use super::super::ground::{DAEMON_SET, Ground, found, sees, send};
use super::super::inject::Life;
use super::super::memory::setting;
use crate::bed::{Operator, Wanted, settings};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use vpc_cni_operator::run::{Cloud, RunOptions};
use vpccni_core::ids::SubnetId;
use vpccni_core::user_data::{Family, encoded_with_max_pods};
use vpccni_testbed::fleet::Fleet;
use vpccni_testbed::memory::{LittleKarpenter, MemoryCluster, Setting, virtual_now};
use vpccni_testbed::sandbox::ClockKind;
use vpccni_testbed::sandbox::world::{
    GroupChange, Happened, LaunchData, NewNodegroup, NewTemplate, Settings, Sizes, Tags, TemplateKey,
    TemplateRef, Timings, UpdateRules,
};
use vpccni_testbed::sandbox::{Options, Sandbox};
use vpccni_testbed::scaling::FleetGroup;

/// Pods of the workload: more than one on most nodes.
pub(super) const REPLICAS: u32 = 6;

pub(super) const MIGRATIONS: &str = "/apis/vpccni.io/v1alpha1/cnimigrations";

/// Virtual: a node that is blocked, given back and replaced, and several back-offs.
const PATIENCE: Duration = Duration::from_mins(30);

/// Virtual: longer than any loop waits before it looks again without being woken.
const CALM: Duration = Duration::from_secs(150);

/// How long to wait for a change: what AWS keeps can change without one.
const IDLE: Duration = Duration::from_secs(5);

/// How often the clock of the sandbox is moved on.
const TICK: Duration = Duration::from_millis(250);

pub(super) const ZONE: &str = "us-west-2a";

/// What things take on AWS, shortened: nothing is over before the operator can see it begin.
fn timings() -> Timings {
    let seconds = Duration::from_secs;
    Timings {
        instance_start: seconds(3),
        instance_stop: seconds(4),
        terminated_visible: seconds(120),
        nodegroup_update: seconds(5),
        nodegroup_patience: Duration::from_mins(15),
        node_drain: Duration::from_mins(1),
        node_eviction: Duration::from_mins(15),
        scaling_step: seconds(1),
        scaling_health_check: seconds(10),
        scaling_retry: seconds(5),
        ..Timings::INSTANT
    }
}

pub(super) struct Replacing {
    pub(super) cluster: MemoryCluster,
    pub(super) sandbox: Arc<Sandbox>,
    pub(super) setting: Setting,
    client: kube::Client,
    _fleet: Fleet,
    _karpenter: Option<LittleKarpenter>,
    _beside: JoinSet<()>,
}

impl Replacing {
    pub(super) async fn start(life: Life, seed: u64) -> Self {
        let options = Options {
            region: "us-west-2".to_owned(),
            clock: ClockKind::Manual,
            seed,
            ..Options::default()
        };
        let sandbox = Arc::new(Sandbox::start(options).await.unwrap());
        let cloud = vpccni_testbed::cloud::Cloud::build(&sandbox, "demo", &[ZONE, "us-west-2b"]).unwrap();
        let setting = setting().in_world_of(&sandbox, cloud.clone());
        sandbox.world().write(|world| world.set_timings(timings()));
        let cluster = MemoryCluster::start(&setting, seed).await.unwrap();
        let client = cluster.api.client();
        let fleet = Fleet::start(client.clone(), &cluster.kubelets, cloud.clone(), sandbox.world());
        let mut beside = JoinSet::new();
        beside.spawn(time_passes(Arc::clone(&sandbox)));
        beside.spawn(eks_drains(Arc::clone(&sandbox), client.clone()));
        let karpenter = (life == Life::Karpenter).then(|| LittleKarpenter::start(&cluster, &cloud, ZONE));
        let ground = Self {
            cluster,
            sandbox,
            setting,
            client,
            _fleet: fleet,
            _karpenter: karpenter,
            _beside: beside,
        };
        if life == Life::Karpenter {
            ground.pools().await;
        } else {
            ground.groups();
        }
        let nodes = if life == Life::Karpenter { 4 } else { 5 };
        sees(&ground, "aws-node on every node", || async {
            let set = found(&ground, DAEMON_SET).await?;
            if set["status"]["numberAvailable"] == nodes {
                Ok(())
            } else {
                Err(set["status"].to_string())
            }
        })
        .await;
        ground
    }

    /// Groups of the user's own, one that follows `$Latest` and one that follows `$Default`; managed ones, one to be
    /// taken over from and one that EKS rolls.
    fn groups(&self) {
        let cloud = &self.setting.cloud;
        let group = |name, count| FleetGroup {
            name,
            zone: ZONE,
            instance_type: "m5.large",
            max_pods: 29,
            count,
            max: 4,
        };
        cloud.scaling_group(&group("newest", 2)).unwrap();
        cloud.scaling_group(&group("fixed", 1)).unwrap();
        let subnet = cloud.zones[ZONE].nodes.clone();
        self.sandbox.world().write(|now| {
            let mut source = now.scaling_group("fixed").unwrap().source.clone();
            source.template.version = Some("$Default".to_owned());
            let change = GroupChange {
                source: Some(source),
                ..GroupChange::default()
            };
            now.update_scaling_group("fixed", change).unwrap();
            let settings = [(
                "UserData".to_owned(),
                encoded_with_max_pods(None, 29, Family::Al2023).unwrap(),
            )];
            let template = NewTemplate {
                name: "rolled".to_owned(),
                description: None,
                data: LaunchData {
                    settings: Settings(settings.into()),
                    ..LaunchData::default()
                },
                tags: Tags::new(),
                token: None,
            };
            let template = now.create_template(template).unwrap().id.clone();
            for (name, template) in [("blue", None), ("rolled", Some(template))] {
                let new = managed(&cloud.cluster, name, &subnet, template);
                now.create_nodegroup(new).unwrap();
            }
        });
    }

    /// Two pools: one whose class has to change, and one whose class says what is wanted already.
    async fn pools(&self) {
        for (name, max_pods, nodes) in [("class", 29, 3), ("noted", 110, 1)] {
            let class = json!({"metadata": {"name": name}, "spec": {"kubelet": {"maxPods": max_pods}}});
            self.create("/apis/karpenter.k8s.aws/v1/ec2nodeclasses", &class)
                .await;
            let pool = json!({
                "metadata": {"name": name},
                "spec": {
                    "limits": {"nodes": nodes}, "disruption": {"budgets": [{"nodes": "1"}]},
                    "template": {"metadata": {}, "spec": {
                        "expireAfter": "720h",
                        "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": name},
                        "requirements": [{
                            "key": "karpenter.k8s.aws/instance-hypervisor", "operator": "In", "values": ["nitro"],
                        }],
                    }},
                },
            });
            self.create("/apis/karpenter.sh/v1/nodepools", &pool).await;
        }
    }

    pub(super) async fn create(&self, path: &str, object: &Value) {
        let path = format!("{path}?fieldManager=kubectl-create");
        send(self, "POST", &path, ("application/json", object)).await;
    }

    /// A merge patch by a person.
    pub(super) async fn merge(&self, path: &str, patch: &Value) {
        let path = format!("{path}?fieldManager=kubectl-edit");
        send(self, "PATCH", &path, ("application/merge-patch+json", patch)).await;
    }
}

async fn time_passes(sandbox: Arc<Sandbox>) {
    loop {
        tokio::time::sleep(TICK).await;
        sandbox.advance(TICK).unwrap();
    }
}

/// EKS asks for evictions again and again while it rolls a group, until the pods are gone.
async fn eks_drains(sandbox: Arc<Sandbox>, client: kube::Client) {
    let mut seen = 0;
    let mut draining: Vec<String> = Vec::new();
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (events, _) = sandbox.world().events_after(seen);
        for event in events {
            seen = event.number;
            if let Happened::NodeDrainRequested { instance, .. } = event.what {
                draining.push(instance);
            }
        }
        for instance in &draining {
            evict_all(&client, instance).await;
        }
    }
}

async fn nodes(client: &kube::Client) -> Vec<Value> {
    let request = http::Request::get("/api/v1/nodes").body(Vec::new()).unwrap();
    let list = client.request::<Value>(request).await.unwrap_or_default();
    list["items"].as_array().cloned().unwrap_or_default()
}

async fn name_of(client: &kube::Client, instance: &str) -> Option<String> {
    let all = nodes(client).await;
    let found = all.iter().find(|node| {
        let id = node["spec"]["providerID"].as_str();
        id.is_some_and(|id| id.ends_with(instance))
    })?;
    found["metadata"]["name"].as_str().map(str::to_owned)
}

async fn evict_all(client: &kube::Client, instance: &str) {
    let Some(node) = name_of(client, instance).await else {
        return;
    };
    let path = format!("/api/v1/namespaces/default/pods?fieldSelector=spec.nodeName={node}");
    let request = http::Request::get(path).body(Vec::new()).unwrap();
    let list = client.request::<Value>(request).await.unwrap();
    for pod in list["items"].as_array().unwrap() {
        let name = pod["metadata"]["name"].as_str().unwrap();
        let path = format!("/api/v1/namespaces/default/pods/{name}/eviction?fieldManager=eks");
        let request = http::Request::post(path)
            .header("content-type", "application/json")
            .body(b"{}".to_vec())
            .unwrap();
        if let Err(error) = client.request::<Value>(request).await {
            tracing::debug!(%error, "EKS tries again");
        }
    }
}

impl Ground for Replacing {
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

    /// So much happens that a look at each change would be most of the work; and then nothing for minutes.
    async fn news(&self) {
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.cluster.api.news(IDLE).await;
    }

    async fn apply(&self, manifest: &str) {
        super::super::ground::apply(self, manifest).await;
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

/// The migration that there is; none is null.
pub(super) async fn migration<G: Ground>(ground: &G) -> Result<Value, String> {
    let all = found(ground, MIGRATIONS).await?;
    Ok(all["items"][0].clone())
}

/// A group of EKS with one node.
fn managed(cluster: &str, name: &str, subnet: &SubnetId, template: Option<String>) -> NewNodegroup {
    NewNodegroup {
        cluster: cluster.to_owned(),
        name: name.to_owned(),
        sizes: Sizes {
            min: 1,
            max: 3,
            desired: 1,
        },
        rules: UpdateRules::default(),
        subnets: vec![subnet.clone()],
        role: "arn:aws:iam::123456789012:role/nodes".to_owned(),
        version: None,
        release: None,
        ami_type: None,
        spot: false,
        instance_types: vec!["m5.large".parse().unwrap()],
        disk_size: None,
        labels: [].into(),
        taints: Vec::new(),
        template: template.map(|id| TemplateRef {
            id_or_name: TemplateKey::Id(id),
            version: Some("1".to_owned()),
        }),
        tags: Tags::new(),
    }
}
