//! Launch templates through their port.

use crate::lab::Lab;
use aws_sdk_ec2::types::{RequestLaunchTemplateData, ResourceType, Tag, TagSpecification};
use std::collections::BTreeMap;
use vpccni_core::ids::LaunchTemplateId;
use vpccni_core::ports::groups::{LaunchTemplates, NewTemplate, NewVersion, TemplateRef};
use vpccni_core::user_data::{Family, encoded_with_max_pods, max_pods_of_encoded};

/// `#!/bin/bash`, and the call of bootstrap.sh.
const BOOTSTRAP: &str = "IyEvYmluL2Jhc2gKL2V0Yy9la3MvYm9vdHN0cmFwLnNoIHByb2QK";

fn of(id: &LaunchTemplateId, version: &str) -> TemplateRef {
    TemplateRef {
        id: id.clone(),
        version: version.to_owned(),
    }
}

async fn made(lab: &Lab) -> LaunchTemplateId {
    let data = RequestLaunchTemplateData::builder()
        .image_id("ami-00000000000000001")
        .instance_type("m5.large".into())
        .user_data(BOOTSTRAP);
    let tag = Tag::builder().key("ManagedBy").value("Pulumi").build();
    let tags = TagSpecification::builder()
        .resource_type(ResourceType::LaunchTemplate)
        .tags(tag);
    let call = lab.raw.create_launch_template().launch_template_name("nodes");
    let out = call
        .launch_template_data(data.build())
        .tag_specifications(tags.build())
        .send();
    let out = out.await.expect("a template");
    let id = out
        .launch_template()
        .and_then(|t| t.launch_template_id())
        .expect("an id");
    LaunchTemplateId::parse(id).expect("an id")
}

#[tokio::test]
async fn a_version_tells_what_it_holds_and_who_owns_it() {
    let lab = Lab::new().await;
    let id = made(&lab).await;
    let read = lab
        .aws
        .template_version(&of(&id, "$Latest"))
        .await
        .expect("read")
        .expect("there");
    assert_eq!((read.id.clone(), read.name.as_str()), (id.clone(), "nodes"));
    assert_eq!((read.number, read.default, read.latest), (1, 1, 1));
    assert_eq!(read.user_data.as_deref(), Some(BOOTSTRAP));
    assert_eq!(read.image.as_deref(), Some("ami-00000000000000001"));
    assert_eq!(
        read.instance_type
            .as_ref()
            .map(vpccni_core::ids::InstanceType::as_str),
        Some("m5.large")
    );
    assert_eq!(read.tags.get("ManagedBy").map(String::as_str), Some("Pulumi"));
    assert!(read.created_by.starts_with("arn:aws:"), "{}", read.created_by);
    assert_eq!(lab.aws.template_version(&of(&id, "7")).await, Ok(None));
    let other = LaunchTemplateId::parse("lt-00000000000000000").expect("an id");
    assert_eq!(lab.aws.template_version(&of(&other, "1")).await, Ok(None));
    lab.end().await;
}

#[tokio::test]
async fn a_new_version_has_other_user_data_and_nothing_else() {
    let lab = Lab::new().await;
    let id = made(&lab).await;
    let user_data = encoded_with_max_pods(Some(BOOTSTRAP), 110, Family::Al2).expect("understood");
    let new = NewVersion {
        id: id.clone(),
        source: 1,
        user_data: user_data.clone(),
        description: "110 pods".to_owned(),
        token: "migration-1".to_owned(),
    };
    assert_eq!(lab.aws.create_version(&new).await, Ok(2));
    // The same token again is the same version.
    assert_eq!(lab.aws.create_version(&new).await, Ok(2));
    let read = lab
        .aws
        .template_version(&of(&id, "2"))
        .await
        .expect("read")
        .expect("there");
    assert_eq!((read.number, read.default, read.latest), (2, 1, 2));
    assert_eq!(max_pods_of_encoded(read.user_data.as_deref()), Ok(Some(110)));
    assert_eq!(read.image.as_deref(), Some("ami-00000000000000001"));
    assert_eq!(read.description.as_deref(), Some("110 pods"));
    lab.end().await;
}

#[tokio::test]
async fn a_new_template_is_made_once() {
    let lab = Lab::new().await;
    let mut new = NewTemplate {
        name: "vpccni-blue".to_owned(),
        user_data: encoded_with_max_pods(None, 110, Family::Al2023).expect("made"),
        volume: Some(("/dev/xvda".to_owned(), 40)),
        tags: BTreeMap::from([("vpccni.io/migration".to_owned(), "m1".to_owned())]),
        token: "one".to_owned(),
    };
    let made = lab.aws.create_template(&new).await.expect("a template");
    assert_eq!(made.version, "1");
    // Another token: EC2 has forgotten the first, and the name is taken.
    new.token = "two".to_owned();
    assert_eq!(lab.aws.create_template(&new).await, Ok(made.clone()));
    let read = lab
        .aws
        .template_version(&made)
        .await
        .expect("read")
        .expect("there");
    assert_eq!(max_pods_of_encoded(read.user_data.as_deref()), Ok(Some(110)));
    assert_eq!(read.tags, new.tags);
    // Somebody else's template of that name is left alone.
    new.tags.insert("vpccni.io/migration".to_owned(), "m2".to_owned());
    let error = lab.aws.create_template(&new).await.expect_err("taken");
    assert_eq!(error.code, "InvalidLaunchTemplateName.AlreadyExistsException");
    lab.end().await;
}
