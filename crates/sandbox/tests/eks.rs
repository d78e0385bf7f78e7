//! EKS clusters and add-ons; STS.

use crate::lab::{Lab, code};
use aws_sdk_eks::types::{AddonStatus, ClusterStatus, VpcConfigRequest};

async fn cluster(lab: &Lab, eks: &aws_sdk_eks::Client) {
    let subnets = [
        lab.subnet("10.0.0.0/24").await,
        lab.subnet_in("10.0.1.0/24", "us-west-2b").await,
    ];
    let config = VpcConfigRequest::builder()
        .set_subnet_ids(Some(subnets.to_vec()))
        .build();
    eks.create_cluster()
        .name("one")
        .version("1.35")
        .role_arn("arn:aws:iam::123456789012:role/eks")
        .resources_vpc_config(config)
        .send()
        .await
        .expect("a cluster");
}

#[tokio::test]
async fn a_cluster_says_where_it_lives() {
    let lab = Lab::new().await;
    let eks = aws_sdk_eks::Client::new(&lab.config);
    assert_eq!(
        eks.describe_cluster()
            .name("one")
            .send()
            .await
            .map(|_| ())
            .map_err(code),
        Err("ResourceNotFoundException".to_owned())
    );
    cluster(&lab, &eks).await;
    let seen = eks
        .describe_cluster()
        .name("one")
        .send()
        .await
        .expect("a cluster");
    let seen = seen.cluster().expect("a cluster");
    assert_eq!(seen.status(), Some(&ClusterStatus::Active));
    let network = seen.resources_vpc_config().expect("a VPC");
    assert_eq!(network.vpc_id(), Some(lab.vpc.as_str()));
    assert_eq!(network.subnet_ids().len(), 2);
    assert!(
        network
            .cluster_security_group_id()
            .is_some_and(|g| g.starts_with("sg-"))
    );
    let family = seen.kubernetes_network_config().and_then(|n| n.ip_family());
    assert_eq!(family.map(aws_sdk_eks::types::IpFamily::as_str), Some("ipv4"));
    assert!(seen.created_at().is_some_and(|t| t.secs() > 1_700_000_000));
    lab.end().await;
}

#[tokio::test]
async fn an_add_on_comes_from_the_catalogue_and_goes() {
    let lab = Lab::new().await;
    let eks = aws_sdk_eks::Client::new(&lab.config);
    cluster(&lab, &eks).await;
    let describe = || eks.describe_addon().cluster_name("one").addon_name("vpc-cni");
    assert_eq!(
        describe().send().await.map(|_| ()).map_err(code),
        Err("ResourceNotFoundException".to_owned())
    );
    let create = || eks.create_addon().cluster_name("one").addon_name("vpc-cni");
    assert_eq!(
        create()
            .addon_version("v0.0.1-eksbuild.1")
            .send()
            .await
            .map(|_| ())
            .map_err(code),
        Err("InvalidParameterException".to_owned())
    );
    let values = r#"{"env":{"WARM_IP_TARGET":"3"}}"#;
    create()
        .configuration_values(values)
        .send()
        .await
        .expect("an add-on");
    assert_eq!(
        create().send().await.map(|_| ()).map_err(code),
        Err("ResourceInUseException".to_owned())
    );
    let seen = describe().send().await.expect("an add-on");
    let addon = seen.addon().expect("an add-on");
    assert_eq!(addon.status(), Some(&AddonStatus::Active));
    assert_eq!(addon.configuration_values(), Some(values));
    assert!(addon.addon_version().is_some_and(|v| v.starts_with("v1.")));
    let listed = eks
        .list_addons()
        .cluster_name("one")
        .send()
        .await
        .expect("add-ons");
    assert_eq!(listed.addons(), ["vpc-cni"]);
    let delete = eks.delete_addon().cluster_name("one").addon_name("vpc-cni");
    delete.send().await.expect("deleted");
    assert!(describe().send().await.is_err());
    lab.end().await;
}

#[tokio::test]
async fn an_operation_that_is_not_modelled_says_so() {
    let lab = Lab::new().await;
    let eks = aws_sdk_eks::Client::new(&lab.config);
    assert_eq!(
        eks.list_nodegroups()
            .cluster_name("one")
            .send()
            .await
            .map(|_| ())
            .map_err(code),
        Err("UnknownOperationException".to_owned())
    );
    lab.end().await;
}

#[tokio::test]
async fn the_caller_has_an_identity() {
    let lab = Lab::new().await;
    let sts = aws_sdk_sts::Client::new(&lab.config);
    let seen = sts.get_caller_identity().send().await.expect("an identity");
    assert_eq!(seen.account(), Some("123456789012"));
    let role = sts
        .assume_role()
        .role_arn("arn:aws:iam::1:role/x")
        .role_session_name("s");
    assert_eq!(
        role.send().await.map(|_| ()).map_err(code),
        Err("InvalidAction".to_owned())
    );
    lab.end().await;
}
