//! The managed policies of AWS that clusters and nodes have. Their documents are those that AWS publishes in its managed
//! policy reference; where the document is not kept here, simulating with it is refused.

use super::document::PolicyDocument;
use crate::error::{ApiError, Code};

/// A managed policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ManagedPolicy {
    /// Its name.
    pub name: &'static str,
    /// Its default version.
    pub version: &'static str,
    /// What it says of itself.
    pub description: &'static str,
    /// Its document, where it is kept.
    pub document: Option<&'static str>,
}

impl ManagedPolicy {
    /// Its ARN.
    pub fn arn(&self) -> String {
        format!("arn:aws:iam::aws:policy/{}", self.name)
    }

    /// Its id: always the same one.
    pub fn id(&self) -> String {
        let hash = self.name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        format!("ANPA{hash:016X}")
    }

    /// The one of an ARN.
    pub fn of_arn(arn: &str) -> Result<&'static Self, ApiError> {
        ALL.iter().find(|policy| policy.arn() == arn).ok_or_else(|| {
            ApiError::new(
                Code::NoSuchEntity,
                format!("Policy {arn} does not exist or is not attachable."),
            )
        })
    }

    pub(super) fn parsed(&self) -> Result<PolicyDocument, ApiError> {
        let text = self.document.ok_or_else(|| {
            ApiError::new(
                Code::UnsupportedOperation,
                format!("The sandbox does not keep the document of {}", self.name),
            )
        })?;
        PolicyDocument::parse(text)
    }
}

/// All that there are.
const ALL: &[ManagedPolicy] = &[
    ManagedPolicy {
        name: "AmazonEC2ContainerRegistryPullOnly",
        version: "v1",
        description: "Pulls images from Amazon ECR",
        document: Some(PULL_ONLY),
    },
    ManagedPolicy {
        name: "AmazonEC2ContainerRegistryReadOnly",
        version: "v3",
        description: "Reads Amazon ECR repositories",
        document: Some(READ_ONLY),
    },
    ManagedPolicy {
        name: "AmazonEKSClusterPolicy",
        version: "v10",
        description: "What the role of a cluster needs",
        document: None,
    },
    ManagedPolicy {
        name: "AmazonEKSVPCResourceController",
        version: "v1",
        description: "What the VPC resource controller needs to manage interfaces and addresses for nodes",
        document: Some(RESOURCE_CONTROLLER),
    },
    ManagedPolicy {
        name: "AmazonEKSWorkerNodeMinimalPolicy",
        version: "v1",
        description: "The least that a node needs",
        document: Some(MINIMAL_NODE),
    },
    ManagedPolicy {
        name: "AmazonEKSWorkerNodePolicy",
        version: "v3",
        description: "What a node needs to join a cluster",
        document: Some(NODE),
    },
    ManagedPolicy {
        name: "AmazonEKS_CNI_Policy",
        version: "v6",
        description: "What the VPC CNI needs to manage interfaces and addresses",
        document: Some(CNI),
    },
    ManagedPolicy {
        name: "AmazonSSMManagedInstanceCore",
        version: "v2",
        description: "What an instance needs to be managed by Systems Manager",
        document: None,
    },
];

const CNI: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"AmazonEKSCNIPolicy","Effect":"Allow","Action":["ec2:AssignPrivateIpAddresses","ec2:AttachNetworkInterface","ec2:CreateNetworkInterface","ec2:DeleteNetworkInterface","ec2:DescribeInstances","ec2:DescribeTags","ec2:DescribeNetworkInterfaces","ec2:DescribeInstanceTypes","ec2:DescribeSubnets","ec2:DescribeSecurityGroups","ec2:DetachNetworkInterface","ec2:ModifyNetworkInterfaceAttribute","ec2:UnassignPrivateIpAddresses"],"Resource":"*"},{"Sid":"AmazonEKSCNIPolicyENITag","Effect":"Allow","Action":["ec2:CreateTags"],"Resource":["arn:aws:ec2:*:*:network-interface/*"]}]}"#;

const RESOURCE_CONTROLLER: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:CreateNetworkInterfacePermission","Resource":"*","Condition":{"ForAnyValue:StringEquals":{"ec2:ResourceTag/eks:eni:owner":"eks-vpc-resource-controller"}}},{"Effect":"Allow","Action":["ec2:CreateNetworkInterface","ec2:DetachNetworkInterface","ec2:ModifyNetworkInterfaceAttribute","ec2:DeleteNetworkInterface","ec2:AttachNetworkInterface","ec2:UnassignPrivateIpAddresses","ec2:AssignPrivateIpAddresses"],"Resource":"*"}]}"#;

const NODE: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"WorkerNodePermissions","Effect":"Allow","Action":["ec2:DescribeInstances","ec2:DescribeInstanceTypes","ec2:DescribeRouteTables","ec2:DescribeSecurityGroups","ec2:DescribeSubnets","ec2:DescribeVolumes","ec2:DescribeVolumesModifications","ec2:DescribeVpcs","eks:DescribeCluster","eks-auth:AssumeRoleForPodIdentity"],"Resource":"*"}]}"#;

const MINIMAL_NODE: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["eks-auth:AssumeRoleForPodIdentity"],"Resource":"*"}]}"#;

const PULL_ONLY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecr:GetAuthorizationToken","ecr:BatchGetImage","ecr:GetDownloadUrlForLayer","ecr:BatchImportUpstreamImage"],"Resource":"*"}]}"#;

const READ_ONLY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecr:GetAuthorizationToken","ecr:BatchCheckLayerAvailability","ecr:GetDownloadUrlForLayer","ecr:GetRepositoryPolicy","ecr:DescribeRepositories","ecr:ListImages","ecr:DescribeImages","ecr:BatchGetImage","ecr:GetLifecyclePolicy","ecr:GetLifecyclePolicyPreview","ecr:ListTagsForResource","ecr:DescribeImageScanFindings"],"Resource":"*"}]}"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_document_reads() {
        let kept: Vec<_> = ALL.iter().filter(|policy| policy.document.is_some()).collect();
        assert_eq!(kept.len(), 6);
        for policy in kept {
            assert!(policy.parsed().is_ok(), "{}", policy.name);
        }
        assert!(ManagedPolicy::of_arn("arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy").is_ok());
        assert!(ManagedPolicy::of_arn("arn:aws:iam::aws:policy/Nothing").is_err());
    }
}
