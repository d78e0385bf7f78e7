//! Filters, pages and tags.

use crate::lab::{Lab, code, filter};
use aws_sdk_ec2::types::{Filter, Tag};
use std::collections::BTreeSet;

#[tokio::test]
async fn filters_are_and_between_and_or_within() {
    let lab = Lab::new().await;
    let (a, b) = (lab.subnet("10.0.0.0/24").await, lab.subnet("10.0.1.0/24").await);
    let instance = lab.instance(&a, "m5.large").await;
    let free = lab.eni(&b).await;
    let find = async |filters: Vec<Filter>| {
        let call = lab.ec2.describe_network_interfaces().set_filters(Some(filters));
        call.send()
            .await
            .map(|out| out.network_interfaces().len())
            .map_err(code)
    };
    let either = Filter::builder().name("subnet-id").values(&a).values(&b).build();
    assert_eq!(find(vec![either.clone()]).await, Ok(2));
    assert_eq!(find(vec![either, filter("status", "available")]).await, Ok(1));
    assert_eq!(
        find(vec![filter("attachment.instance-id", &instance)]).await,
        Ok(1)
    );
    assert_eq!(find(vec![filter("attachment.instance-id", "i-*")]).await, Ok(1));
    assert_eq!(find(vec![filter("attachment.status", "attached")]).await, Ok(1));
    assert_eq!(find(vec![filter("attachment.device-index", "0")]).await, Ok(1));
    assert_eq!(find(vec![filter("network-interface-id", &free)]).await, Ok(1));
    assert_eq!(
        find(vec![filter("network-interface-id", "eni-0000")]).await,
        Ok(0)
    );
    assert_eq!(
        find(vec![filter("no-such-filter", "x")]).await,
        Err("InvalidParameterValue".to_owned())
    );
    lab.end().await;
}

#[tokio::test]
async fn pages_join_to_the_whole_and_ids_exclude_max_results() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let mut made = BTreeSet::new();
    for _ in 0..13 {
        made.insert(lab.eni(&subnet).await);
    }
    let mut pages = lab
        .ec2
        .describe_network_interfaces()
        .into_paginator()
        .page_size(5)
        .send();
    let mut sizes = Vec::new();
    let mut seen = BTreeSet::new();
    while let Some(page) = pages.next().await {
        let page = page.expect("a page");
        sizes.push(page.network_interfaces().len());
        seen.extend(
            page.network_interfaces()
                .iter()
                .filter_map(|i| i.network_interface_id().map(str::to_owned)),
        );
    }
    assert_eq!(sizes, [5, 5, 3]);
    assert_eq!(seen, made);
    let both = lab
        .ec2
        .describe_network_interfaces()
        .network_interface_ids(made.first().expect("one"))
        .max_results(5);
    assert_eq!(
        both.send().await.map(|_| ()).map_err(code),
        Err("InvalidParameterCombination".to_owned())
    );
    let small = lab.ec2.describe_network_interfaces().max_results(4);
    assert_eq!(
        small.send().await.map(|_| ()).map_err(code),
        Err("InvalidParameterValue".to_owned())
    );
    let bad = lab.ec2.describe_network_interfaces().next_token("nonsense");
    assert_eq!(
        bad.send().await.map(|_| ()).map_err(code),
        Err("InvalidNextToken".to_owned())
    );
    lab.end().await;
}

#[tokio::test]
async fn tags_are_set_found_and_taken_away() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let eni = lab.eni(&subnet).await;
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
    lab.ec2
        .create_tags()
        .resources(&subnet)
        .resources(&eni)
        .tags(tag("kubernetes.io/role/cni", "1"))
        .send()
        .await
        .expect("tagged");
    let seen = lab
        .ec2
        .describe_tags()
        .filters(filter("key", "kubernetes.io/role/*"))
        .send()
        .await
        .expect("tags");
    let kinds: BTreeSet<_> = seen
        .tags()
        .iter()
        .filter_map(|t| t.resource_type().map(|r| r.as_str().to_owned()))
        .collect();
    assert_eq!(kinds, ["network-interface", "subnet"].map(str::to_owned).into());
    let found = lab
        .ec2
        .describe_subnets()
        .filters(filter("tag:kubernetes.io/role/cni", "1"))
        .send()
        .await
        .expect("subnets");
    assert_eq!(found.subnets().len(), 1);
    let delete = lab.ec2.delete_tags().resources(&subnet);
    delete
        .tags(tag("kubernetes.io/role/cni", "2"))
        .send()
        .await
        .expect("no such value");
    let by_key = lab.ec2.delete_tags().resources(&subnet);
    let key = Tag::builder().key("kubernetes.io/role/cni").build();
    let count = async || lab.ec2.describe_tags().send().await.expect("tags").tags().len();
    assert_eq!(count().await, 2);
    by_key.tags(key).send().await.expect("deleted");
    assert_eq!(count().await, 1);
    lab.end().await;
}

#[tokio::test]
async fn tags_have_limits() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let eni = lab.eni(&subnet).await;
    let tag = |key: &str| Tag::builder().key(key).value("x").build();
    let create = |resource: &str, key: &str| lab.ec2.create_tags().resources(resource).tags(tag(key)).send();
    assert_eq!(
        create("eni-0123", "k").await.map(|_| ()).map_err(code),
        Err("InvalidNetworkInterfaceID.NotFound".to_owned())
    );
    assert_eq!(
        create(&eni, "aws:k").await.map(|_| ()).map_err(code),
        Err("InvalidParameterValue".to_owned())
    );
    let mut many = lab.ec2.create_tags().resources(&eni);
    for number in 0..51 {
        many = many.tags(tag(&format!("k{number}")));
    }
    assert_eq!(
        many.send().await.map(|_| ()).map_err(code),
        Err("TagLimitExceeded".to_owned())
    );
    lab.end().await;
}

#[tokio::test]
async fn an_unknown_id_is_an_error_and_a_malformed_one_another() {
    let lab = Lab::new().await;
    let find = async |id: &str| {
        let call = lab.ec2.describe_network_interfaces().network_interface_ids(id);
        call.send().await.map(|_| ()).map_err(code)
    };
    assert_eq!(
        find("eni-0123").await,
        Err("InvalidNetworkInterfaceID.NotFound".to_owned())
    );
    assert_eq!(
        find("eni-XYZ").await,
        Err("InvalidNetworkInterfaceID.Malformed".to_owned())
    );
    lab.end().await;
}
