//! What a node is, from its labels: what it runs on, and which group it belongs to.

use std::collections::BTreeMap;
use vpccni_core::safety::{Compute, NodeGroup, Os, Provider};

const COMPUTE_TYPE: &str = "eks.amazonaws.com/compute-type";
const OS: &str = "kubernetes.io/os";
const MANAGED_GROUP: &str = "eks.amazonaws.com/nodegroup";
const KARPENTER_POOL: &str = "karpenter.sh/nodepool";
const EKSCTL_GROUP: &str = "alpha.eksctl.io/nodegroup-name";
const AUTO_SCALING_GROUP: &str = "aws:autoscaling:groupName";

/// The group of nodes that nobody we know makes.
const SELF_MANAGED: &str = "self-managed";

/// The operating system; Linux where no label says otherwise.
pub fn os(labels: &BTreeMap<String, String>) -> Os {
    match labels.get(OS).map(String::as_str) {
        Some("windows") => Os::Windows,
        _ => Os::Linux,
    }
}

/// What the node runs on, from its label; a node registered before it was labelled shows it by its provider id.
pub fn compute(labels: &BTreeMap<String, String>, provider_id: Option<&str>) -> Compute {
    match labels.get(COMPUTE_TYPE).map(String::as_str) {
        Some("fargate") => Compute::Fargate,
        Some("auto") => Compute::AutoMode,
        Some("hybrid") => Compute::Hybrid,
        _ => match provider_id {
            Some(id) if id.starts_with("eks-hybrid:") => Compute::Hybrid,
            Some(id) if id.contains("/fargate-") => Compute::Fargate,
            _ => Compute::Ec2,
        },
    }
}

/// The group a node belongs to. A managed group is an Auto Scaling group underneath, so the order matters.
pub fn group(labels: &BTreeMap<String, String>, instance_tags: &BTreeMap<String, String>) -> NodeGroup {
    let named = |provider, name: &String| NodeGroup {
        provider,
        name: name.clone(),
    };
    if let Some(name) = labels.get(MANAGED_GROUP) {
        return named(Provider::ManagedNodeGroup, name);
    }
    // Karpenter labels a node when it registers it, and tags its instance from the start.
    if let Some(name) = labels
        .get(KARPENTER_POOL)
        .or_else(|| instance_tags.get(KARPENTER_POOL))
    {
        return named(Provider::Karpenter, name);
    }
    if let Some(name) = labels
        .get(EKSCTL_GROUP)
        .or_else(|| instance_tags.get(AUTO_SCALING_GROUP))
    {
        return named(Provider::AutoScalingGroup, name);
    }
    NodeGroup {
        provider: Provider::SelfManaged,
        name: SELF_MANAGED.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn compute_comes_from_the_label_or_the_provider_id() {
        let cases = [
            (&[] as &[_], Some("aws:///us-west-2a/i-0a1"), Compute::Ec2),
            (&[(COMPUTE_TYPE, "ec2")], None, Compute::Ec2),
            (&[(COMPUTE_TYPE, "fargate")], None, Compute::Fargate),
            (
                &[(COMPUTE_TYPE, "auto")],
                Some("aws:///us-west-2a/i-0a1"),
                Compute::AutoMode,
            ),
            (&[(COMPUTE_TYPE, "hybrid")], None, Compute::Hybrid),
            (&[], Some("eks-hybrid:///us-west-2/prod/mi-0a1"), Compute::Hybrid),
            (
                &[],
                Some("aws:///us-west-2a/c7f1/fargate-ip-10-0-1-5.ec2.internal"),
                Compute::Fargate,
            ),
        ];
        for (labels, id, expected) in cases {
            assert_eq!(compute(&map(labels), id), expected, "{labels:?} {id:?}");
        }
    }

    #[test]
    fn windows_is_told_by_its_label() {
        assert_eq!(os(&map(&[(OS, "windows")])), Os::Windows);
        assert_eq!(os(&map(&[(OS, "linux")])), Os::Linux);
        assert_eq!(os(&map(&[])), Os::Linux);
    }

    #[test]
    fn the_nearest_maker_names_the_group() {
        let asg = &[(AUTO_SCALING_GROUP, "eks-blue-1")] as &[_];
        let cases = [
            (
                &[(MANAGED_GROUP, "blue"), (EKSCTL_GROUP, "blue")] as &[_],
                asg,
                Provider::ManagedNodeGroup,
                "blue",
            ),
            (
                &[],
                &[(KARPENTER_POOL, "default")],
                Provider::Karpenter,
                "default",
            ),
            (
                &[(KARPENTER_POOL, "default")],
                &[],
                Provider::Karpenter,
                "default",
            ),
            (
                &[(EKSCTL_GROUP, "workers")],
                asg,
                Provider::AutoScalingGroup,
                "workers",
            ),
            (&[], asg, Provider::AutoScalingGroup, "eks-blue-1"),
            (&[], &[], Provider::SelfManaged, "self-managed"),
        ];
        for (labels, tags, provider, name) in cases {
            let expected = NodeGroup {
                provider,
                name: name.to_owned(),
            };
            assert_eq!(group(&map(labels), &map(tags)), expected);
        }
    }
}
