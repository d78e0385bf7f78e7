//! UpdateNodegroupConfig: labels, taints, sizes and the rules of updates change, and no node does.

use super::Eks;
use crate::lab::code;
use aws_sdk_eks::operation::update_nodegroup_config::builders::UpdateNodegroupConfigFluentBuilder;
use aws_sdk_eks::types::{
    NodegroupScalingConfig, NodegroupUpdateConfig, Taint, TaintEffect, UpdateLabelsPayload,
    UpdateTaintsPayload, UpdateType,
};

impl Eks {
    fn configure(&self) -> UpdateNodegroupConfigFluentBuilder {
        let update = self.eks.update_nodegroup_config();
        update.cluster_name("one").nodegroup_name("blue")
    }

    /// Every part of the configuration at once: label `b` instead of `a`, a taint, three nodes, half of them at a time.
    fn configure_all(&self, taint: Taint) -> UpdateNodegroupConfigFluentBuilder {
        let labels = UpdateLabelsPayload::builder()
            .add_or_update_labels("b", "2")
            .remove_labels("a");
        let taints = UpdateTaintsPayload::builder().add_or_update_taints(taint);
        let rules = NodegroupUpdateConfig::builder().max_unavailable_percentage(50);
        self.configure()
            .labels(labels.build())
            .taints(taints.build())
            .scaling_config(NodegroupScalingConfig::builder().desired_size(3).build())
            .update_config(rules.build())
    }
}

#[tokio::test]
async fn the_configuration_changes_without_a_new_node() {
    let lab = Eks::with_cluster().await;
    let create = lab.create_group(2).labels("a", "1");
    create.send().await.expect("a group");
    let before = lab.instances().await;
    let taint = Taint::builder()
        .key("gpu")
        .effect(TaintEffect::NoSchedule)
        .build();
    let begun = lab.configure_all(taint.clone()).send().await;
    let begun = begun.expect("an update");
    let begun = begun.update().expect("an update");
    assert_eq!(begun.r#type(), Some(&UpdateType::ConfigUpdate));
    assert_eq!(begun.params().len(), 5, "{begun:?}");
    let group = lab.group().await;
    let labels = group.labels().expect("labels");
    assert_eq!((labels.len(), &labels["b"]), (1, &"2".to_owned()));
    assert_eq!(group.taints(), [taint]);
    let rules = group.update_config().expect("rules");
    assert_eq!(
        (rules.max_unavailable(), rules.max_unavailable_percentage()),
        (None, Some(50))
    );
    let sizes = group.scaling_config().expect("sizes");
    assert_eq!(
        (sizes.min_size(), sizes.desired_size(), sizes.max_size()),
        (Some(1), Some(3), Some(10))
    );
    let after = lab.instances().await;
    assert_eq!(after.len(), 3);
    assert!(before.iter().all(|node| after.contains(node)));
    lab.end().await;
}

#[tokio::test]
async fn a_change_of_nothing_is_refused() {
    let lab = Eks::with_cluster().await;
    lab.create_group(2).send().await.expect("a group");
    let nothing = lab.configure().send().await;
    assert_eq!(
        nothing.map(|_| ()).map_err(code),
        Err("InvalidParameterException".to_owned())
    );
    lab.end().await;
}
