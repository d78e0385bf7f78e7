//! Who else writes a resource of AWS, where its tags tell. What somebody else writes is never edited.

use std::collections::BTreeMap;

/// Tags by which tools mark what they write, and how the tools are called.
const OWNERS: [(&str, &str); 8] = [
    ("aws:cloudformation:stack-name", "CloudFormation"),
    ("eks:nodegroup-name", "EKS"),
    ("karpenter.k8s.aws/cluster", "Karpenter"),
    ("karpenter.sh/nodepool", "Karpenter"),
    ("alpha.eksctl.io/cluster-name", "eksctl"),
    ("sigs.k8s.io/cluster-api-provider-aws/role", "Cluster API"),
    ("terraform", "Terraform"),
    ("argocd.argoproj.io/instance", "Argo CD"),
];

/// Tags whose value names the tool.
const NAMING: [&str; 4] = [
    "managed-by",
    "ManagedBy",
    "managed_by",
    "app.kubernetes.io/managed-by",
];

/// Who writes what carries these tags.
pub fn owner(tags: &BTreeMap<String, String>) -> Option<String> {
    let marked = OWNERS.iter().find_map(|(key, tool)| {
        let (_, value) = tags.iter().find(|(tag, _)| tag.eq_ignore_ascii_case(key))?;
        Some((tool, value))
    });
    if let Some((tool, value)) = marked {
        return Some(if value.is_empty() || value == "true" {
            (*tool).to_owned()
        } else {
            format!("{tool} ({value})")
        });
    }
    NAMING.iter().find_map(|key| tags.get(*key).cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_tell_who_writes() {
        for (key, value, expected) in [
            (
                "aws:cloudformation:stack-name",
                "nodes",
                Some("CloudFormation (nodes)"),
            ),
            ("Terraform", "true", Some("Terraform")),
            ("ManagedBy", "Pulumi", Some("Pulumi")),
            ("Name", "nodes", None),
            ("kubernetes.io/cluster/prod", "owned", None),
        ] {
            let tags = BTreeMap::from([(key.to_owned(), value.to_owned())]);
            assert_eq!(owner(&tags).as_deref(), expected, "{key}");
        }
    }
}
