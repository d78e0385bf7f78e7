//! Every action against a small API server in memory and the AWS sandbox: done once, done again, and the world moving
//! away under it.

mod drain;
mod evictions;
mod groups;
mod managed;
mod nodes;
mod targets;

use super::*;
use crate::context::Settings;
use crate::run::Cloud;
use crate::testing::{FakeApi, Fault, Seen, context, settings};
use crate::write::OpenGate;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::Arc;
use vpccni_api::convert::migration::record as wire;
use vpccni_aws::{Aws, Limits, Overrides};
use vpccni_core::ids::InstanceId;
use vpccni_core::migration::{NodeStep, Record};
use vpccni_core::safety::Provider;
use vpccni_testbed::cloud::Cloud as CloudScene;
use vpccni_testbed::sandbox::world::{
    GroupChange, LaunchData, LaunchSource, NewScalingGroup, NewTemplate, ScalingGroup,
    Settings as LaunchSettings, Tags, TemplateKey, TemplateRef, World,
};
use vpccni_testbed::sandbox::{Options, Sandbox};

const NODE: &str = "/api/v1/nodes/n1";
const STATE: &str = "/apis/vpccni.io/v1alpha1/cninodestates/n1";

/// `#!/bin/bash` and the call of bootstrap.sh, as a launch template has it.
const BOOTSTRAP: &str = "IyEvYmluL2Jhc2gKL2V0Yy9la3MvYm9vdHN0cmFwLnNoIHByb2QK";

fn now() -> Timestamp {
    "2026-11-21T21:00:00Z".parse().unwrap()
}

fn name() -> NodeName {
    NodeName::parse("n1").unwrap()
}

fn asg() -> NodeGroup {
    NodeGroup {
        provider: Provider::AutoScalingGroup,
        name: "g".to_owned(),
    }
}

/// The record of a node at a step, written a while ago.
fn at(step: NodeStep, instance: &str) -> Record {
    Record {
        migration: "to-prefix".to_owned(),
        step,
        since: "2026-11-21T20:55:00Z".parse().unwrap(),
        reason: None,
        instance: Some(InstanceId::parse(instance).unwrap()),
        grow_to: None,
    }
}

/// An operator with an API server, and with AWS where the test has use for it.
struct Lab {
    api: FakeApi,
    ctx: Context,
    sandbox: Option<Sandbox>,
}

impl Lab {
    fn new() -> Self {
        let api = FakeApi::default();
        let ctx = context(&api, Arc::new(OpenGate), now);
        Self {
            api,
            ctx,
            sandbox: None,
        }
    }

    /// With a cluster `prod`, and an Auto Scaling group `g` of two of at most four m5.large, from version 1 of a
    /// template that calls bootstrap.sh.
    async fn with_aws() -> Self {
        let sandbox = Sandbox::start(Options::default()).await.unwrap();
        let scene = CloudScene::build(&sandbox, "prod", &["us-west-2a", "us-west-2b"]).unwrap();
        let subnets = scene.zones.values().map(|zone| zone.nodes.clone()).collect();
        sandbox.world().write(|world| {
            let template = template(world, "nodes", BOOTSTRAP, Tags::new());
            let setup = GroupChange {
                source: Some(LaunchSource {
                    template,
                    mixed: None,
                }),
                subnets: Some(subnets),
                min: Some(1),
                max: Some(4),
                desired: Some(2),
                ..GroupChange::default()
            };
            let group = NewScalingGroup {
                name: "g".to_owned(),
                setup,
                ..NewScalingGroup::default()
            };
            world.create_scaling_group(group).unwrap();
            world.rest();
        });
        let mut lab = Self::new();
        let overrides = Overrides {
            region: Some("us-west-2".to_owned()),
            endpoint: Some(sandbox.endpoint()),
            credentials: Some(SharedCredentialsProvider::new(Credentials::new(
                "test", "test", None, None, "tests",
            ))),
            limits: Limits::default(),
        };
        let aws = Aws::from_environment(overrides).await.unwrap();
        let cloud = Cloud::of(&Arc::new(aws));
        lab.ctx.ec2 = cloud.ec2;
        lab.ctx.eks = cloud.eks;
        lab.ctx.scaling = cloud.scaling;
        lab.ctx.templates = cloud.templates;
        lab.ctx.node_groups = cloud.node_groups;
        lab.ctx.settings = Arc::new(Settings {
            cluster_name: Some("prod".to_owned()),
            ..settings()
        });
        lab.sandbox = Some(sandbox);
        lab
    }

    fn world<R>(&self, change: impl FnOnce(&mut World) -> R) -> R {
        self.sandbox.as_ref().unwrap().world().write(change)
    }

    fn group(&self) -> ScalingGroup {
        self.world(|world| world.scaling.groups["g"].clone())
    }

    /// The first instance of the group.
    fn member(&self) -> String {
        self.group().active().next().unwrap().id.to_string()
    }

    /// A node `n1` of an instance.
    #[expect(clippy::needless_pass_by_value, reason = "made where it is passed")]
    fn node(&self, instance: &str, more: Value) {
        let mut node = json!({
            "apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1", "uid": "n1-uid"},
            "spec": {"providerID": format!("aws:///us-west-2a/{instance}")},
        });
        for (part, fields) in more.as_object().unwrap() {
            for (key, value) in fields.as_object().unwrap() {
                node[part][key] = value.clone();
            }
        }
        self.api.put(NODE, node);
    }

    fn record(&self, record: Option<&Record>) {
        let spec = record.map_or_else(|| json!({}), |record| json!({"migration": wire(record)}));
        let state = json!({
            "apiVersion": "vpccni.io/v1alpha1", "kind": "CniNodeState",
            "metadata": {"name": "n1", "uid": "s1"}, "spec": spec,
        });
        self.api.put(STATE, state);
    }

    /// A cordoned node with its record at a step.
    fn in_work(&self, step: NodeStep, instance: &str) {
        self.node(instance, json!({"spec": {"unschedulable": true}}));
        self.record(Some(&at(step, instance)));
    }

    /// A pod of the node, with more of its metadata.
    #[expect(clippy::needless_pass_by_value, reason = "made where it is passed")]
    fn pod(&self, name: &str, more: Value) {
        let mut metadata = json!({"name": name, "namespace": "shop", "uid": format!("{name}-uid")});
        for (key, value) in more.as_object().unwrap() {
            metadata[key] = value.clone();
        }
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
            "spec": {"nodeName": "n1", "containers": []}, "status": {"phase": "Running"},
        });
        self.api.put(&format!("/api/v1/namespaces/shop/pods/{name}"), pod);
    }

    async fn act(&self, kind: ActionKind) -> Outcome {
        let outcomes = carried_out(&self.ctx, vec![Action::new(kind, "a test wants it")]).await;
        outcomes.steps.into_iter().next().unwrap().1
    }

    /// Done, and then there is nothing left to do.
    async fn done_once(&self, kind: ActionKind) {
        assert_eq!(self.act(kind.clone()).await, Outcome::Done);
        let written = self.api.writes().len();
        assert_eq!(self.act(kind).await, Outcome::Unchanged);
        assert_eq!(self.api.writes().len(), written);
    }

    /// The first write of a path meets a fault; then all is well again.
    fn once(&self, path: &'static str, fault: Fault) {
        let mut fault = Some(fault);
        self.api.fail(move |seen: &Seen| {
            (seen.method != http::Method::GET && seen.path.starts_with(path))
                .then(|| fault.take())
                .flatten()
        });
    }
}

/// The actions, with evictions to their end.
async fn carried_out(ctx: &Context, actions: Vec<Action>) -> Outcomes {
    let mut evictions = EvictionTasks::default();
    let mut outcomes = act(ctx, &mut evictions, actions).await;
    for (action, outcome) in &mut outcomes.steps {
        if let ActionKind::Evict { node, .. } = &action.kind {
            *outcome = evictions.ended(node).await;
        }
    }
    outcomes
}

fn template(world: &mut World, name: &str, user_data: &str, tags: Tags) -> TemplateRef {
    let data = LaunchData {
        image: Some("ami-00000000000000001".to_owned()),
        instance_type: Some("m5.large".parse().unwrap()),
        settings: LaunchSettings([("UserData".to_owned(), user_data.to_owned())].into()),
        ..LaunchData::default()
    };
    let new = NewTemplate {
        name: name.to_owned(),
        description: None,
        data,
        tags,
        token: None,
    };
    let id = world.create_template(new).unwrap().id.clone();
    TemplateRef {
        id_or_name: TemplateKey::Id(id),
        version: Some("1".to_owned()),
    }
}

#[tokio::test]
async fn a_failed_action_hides_no_other_and_each_has_its_outcome() {
    let lab = Lab::new();
    lab.node("i-1", json!({}));
    let kinds = [
        ActionKind::Uncordon {
            node: NodeName::parse("gone").unwrap(),
        },
        ActionKind::Grow { group: asg(), to: 3 },
        ActionKind::Hold { node: name() },
        ActionKind::Switch { stage: 0 },
    ];
    let actions = kinds
        .clone()
        .map(|kind| Action::new(kind, "a test wants it"))
        .to_vec();
    let outcomes = carried_out(&lab.ctx, actions).await;
    let order: Vec<_> = outcomes
        .steps
        .iter()
        .map(|(action, _)| action.kind.clone())
        .collect();
    assert_eq!(order, kinds);
    let [gone, grow, hold, switch] = outcomes.steps.as_slice() else {
        panic!("four outcomes");
    };
    assert_eq!(gone.1, Outcome::Dropped("the node gone is gone".to_owned()));
    let denied = "failed to call autoscaling:DescribeAutoScalingGroups: NotConfigured: tests have no AWS";
    assert_eq!(
        grow.1,
        Outcome::Failed {
            category: "aws_denied",
            message: denied.to_owned()
        }
    );
    assert_eq!((&hold.1, &switch.1), (&Outcome::Done, &Outcome::Elsewhere));
    assert_eq!(outcomes.denied(), Some(denied));
}
