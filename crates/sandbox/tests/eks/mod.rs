//! EKS through its SDK: what the tests of its parts share, and what holds for every operation.

mod addons;
mod catalogue;
mod clusters;
mod identities;
mod nodegroup_config;
mod nodegroups;
mod rolls;

use crate::lab::{Lab, code, message};
use crate::protocol::{post, raw};
use aws_sdk_eks::Client;
use aws_sdk_eks::error::ProvideErrorMetadata;
use aws_sdk_eks::types::VpcConfigRequest;
use std::time::Duration;
use vpccni_sandbox::world::{Timings, World};

pub(super) const ROLE: &str = "arn:aws:iam::123456789012:role/eks";

/// A lab with a client of EKS and two subnets in two zones.
#[expect(clippy::struct_field_names, reason = "it is the client of the service")]
pub(super) struct Eks {
    pub(super) lab: Lab,
    pub(super) eks: Client,
    pub(super) subnets: Vec<String>,
}

impl Eks {
    /// Nothing but the subnets.
    pub(super) async fn new() -> Self {
        let lab = Lab::new().await;
        let subnets = vec![
            lab.subnet("10.0.0.0/24").await,
            lab.subnet_in("10.0.1.0/24", "us-west-2b").await,
        ];
        let eks = Client::new(&lab.config);
        Self { lab, eks, subnets }
    }

    /// A cluster `one` of Kubernetes 1.34.
    pub(super) async fn with_cluster() -> Self {
        let lab = Self::new().await;
        lab.cluster("one").await;
        lab
    }

    pub(super) async fn cluster(&self, name: &str) {
        let config = VpcConfigRequest::builder()
            .set_subnet_ids(Some(self.subnets.clone()))
            .build();
        self.eks
            .create_cluster()
            .name(name)
            .version("1.34")
            .role_arn(ROLE)
            .resources_vpc_config(config)
            .send()
            .await
            .expect("a cluster");
    }

    /// From now on a change takes a time that does not pass by itself within a test.
    pub(super) fn slow(&self) {
        let hour = Duration::from_hours(1);
        self.world(|world| {
            world.timings = Timings {
                cluster_create: hour,
                cluster_delete: hour,
                cluster_update: hour,
                addon_change: hour,
                ..world.timings
            };
        });
    }

    /// Lets the next thing happen, whenever it is due.
    pub(super) fn pass(&self) {
        self.world(|world| {
            let due = world.next_due().expect("something is due");
            world.settle(due);
        });
    }

    pub(super) fn world<R>(&self, change: impl FnOnce(&mut World) -> R) -> R {
        self.lab.sandbox.world().write(change)
    }

    pub(super) async fn end(self) {
        self.lab.end().await;
    }
}

#[tokio::test]
async fn an_operation_that_is_not_modelled_says_so() {
    let lab = Eks::with_cluster().await;
    let refused = lab.eks.list_fargate_profiles().cluster_name("one").send().await;
    assert_eq!(
        refused.map(|_| ()).map_err(code),
        Err("UnknownOperationException".to_owned())
    );
    lab.end().await;
}

#[tokio::test]
async fn a_member_or_a_parameter_that_is_not_read_is_refused() {
    let lab = Eks::with_cluster().await;
    for (path, body) in [
        ("/clusters/one/addons", r#"{"addonName":"vpc-cni","other":1}"#),
        (
            "/clusters/one/addons",
            r#"{"addonName":"vpc-cni","namespaceConfig":{}}"#,
        ),
        ("/clusters/one/addons?x=1", r#"{"addonName":"vpc-cni"}"#),
        ("/clusters/one/addons", "{"),
        ("/clusters/one/addons", ""),
        ("/clusters/one/addons", "[]"),
    ] {
        let answer = post(&lab.lab, path, body).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{path} {body}: {answer}");
        assert!(answer.contains("InvalidParameterException"), "{answer}");
    }
    assert!(lab.world(|world| world.clusters["one"].addons.is_empty()));
    lab.end().await;
}

#[tokio::test]
async fn a_refusal_names_what_it_is_about() {
    let lab = Eks::with_cluster().await;
    let addon = lab.eks.describe_addon().cluster_name("one").addon_name("vpc-cni");
    let refused = addon.send().await.expect_err("refused").into_service_error();
    let aws_sdk_eks::operation::describe_addon::DescribeAddonError::ResourceNotFoundException(missing) =
        refused
    else {
        panic!("another error: {refused:?}");
    };
    assert_eq!(missing.cluster_name(), Some("one"));
    assert_eq!(missing.addon_name(), Some("vpc-cni"));
    assert_eq!(missing.message(), Some("No addon: vpc-cni found in cluster: one"));
    lab.end().await;
}

#[tokio::test]
async fn a_client_token_stands_for_one_request() {
    let lab = Eks::with_cluster().await;
    let create = |role: &str| {
        lab.eks
            .create_pod_identity_association()
            .cluster_name("one")
            .namespace("apps")
            .service_account("shop")
            .role_arn(role)
            .client_request_token("again")
            .send()
    };
    let first = create(ROLE).await.expect("made");
    let second = create(ROLE).await.expect("the same");
    let id = first.association().and_then(|a| a.association_id());
    assert!(id.is_some());
    assert_eq!(id, second.association().and_then(|a| a.association_id()));
    let other = create("arn:aws:iam::123456789012:role/other").await;
    assert_eq!(
        other.map(|_| ()).map_err(code),
        Err("InvalidParameterException".to_owned())
    );
    assert_eq!(lab.world(|world| world.clusters["one"].identities.len()), 1);
    lab.end().await;
}

#[tokio::test]
async fn every_list_comes_in_pages() {
    let lab = Eks::with_cluster().await;
    lab.cluster("two").await;
    lab.cluster("three").await;
    let mut pages = lab.eks.list_clusters().into_paginator().page_size(1).send();
    let mut seen = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.expect("a page");
        assert_eq!(page.clusters().len(), 1);
        seen.extend(page.clusters().to_vec());
    }
    assert_eq!(seen, ["one", "three", "two"]);
    for addon in ["coredns", "kube-proxy", "vpc-cni"] {
        let create = lab.eks.create_addon().cluster_name("one").addon_name(addon);
        create.send().await.expect("an add-on");
    }
    let list = || lab.eks.list_addons().cluster_name("one");
    let first = list().max_results(2).send().await.expect("a page");
    assert_eq!(first.addons(), ["coredns", "kube-proxy"]);
    let token = first.next_token().expect("a token");
    let second = list().next_token(token).send().await.expect("a page");
    assert_eq!(second.addons(), ["vpc-cni"]);
    assert_eq!(second.next_token(), None);
    for refused in [
        list().next_token("nonsense"),
        list().max_results(0),
        list().max_results(101),
        lab.eks.list_addons().cluster_name("two").next_token(token),
    ] {
        let refused = refused.send().await.expect_err("refused");
        assert_eq!(code(refused), "InvalidParameterException");
    }
    lab.end().await;
}

#[tokio::test]
async fn tags_follow_the_arn() {
    let lab = Eks::with_cluster().await;
    let create = lab.eks.create_addon().cluster_name("one").addon_name("vpc-cni");
    let made = create.tags("team", "net").send().await.expect("an add-on");
    let addon = made.addon().and_then(|a| a.addon_arn()).expect("an ARN");
    let cluster = "arn:aws:eks:us-west-2:123456789012:cluster/one";
    for arn in [addon, cluster] {
        let tag = lab.eks.tag_resource().resource_arn(arn);
        tag.tags("a", "1").tags("b", "2").send().await.expect("tagged");
        let untag = lab.eks.untag_resource().resource_arn(arn);
        untag.tag_keys("a").tag_keys("c").send().await.expect("untagged");
    }
    let list = |arn: &str| lab.eks.list_tags_for_resource().resource_arn(arn).send();
    let tags = list(addon).await.expect("tags");
    let tags = tags.tags().expect("tags");
    assert_eq!(
        (tags.len(), &tags["team"], &tags["b"]),
        (2, &"net".into(), &"2".into())
    );
    assert_eq!(
        list(cluster)
            .await
            .expect("tags")
            .tags()
            .map(std::collections::HashMap::len),
        Some(1)
    );
    for (arn, refused) in [
        ("nonsense", "InvalidParameterException"),
        (
            "arn:aws:eks:us-west-2:123456789012:cluster/two",
            "ResourceNotFoundException",
        ),
        (
            "arn:aws:eks:us-west-2:123456789012:addon/one/vpc-cni/0",
            "ResourceNotFoundException",
        ),
    ] {
        assert_eq!(list(arn).await.map(|_| ()).map_err(code), Err(refused.to_owned()));
    }
    let reserved = lab.eks.tag_resource().resource_arn(cluster).tags("aws:x", "1");
    let refused = reserved.send().await.expect_err("reserved");
    assert!(message(&refused).contains("reserved"), "{refused:?}");
    assert_eq!(refused.code(), Some("InvalidParameterException"));
    lab.end().await;
}

/// `PUT` on the control API; gives the status line and what follows.
pub(super) async fn put(lab: &Eks, path: &str, body: &str) -> String {
    let length = body.len();
    let request = format!(
        "PUT /_sandbox/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    raw(&lab.lab, &request).await
}
