//! The life of a cluster, and its updates.

use super::{Eks, ROLE, put};
use crate::lab::{code, message};
use aws_sdk_eks::types::{
    ClusterStatus, LogSetup, LogType, Logging, UpdateStatus, UpdateType, VpcConfigRequest,
};

async fn status(lab: &Eks) -> ClusterStatus {
    let seen = lab.eks.describe_cluster().name("one").send().await;
    let seen = seen.expect("a cluster");
    let status = seen.cluster().and_then(|c| c.status());
    status.expect("a status").clone()
}

#[tokio::test]
async fn a_cluster_says_where_it_lives() {
    let lab = Eks::new().await;
    let describe = || lab.eks.describe_cluster().name("one").send();
    assert_eq!(
        describe().await.map(|_| ()).map_err(code),
        Err("ResourceNotFoundException".to_owned())
    );
    lab.cluster("one").await;
    let seen = describe().await.expect("a cluster");
    let seen = seen.cluster().expect("a cluster");
    assert_eq!(seen.status(), Some(&ClusterStatus::Active));
    let network = seen.resources_vpc_config().expect("a VPC");
    assert_eq!(network.vpc_id(), Some(lab.lab.vpc.as_str()));
    assert_eq!(network.subnet_ids(), lab.subnets);
    assert!(network.endpoint_public_access() && !network.endpoint_private_access());
    assert!(
        network
            .cluster_security_group_id()
            .is_some_and(|g| g.starts_with("sg-"))
    );
    let services = seen.kubernetes_network_config().expect("a network");
    assert_eq!(
        services.ip_family().map(aws_sdk_eks::types::IpFamily::as_str),
        Some("ipv4")
    );
    // The VPC is within 10.0.0.0/8, so EKS takes the other of its two ranges.
    assert_eq!(services.service_ipv4_cidr(), Some("172.20.0.0/16"));
    let issuer = seen.identity().and_then(|i| i.oidc()).and_then(|o| o.issuer());
    assert!(issuer.is_some_and(|i| i.starts_with("https://oidc.eks.us-west-2.amazonaws.com/id/")));
    assert!(
        seen.certificate_authority()
            .and_then(|a| a.data())
            .is_some_and(|d| !d.is_empty())
    );
    assert!(
        seen.endpoint()
            .is_some_and(|e| e.ends_with(".us-west-2.eks.amazonaws.com"))
    );
    assert!(seen.created_at().is_some_and(|t| t.secs() > 1_700_000_000));
    lab.end().await;
}

#[tokio::test]
async fn a_cluster_needs_two_zones_a_known_version_and_a_free_name() {
    let lab = Eks::with_cluster().await;
    let create = |name: &str, version: &str, subnets: &[String]| {
        let config = VpcConfigRequest::builder().set_subnet_ids(Some(subnets.to_vec()));
        lab.eks
            .create_cluster()
            .name(name)
            .version(version)
            .role_arn(ROLE)
            .resources_vpc_config(config.build())
            .send()
    };
    for (name, version, subnets, refused) in [
        ("two", "1.34", &lab.subnets[..1], "InvalidParameterException"),
        ("two", "1.99", &lab.subnets[..], "InvalidParameterException"),
        ("-two", "1.34", &lab.subnets[..], "InvalidParameterException"),
        ("one", "1.34", &lab.subnets[..], "ResourceInUseException"),
    ] {
        let answer = create(name, version, subnets).await;
        assert_eq!(
            answer.map(|_| ()).map_err(code),
            Err(refused.to_owned()),
            "{name}"
        );
    }
    lab.end().await;
}

#[tokio::test]
async fn a_cluster_takes_its_time_to_come_and_to_go() {
    let lab = Eks::new().await;
    lab.slow();
    lab.cluster("one").await;
    assert_eq!(status(&lab).await, ClusterStatus::Creating);
    let seen = lab.eks.describe_cluster().name("one").send().await;
    let endpoint = seen
        .expect("a cluster")
        .cluster()
        .and_then(|c| c.endpoint().map(str::to_owned));
    assert_eq!(endpoint, None, "nobody knows it yet");
    let delete = || lab.eks.delete_cluster().name("one").send();
    assert_eq!(
        delete().await.map(|_| ()).map_err(code),
        Err("ResourceInUseException".to_owned())
    );
    lab.pass();
    assert_eq!(status(&lab).await, ClusterStatus::Active);
    let group = lab.world(|world| world.clusters["one"].cluster_group.clone());
    let gone = delete().await.expect("deleted");
    assert_eq!(
        gone.cluster().and_then(|c| c.status()),
        Some(&ClusterStatus::Deleting)
    );
    assert_eq!(status(&lab).await, ClusterStatus::Deleting);
    lab.pass();
    assert_eq!(
        lab.eks
            .describe_cluster()
            .name("one")
            .send()
            .await
            .map(|_| ())
            .map_err(code),
        Err("ResourceNotFoundException".to_owned())
    );
    assert!(lab.world(|world| !world.groups.contains_key(&group)));
    lab.end().await;
}

#[tokio::test]
async fn a_version_goes_up_by_one_and_one_change_at_a_time() {
    let lab = Eks::with_cluster().await;
    lab.slow();
    let to = |version: &str| {
        lab.eks
            .update_cluster_version()
            .name("one")
            .version(version)
            .send()
    };
    for version in ["1.33", "1.34", "1.36", "2.0", "x"] {
        let refused = to(version).await.expect_err("refused");
        assert_eq!(code(refused), "InvalidParameterException", "{version}");
    }
    assert_eq!(
        message(&to("1.36").await.expect_err("refused")),
        "Unsupported Kubernetes minor version update from 1.34 to 1.36"
    );
    let begun = to("1.35").await.expect("an update");
    let begun = begun.update().expect("an update");
    assert_eq!(begun.status(), Some(&UpdateStatus::InProgress));
    assert_eq!(begun.r#type(), Some(&UpdateType::VersionUpdate));
    assert_eq!(begun.params()[0].value(), Some("1.35"));
    assert_eq!(status(&lab).await, ClusterStatus::Updating);
    assert_eq!(
        to("1.35").await.map(|_| ()).map_err(code),
        Err("ResourceInUseException".to_owned())
    );
    lab.pass();
    let id = begun.id().expect("an id");
    let listed = lab.eks.list_updates().name("one").send().await.expect("updates");
    assert_eq!(listed.update_ids(), [id]);
    let ended = lab.eks.describe_update().name("one").update_id(id).send().await;
    let ended = ended.expect("an update");
    let ended = ended.update().expect("an update");
    assert_eq!(ended.status(), Some(&UpdateStatus::Successful));
    assert!(ended.errors().is_empty());
    let seen = lab.eks.describe_cluster().name("one").send().await;
    let seen = seen.expect("a cluster");
    let seen = seen.cluster().expect("a cluster");
    assert_eq!(
        (seen.version(), seen.status()),
        (Some("1.35"), Some(&ClusterStatus::Active))
    );
    lab.end().await;
}

#[tokio::test]
async fn the_configuration_changes_one_kind_at_a_time() {
    let lab = Eks::with_cluster().await;
    let update = || lab.eks.update_cluster_config().name("one");
    let access = VpcConfigRequest::builder()
        .endpoint_private_access(true)
        .public_access_cidrs("192.0.2.0/24");
    let begun = update().resources_vpc_config(access.clone().build()).send().await;
    let begun = begun.expect("an update");
    assert_eq!(
        begun.update().and_then(|u| u.r#type()),
        Some(&UpdateType::EndpointAccessUpdate)
    );
    let logs = LogSetup::builder()
        .types(LogType::Audit)
        .types(LogType::Api)
        .enabled(true);
    let logging = Logging::builder().cluster_logging(logs.build()).build();
    update().logging(logging.clone()).send().await.expect("an update");
    let seen = lab.eks.describe_cluster().name("one").send().await;
    let seen = seen.expect("a cluster");
    let seen = seen.cluster().expect("a cluster");
    let network = seen.resources_vpc_config().expect("a VPC");
    assert!(network.endpoint_private_access() && network.endpoint_public_access());
    assert_eq!(network.public_access_cidrs(), ["192.0.2.0/24"]);
    let on = &seen.logging().expect("logs").cluster_logging()[0];
    assert_eq!(on.types(), [LogType::Api, LogType::Audit]);
    assert_eq!(on.enabled(), Some(true));
    let closed = VpcConfigRequest::builder()
        .endpoint_public_access(false)
        .endpoint_private_access(false);
    for refused in [
        update(),
        update().logging(logging).resources_vpc_config(access.build()),
        update().resources_vpc_config(closed.build()),
    ] {
        let refused = refused.send().await.expect_err("refused");
        assert_eq!(code(refused), "InvalidParameterException");
    }
    lab.end().await;
}

#[tokio::test]
async fn a_protected_cluster_is_not_deleted() {
    let lab = Eks::with_cluster().await;
    let protect = |on: bool| {
        lab.eks
            .update_cluster_config()
            .name("one")
            .deletion_protection(on)
            .send()
    };
    protect(true).await.expect("an update");
    let delete = || lab.eks.delete_cluster().name("one").send();
    assert_eq!(
        delete().await.map(|_| ()).map_err(code),
        Err("InvalidRequestException".to_owned())
    );
    protect(false).await.expect("an update");
    delete().await.expect("deleted");
    lab.end().await;
}

#[tokio::test]
async fn a_test_bed_names_its_api_server() {
    let lab = Eks::with_cluster().await;
    let path = "clusters/one/endpoint";
    let said = r#"{"endpoint":"https://127.0.0.1:6443","certificateAuthority":"QQ=="}"#;
    assert!(put(&lab, path, said).await.starts_with("HTTP/1.1 200"));
    for (path, body, status) in [
        ("clusters/two/endpoint", said, "400"),
        (path, "{}", "400"),
        ("clusters/one/other", said, "404"),
    ] {
        let answer = put(&lab, path, body).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
    let seen = lab.eks.describe_cluster().name("one").send().await;
    let seen = seen.expect("a cluster");
    let seen = seen.cluster().expect("a cluster");
    assert_eq!(seen.endpoint(), Some("https://127.0.0.1:6443"));
    assert_eq!(seen.certificate_authority().and_then(|a| a.data()), Some("QQ=="));
    lab.end().await;
}
