//! What EKS says it offers.

use super::Eks;
use crate::lab::code;

#[tokio::test]
async fn versions_say_where_they_are_the_default() {
    let lab = Eks::new().await;
    let describe = || lab.eks.describe_addon_versions();
    let seen = describe()
        .addon_name("vpc-cni")
        .kubernetes_version("1.36")
        .send()
        .await
        .expect("versions");
    let [addon] = seen.addons() else {
        panic!("one add-on: {seen:?}");
    };
    assert_eq!(
        (
            addon.addon_name(),
            addon.r#type(),
            addon.owner(),
            addon.publisher()
        ),
        (Some("vpc-cni"), Some("networking"), Some("aws"), Some("eks"))
    );
    assert_eq!(
        addon.addon_versions()[0].addon_version(),
        Some("v1.23.0-eksbuild.1"),
        "the newest first"
    );
    let defaults: Vec<_> = addon
        .addon_versions()
        .iter()
        .filter(|version| {
            version
                .compatibilities()
                .iter()
                .any(aws_sdk_eks::types::Compatibility::default_version)
        })
        .filter_map(|version| version.addon_version())
        .collect();
    assert_eq!(defaults, ["v1.22.4-eksbuild.3"]);
    for version in addon.addon_versions() {
        assert!(version.requires_iam_permissions());
        let [compatible] = version.compatibilities() else {
            panic!("other Kubernetes versions: {version:?}");
        };
        assert_eq!(compatible.cluster_version(), Some("1.36"));
    }
    let all = describe().send().await.expect("versions");
    let names: Vec<_> = all.addons().iter().filter_map(|a| a.addon_name()).collect();
    assert_eq!(names, ["coredns", "kube-proxy", "vpc-cni"]);
    lab.end().await;
}

#[tokio::test]
async fn versions_are_filtered_and_paged() {
    let lab = Eks::new().await;
    let describe = || lab.eks.describe_addon_versions();
    for none in [
        describe().owners("community"),
        describe().types("storage"),
        describe().publishers("other"),
        describe().kubernetes_version("1.0"),
        describe().addon_name("other"),
    ] {
        assert!(none.send().await.expect("versions").addons().is_empty());
    }
    let some = describe().types("storage").types("networking").owners("aws");
    assert_eq!(some.send().await.expect("versions").addons().len(), 3);
    let mut pages = describe().into_paginator().page_size(2).send();
    let mut sizes = Vec::new();
    while let Some(page) = pages.next().await {
        sizes.push(page.expect("a page").addons().len());
    }
    assert_eq!(sizes, [2, 1]);
    lab.end().await;
}

#[tokio::test]
async fn the_schema_is_that_of_the_version() {
    let lab = Eks::new().await;
    let describe = |version: &str| {
        lab.eks
            .describe_addon_configuration()
            .addon_name("vpc-cni")
            .addon_version(version)
            .send()
    };
    let newest = describe("v1.23.0-eksbuild.1").await.expect("a schema");
    let schema = newest.configuration_schema().expect("a schema");
    assert!(schema.contains("http://json-schema.org/draft-06/schema#"));
    assert!(schema.contains("conntrackCacheTableSize"));
    let account = newest.pod_identity_configuration()[0].service_account();
    assert_eq!(account, Some("aws-node"));
    let older = describe("v1.21.2-eksbuild.2").await.expect("a schema");
    assert!(
        !older
            .configuration_schema()
            .is_some_and(|s| s.contains("conntrackCacheTableSize"))
    );
    assert_eq!(
        describe("v9.0.0-eksbuild.1").await.map(|_| ()).map_err(code),
        Err("ResourceNotFoundException".to_owned())
    );
    lab.end().await;
}
