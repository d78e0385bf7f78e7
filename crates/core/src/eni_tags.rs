//! The tags ipamd gives the interfaces it makes, except the time of creation.

use crate::config::{Effective, Key, Value};
use crate::ids::InstanceId;
use std::collections::BTreeMap;

/// Names the instance an interface belongs to.
pub const INSTANCE_TAG: &str = "node.k8s.amazonaws.com/instance_id";

/// Names the cluster; only where CLUSTER_NAME is set.
pub const CLUSTER_TAG: &str = "cluster.k8s.amazonaws.com/name";

/// Names the owner; only where CLUSTER_NAME is set.
pub const OWNER_TAG: &str = "eks:eni:owner";

/// The value of the owner tag.
pub const OWNER: &str = "amazon-vpc-cni";

/// The tags of an interface of the instance. Additional tags are added last and never replace those of the CNI.
pub fn of(effective: &Effective, instance: &InstanceId) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::from([(INSTANCE_TAG.to_owned(), instance.to_string())]);
    if let Some(cluster) = effective.cluster_name() {
        tags.insert(CLUSTER_TAG.to_owned(), cluster.to_owned());
        tags.insert(OWNER_TAG.to_owned(), OWNER.to_owned());
    }
    if let Some(Value::Tags(additional)) = effective.value(Key::AdditionalEniTags) {
        for (name, value) in additional {
            tags.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    tags
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CniConfig;
    use crate::version::CniVersion;

    #[test]
    fn additional_tags_are_added() {
        let mut config = CniConfig::default();
        config.set(
            Key::AdditionalEniTags,
            Value::Tags([("team".to_owned(), "web".to_owned())].into()),
        );
        let effective = Effective::of(&config, CniVersion::REFERENCE);
        let tags = of(&effective, &InstanceId::parse("i-0a1").unwrap());
        assert_eq!(
            tags.into_iter().collect::<Vec<_>>(),
            [
                (INSTANCE_TAG.to_owned(), "i-0a1".to_owned()),
                ("team".to_owned(), "web".to_owned())
            ]
        );
    }
}
