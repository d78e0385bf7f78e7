//! Which subnets ipamd takes for new interfaces when subnet discovery is on.

use std::collections::BTreeMap;

/// The tag that includes a subnet (any value but `0`) or excludes it (`0`).
pub const ROLE_TAG: &str = "kubernetes.io/role/cni";

/// The tag that keeps a subnet to the clusters it names; the name follows.
pub const CLUSTER_TAG_PREFIX: &str = "cni.networking.k8s.aws/cluster/";

/// Whether the subnet may be used. The subnet of the primary interface is in unless it is excluded; any other needs
/// the role tag. Cluster tags, where there are any, must name this cluster, if its name is known at all.
pub fn is_usable(tags: &BTreeMap<String, String>, is_primary: bool, cluster: Option<&str>) -> bool {
    match tags.get(ROLE_TAG).map(String::as_str) {
        Some("0") => false,
        None | Some("") => is_primary,
        Some(_) => is_for_cluster(tags, cluster),
    }
}

fn is_for_cluster(tags: &BTreeMap<String, String>, cluster: Option<&str>) -> bool {
    let mut named = tags
        .keys()
        .filter_map(|tag| tag.strip_prefix(CLUSTER_TAG_PREFIX))
        .peekable();
    match cluster {
        Some(cluster) if named.peek().is_some() => named.any(|name| name == cluster),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usable(tags: &[(&str, &str)], is_primary: bool, cluster: Option<&str>) -> bool {
        let tags = tags
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        is_usable(&tags, is_primary, cluster)
    }

    #[test]
    fn an_empty_role_is_no_role() {
        assert!(usable(&[(ROLE_TAG, "")], true, None));
        assert!(!usable(&[(ROLE_TAG, "")], false, None));
    }

    #[test]
    fn cluster_tags_count_only_with_a_role_and_a_cluster() {
        let other = "cni.networking.k8s.aws/cluster/other";
        assert!(usable(&[(ROLE_TAG, "1"), (other, "shared")], false, None));
        assert!(!usable(&[(ROLE_TAG, "1"), (other, "shared")], true, Some("mine")));
        assert!(usable(&[(other, "shared")], true, Some("mine")));
    }
}
