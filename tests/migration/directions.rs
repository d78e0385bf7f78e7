//! Every direction, one after the other on one cluster: to prefixes and back, custom networking on and off, both at once.

use super::sampler::{Sampler, max_pods};
use super::{approved, completed, migration, wanted_with, workload};
use crate::bed::Bed;
use serde_json::json;
use vpccni_testbed::fixtures::AwsNode;
use vpccni_testbed::scaling::FleetGroup;
use vpccni_testbed::scene::SceneOptions;

const ZONE: &str = "us-west-2a";

/// A configuration: whether prefixes are given, and from the subnets for pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mode {
    prefixes: bool,
    custom: bool,
}

const PLAIN: Mode = Mode {
    prefixes: false,
    custom: false,
};
const PREFIX: Mode = Mode {
    prefixes: true,
    ..PLAIN
};
const CUSTOM: Mode = Mode {
    custom: true,
    ..PLAIN
};
const BOTH: Mode = Mode {
    prefixes: true,
    custom: true,
};

impl Mode {
    /// What an m5.large carries, and AWS recommends.
    fn max_pods(self) -> u32 {
        match (self.prefixes, self.custom) {
            (true, _) => 110,
            (false, true) => 20,
            (false, false) => 29,
        }
    }

    fn policy(self, bed: &Bed) -> String {
        let mode = if self.prefixes { "Prefix" } else { "SecondaryIp" };
        let mut settings = format!("ipAllocation: {{mode: {mode}}}");
        if self.custom {
            let (subnet, group) = (&bed.scene.cloud.zones[ZONE].pods, &bed.scene.cloud.pod_group);
            settings.push_str(&format!(
                "\ncustomNetworking:\n  labelKey: topology.kubernetes.io/zone\n  eniConfigs:\n  - {{name: {ZONE}, zone: \
                 {ZONE}, subnet: {{id: {subnet}}}, securityGroups: [{{id: {group}}}]}}"
            ));
        }
        wanted_with(&settings, "")
    }

    fn aws_node(self) -> AwsNode {
        if self.prefixes {
            AwsNode::published().prefix_mode()
        } else {
            AwsNode::published()
        }
    }
}

/// One cluster through these configurations, each with its number of stages.
async fn through(from: Mode, steps: &[(Mode, usize)]) {
    let bed = Bed::start(SceneOptions {
        groups: Vec::new(),
        fleet: vec![FleetGroup {
            name: "workers",
            zone: ZONE,
            instance_type: "m5.large",
            max_pods: from.max_pods(),
            count: 2,
            max: 3,
        }],
        aws_node: Some(from.aws_node()),
        ..SceneOptions::default()
    })
    .await;
    bed.apply(&workload(2)).await;
    bed.apply(&from.policy(&bed)).await;
    bed.condition("Ready", "True", "Applied").await;
    for (to, stages) in steps {
        bed.apply(&to.policy(&bed)).await;
        let sampler = Sampler::start(bed.scene.plane.client()).await;
        let planned = approved(&bed).await;
        let plan = &planned["status"]["plan"];
        assert_eq!(
            plan["stages"].as_array().unwrap().len(),
            *stages,
            "{to:?}: {plan}"
        );
        completed(&bed, 2).await;
        sampler.at_most(1).await;
        let pods = max_pods(bed.scene.plane.client()).await;
        let expected = to.max_pods().to_string();
        assert!(pods.values().all(|pods| *pods == expected), "{to:?}: {pods:?}");
        holds(&bed, *to);
        // Done is done: it is out of the way of the next one.
        let name = migration(&bed).await["metadata"]["name"].clone();
        bed.kubectl(&["delete", "cnimigration", name.as_str().unwrap()])
            .await;
    }
    bed.shutdown().await;
}

/// What the interfaces of every node hold.
fn holds(bed: &Bed, mode: Mode) {
    let pods = &bed.scene.cloud.zones[ZONE].pods;
    let world = bed.scene.sandbox.world();
    for instance in bed.scene.fleet.nodes().values() {
        world.read(|now| {
            let instance = now
                .instances
                .values()
                .find(|one| one.id.as_str() == instance)
                .unwrap();
            let interfaces = instance.interfaces.values().map(|id| &now.interfaces[id]);
            let with_pods: Vec<_> = interfaces
                .filter(|one| !one.prefixes.is_empty() || !one.secondary.is_empty())
                .collect();
            assert!(!with_pods.is_empty(), "{mode:?}");
            for one in with_pods {
                let seen = json!([!one.prefixes.is_empty(), one.subnet == *pods]);
                assert_eq!(seen, json!([mode.prefixes, mode.custom]), "{mode:?}");
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_at_once_in_two_stages_and_custom_networking_off_again() {
    through(PLAIN, &[(BOTH, 2), (PREFIX, 1)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn to_single_addresses_and_custom_networking_on() {
    through(PREFIX, &[(PLAIN, 1), (CUSTOM, 1)]).await;
}
