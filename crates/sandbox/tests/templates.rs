//! Launch templates: versions, inheritance, and launching from them.

use crate::lab::{Lab, code};
use aws_sdk_ec2::types::{
    EbsBlockDevice, InstanceType, LaunchTemplateBlockDeviceMappingRequest,
    LaunchTemplateEbsBlockDeviceRequest, LaunchTemplateHttpTokensState,
    LaunchTemplateIamInstanceProfileSpecificationRequest, LaunchTemplateInstanceMetadataOptionsRequest,
    LaunchTemplateInstanceNetworkInterfaceSpecificationRequest, LaunchTemplateSpecification,
    LaunchTemplateTagSpecificationRequest, RequestLaunchTemplateData, ResourceType, Tag, TagSpecification,
};
use vpccni_sandbox::world::{LaunchAt, Tags, TemplateKey, TemplateRef};

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

fn network(prefixes: i32) -> LaunchTemplateInstanceNetworkInterfaceSpecificationRequest {
    LaunchTemplateInstanceNetworkInterfaceSpecificationRequest::builder()
        .device_index(0)
        .ipv4_prefix_count(prefixes)
        .associate_public_ip_address(false)
        .build()
}

/// About what a node group's template says.
fn data() -> RequestLaunchTemplateData {
    let options = LaunchTemplateInstanceMetadataOptionsRequest::builder()
        .http_tokens(LaunchTemplateHttpTokensState::Required)
        .http_put_response_hop_limit(2);
    let profile = LaunchTemplateIamInstanceProfileSpecificationRequest::builder().name("node");
    let volume = LaunchTemplateEbsBlockDeviceRequest::builder().volume_size(20);
    let device = LaunchTemplateBlockDeviceMappingRequest::builder()
        .device_name("/dev/xvda")
        .ebs(volume.build());
    let tags = LaunchTemplateTagSpecificationRequest::builder()
        .resource_type(ResourceType::Instance)
        .tags(tag("Name", "node"))
        .tags(tag("from", "template"));
    RequestLaunchTemplateData::builder()
        .image_id("ami-00000000000000001")
        .instance_type(InstanceType::M5Large)
        .user_data("dGVzdA==")
        .key_name("key")
        .ebs_optimized(true)
        .metadata_options(options.build())
        .iam_instance_profile(profile.build())
        .block_device_mappings(device.build())
        .tag_specifications(tags.build())
        .network_interfaces(network(2))
        .build()
}

async fn create(lab: &Lab, name: &str, data: RequestLaunchTemplateData) -> Result<String, String> {
    let call = lab
        .ec2
        .create_launch_template()
        .launch_template_name(name)
        .launch_template_data(data);
    let made = call.send().await.map_err(code)?;
    let id = made
        .launch_template()
        .and_then(|t| t.launch_template_id())
        .map(str::to_owned);
    id.ok_or_else(|| "no id".to_owned())
}

/// Version number, image and key of what is asked for.
async fn versions(lab: &Lab, id: &str, asked: &[&str]) -> Result<Vec<(i64, String, String)>, String> {
    let asked = asked.iter().map(|v| (*v).to_owned()).collect();
    let call = lab
        .ec2
        .describe_launch_template_versions()
        .launch_template_id(id)
        .set_versions(Some(asked));
    let seen = call.send().await.map_err(code)?;
    let all = seen.launch_template_versions().iter().map(|version| {
        let data = version.launch_template_data().expect("data");
        (
            version.version_number().expect("a number"),
            data.image_id().unwrap_or_default().to_owned(),
            data.key_name().unwrap_or_default().to_owned(),
        )
    });
    Ok(all.collect())
}

#[tokio::test]
async fn a_template_shows_what_it_was_told() {
    let lab = Lab::new().await;
    let id = create(&lab, "nodes", data()).await.expect("a template");
    let seen = lab
        .ec2
        .describe_launch_template_versions()
        .launch_template_name("nodes")
        .send()
        .await
        .expect("versions");
    let version = &seen.launch_template_versions()[0];
    assert_eq!(version.launch_template_id(), Some(id.as_str()));
    assert_eq!(
        (version.version_number(), version.default_version()),
        (Some(1), Some(true))
    );
    let shown = version.launch_template_data().expect("data");
    assert_eq!(shown.image_id(), Some("ami-00000000000000001"));
    assert_eq!(shown.user_data(), Some("dGVzdA=="));
    assert_eq!(shown.ebs_optimized(), Some(true));
    let options = shown.metadata_options().expect("options");
    assert_eq!(options.http_put_response_hop_limit(), Some(2));
    assert_eq!(
        options
            .http_tokens()
            .map(aws_sdk_ec2::types::LaunchTemplateHttpTokensState::as_str),
        Some("required")
    );
    assert_eq!(shown.iam_instance_profile().and_then(|p| p.name()), Some("node"));
    let volume = shown.block_device_mappings()[0].ebs().expect("a volume");
    assert_eq!(volume.volume_size(), Some(20));
    let interface = &shown.network_interfaces()[0];
    assert_eq!(
        (interface.device_index(), interface.ipv4_prefix_count()),
        (Some(0), Some(2))
    );
    assert_eq!(interface.associate_public_ip_address(), Some(false));
    assert_eq!(shown.tag_specifications()[0].tags().len(), 2);
    lab.end().await;
}

#[tokio::test]
async fn a_version_inherits_what_it_does_not_say_from_its_source_alone() {
    let lab = Lab::new().await;
    let id = create(&lab, "nodes", data()).await.expect("a template");
    let next = RequestLaunchTemplateData::builder().image_id("ami-2").build();
    let version = lab.ec2.create_launch_template_version().launch_template_id(&id);
    let version = version.launch_template_data(next);
    version
        .clone()
        .source_version("$Latest")
        .version_description("newer image")
        .send()
        .await
        .expect("a version");
    version.send().await.expect("a version of nothing");
    let row = |number: i64, image: &str, key: &str| (number, image.to_owned(), key.to_owned());
    assert_eq!(
        versions(&lab, &id, &[]).await,
        Ok(vec![
            row(3, "ami-2", ""),
            row(2, "ami-2", "key"),
            row(1, "ami-00000000000000001", "key")
        ])
    );
    assert_eq!(
        versions(&lab, &id, &["$Default"]).await,
        Ok(vec![row(1, "ami-00000000000000001", "key")])
    );
    assert_eq!(
        versions(&lab, &id, &["$Latest"]).await,
        Ok(vec![row(3, "ami-2", "")])
    );
    assert_eq!(
        versions(&lab, &id, &["4"]).await,
        Err("InvalidLaunchTemplateId.VersionNotFound".to_owned())
    );
    let default = lab.ec2.modify_launch_template().launch_template_id(&id);
    default.default_version("2").send().await.expect("a default");
    assert_eq!(
        versions(&lab, &id, &["$Default"]).await,
        Ok(vec![row(2, "ami-2", "key")])
    );
    let gone = lab
        .ec2
        .delete_launch_template_versions()
        .launch_template_id(&id)
        .versions("3")
        .versions("2")
        .versions("9")
        .send()
        .await
        .expect("an answer");
    assert_eq!(gone.successfully_deleted_launch_template_versions().len(), 1);
    assert_eq!(gone.unsuccessfully_deleted_launch_template_versions().len(), 2);
    assert_eq!(
        versions(&lab, &id, &["$Latest"]).await,
        Ok(vec![row(2, "ami-2", "key")])
    );
    lab.end().await;
}

#[tokio::test]
async fn names_are_unique_and_what_is_gone_is_gone() {
    let lab = Lab::new().await;
    let id = create(&lab, "nodes", data()).await.expect("a template");
    assert_eq!(
        create(&lab, "nodes", data()).await,
        Err("InvalidLaunchTemplateName.AlreadyExistsException".to_owned())
    );
    let delete = lab.ec2.delete_launch_template().launch_template_name("nodes");
    delete.clone().send().await.expect("deleted");
    assert_eq!(
        delete.send().await.map(|_| ()).map_err(code),
        Err("InvalidLaunchTemplateName.NotFoundException".to_owned())
    );
    let find = lab.ec2.describe_launch_templates().launch_template_ids(&id);
    assert_eq!(
        find.send().await.map(|_| ()).map_err(code),
        Err("InvalidLaunchTemplateId.NotFound".to_owned())
    );
    let all = lab
        .ec2
        .describe_launch_templates()
        .send()
        .await
        .expect("templates");
    assert_eq!(all.launch_templates().len(), 0);
    lab.end().await;
}

#[tokio::test]
async fn a_launch_lays_the_request_over_the_template() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let with_subnet = data().network_interfaces()[0].clone();
    let with_subnet = LaunchTemplateInstanceNetworkInterfaceSpecificationRequest::builder()
        .set_device_index(with_subnet.device_index())
        .set_ipv4_prefix_count(with_subnet.ipv4_prefix_count())
        .subnet_id(&subnet);
    let mut told = data();
    told.network_interfaces = Some(vec![with_subnet.build()]);
    create(&lab, "nodes", told).await.expect("a template");
    let template = LaunchTemplateSpecification::builder()
        .launch_template_name("nodes")
        .version("$Latest");
    let made = lab
        .ec2
        .run_instances()
        .launch_template(template.build())
        .instance_type(InstanceType::C5Large)
        .tag_specifications(
            TagSpecification::builder()
                .resource_type(ResourceType::Instance)
                .tags(tag("from", "request"))
                .build(),
        )
        .min_count(1)
        .max_count(1)
        .send()
        .await
        .expect("an instance");
    let instance = &made.instances()[0];
    assert_eq!(instance.instance_type(), Some(&InstanceType::C5Large));
    assert_eq!(instance.key_name(), Some("key"));
    assert_eq!(instance.network_interfaces()[0].ipv4_prefixes().len(), 2);
    let value = |key: &str| {
        let found = instance.tags().iter().find(|t| t.key() == Some(key));
        found.and_then(|t| t.value()).map(str::to_owned)
    };
    assert_eq!(value("Name").as_deref(), Some("node"));
    assert_eq!(value("from").as_deref(), Some("request"));
    assert_eq!(value("aws:ec2launchtemplate:version").as_deref(), Some("1"));
    let options = instance.metadata_options().expect("options");
    assert_eq!(options.http_put_response_hop_limit(), Some(2));
    let profile = instance.iam_instance_profile().and_then(|p| p.arn());
    assert_eq!(profile, Some("arn:aws:iam::123456789012:instance-profile/node"));
    let volume = instance.block_device_mappings()[0].ebs().expect("a volume");
    assert!(volume.volume_id().is_some_and(|id| id.starts_with("vol-")));
    assert_eq!(lab.available(&subnet).await, 251 - 1 - 32);
    lab.end().await;
}

#[tokio::test]
async fn a_launch_from_a_template_takes_its_subnet_from_whoever_asks() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    create(&lab, "nodes", data()).await.expect("a template");
    let template = TemplateRef {
        id_or_name: TemplateKey::Name("nodes".to_owned()),
        version: None,
    };
    let mut at = LaunchAt::in_subnet(subnet.parse().expect("an id"));
    at.instance_tags = Tags::from([("eks:nodegroup-name".to_owned(), "one".to_owned())]);
    let world = lab.sandbox.world();
    let id = world
        .write(|world| world.launch_from(&template, &at))
        .expect("an instance");
    world.read(|world| {
        let instance = &world.instances[&id];
        assert_eq!(instance.subnet.as_str(), subnet);
        assert!(instance.metadata.tokens_required);
        assert_eq!(instance.user_data(), Some("dGVzdA=="));
        assert_eq!(instance.tags["eks:nodegroup-name"], "one");
        assert_eq!(instance.tags["from"], "template");
    });
    at.subnet = "subnet-0123".parse().expect("an id");
    let refused = world.write(|world| world.launch_from(&template, &at).map_err(|e| e.code().to_owned()));
    assert_eq!(refused, Err("InvalidSubnetID.NotFound".to_owned()));
    lab.end().await;
}

#[tokio::test]
async fn what_is_not_modelled_is_refused_in_a_template_too() {
    let lab = Lab::new().await;
    let public = LaunchTemplateInstanceNetworkInterfaceSpecificationRequest::builder()
        .device_index(0)
        .associate_public_ip_address(true);
    let told = RequestLaunchTemplateData::builder().network_interfaces(public.build());
    assert_eq!(
        create(&lab, "public", told.build()).await,
        Err("UnsupportedOperation".to_owned())
    );
    let kernel = RequestLaunchTemplateData::builder().kernel_id("aki-1").build();
    assert_eq!(
        create(&lab, "kernel", kernel).await,
        Err("UnsupportedOperation".to_owned())
    );
    let type_of_volume = aws_sdk_ec2::types::BlockDeviceMapping::builder()
        .device_name("/dev/xvda")
        .ebs(EbsBlockDevice::builder().volume_type("floppy".into()).build());
    let refused = lab
        .ec2
        .run_instances()
        .image_id("ami-00000000000000001")
        .min_count(1)
        .max_count(1);
    let refused = refused.block_device_mappings(type_of_volume.build());
    assert_eq!(
        refused.send().await.map(|_| ()).map_err(code),
        Err("InvalidParameterValue".to_owned())
    );
    lab.end().await;
}
