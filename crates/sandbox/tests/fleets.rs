//! CreateFleet as Karpenter sends it, images, offerings and prices.

use crate::lab::{Lab, code, filter, message};
use aws_sdk_ec2::operation::create_fleet::CreateFleetOutput;
use aws_sdk_ec2::types::{
    DefaultTargetCapacityType, FleetLaunchTemplateConfigRequest, FleetLaunchTemplateOverridesRequest,
    FleetLaunchTemplateSpecificationRequest, FleetOnDemandAllocationStrategy, FleetType, InstanceLifecycle,
    InstanceLifecycleType, InstanceType, LocationType, MemoryInfo, OnDemandOptionsRequest,
    RequestLaunchTemplateData, ResourceType, Tag, TagSpecification, TargetCapacitySpecificationRequest,
    VCpuInfo,
};
use vpccni_core::ids::Zone;

async fn template(lab: &Lab) {
    let data = RequestLaunchTemplateData::builder()
        .image_id("ami-00000000000000001")
        .build();
    lab.ec2
        .create_launch_template()
        .launch_template_name("karpenter.k8s.aws/1")
        .launch_template_data(data)
        .send()
        .await
        .expect("a template");
}

fn pool(kind: InstanceType, subnet: &str, priority: f64) -> FleetLaunchTemplateOverridesRequest {
    FleetLaunchTemplateOverridesRequest::builder()
        .instance_type(kind)
        .subnet_id(subnet)
        .priority(priority)
        .build()
}

async fn fleet(
    lab: &Lab,
    kind: DefaultTargetCapacityType,
    prioritized: bool,
    pools: Vec<FleetLaunchTemplateOverridesRequest>,
) -> CreateFleetOutput {
    let template = FleetLaunchTemplateSpecificationRequest::builder()
        .launch_template_name("karpenter.k8s.aws/1")
        .version("$Latest");
    let config = FleetLaunchTemplateConfigRequest::builder()
        .launch_template_specification(template.build())
        .set_overrides(Some(pools));
    let capacity = TargetCapacitySpecificationRequest::builder()
        .total_target_capacity(2)
        .default_target_capacity_type(kind);
    let strategy = if prioritized {
        FleetOnDemandAllocationStrategy::Prioritized
    } else {
        FleetOnDemandAllocationStrategy::LowestPrice
    };
    let tags = |kind: ResourceType, value: &str| {
        let tag = Tag::builder().key("karpenter.sh/nodepool").value(value).build();
        TagSpecification::builder().resource_type(kind).tags(tag).build()
    };
    lab.ec2
        .create_fleet()
        .r#type(FleetType::Instant)
        .launch_template_configs(config.build())
        .target_capacity_specification(capacity.build())
        .on_demand_options(
            OnDemandOptionsRequest::builder()
                .allocation_strategy(strategy)
                .build(),
        )
        .tag_specifications(tags(ResourceType::Instance, "one"))
        .tag_specifications(tags(ResourceType::Volume, "two"))
        .tag_specifications(tags(ResourceType::Fleet, "three"))
        .send()
        .await
        .expect("a fleet")
}

/// The tag that AWS sets on it stands in nobody's way.
async fn rename(lab: &Lab, instance: &str) {
    let name = Tag::builder().key("Name").value("node").build();
    let named = lab.ec2.create_tags().resources(instance);
    named.tags(name).send().await.expect("tagged");
}

#[tokio::test]
async fn a_fleet_takes_the_cheapest_pool_that_has_room() {
    let lab = Lab::new().await;
    template(&lab).await;
    let (a, b) = (
        lab.subnet("10.0.0.0/24").await,
        lab.subnet_in("10.0.1.0/24", "us-west-2b").await,
    );
    let zone = Zone::parse("us-west-2a").expect("a zone");
    let large = "m5.large".parse().expect("a type");
    lab.sandbox
        .world()
        .write(|world| world.capacity_out.insert((zone, Some(large))));
    let pools = vec![
        pool(InstanceType::M5Xlarge, &a, 0.0),
        pool(InstanceType::M5Large, &a, 1.0),
        pool(InstanceType::M5Large, &b, 2.0),
    ];
    let made = fleet(&lab, DefaultTargetCapacityType::OnDemand, false, pools.clone()).await;
    let error = &made.errors()[0];
    assert_eq!(error.error_code(), Some("InsufficientInstanceCapacity"));
    assert!(
        error
            .error_message()
            .is_some_and(|m| m.contains("m5.large capacity"))
    );
    let over = error.launch_template_and_overrides().and_then(|l| l.overrides());
    assert_eq!(over.and_then(|o| o.availability_zone()), Some("us-west-2a"));
    let launched = &made.instances()[0];
    assert_eq!((made.errors().len(), made.instances().len()), (1, 1));
    assert_eq!(launched.instance_type(), Some(&InstanceType::M5Large));
    assert_eq!(launched.instance_ids().len(), 2);
    let over = launched
        .launch_template_and_overrides()
        .and_then(|l| l.overrides());
    assert_eq!(over.and_then(|o| o.subnet_id()), Some(b.as_str()));

    let made = fleet(&lab, DefaultTargetCapacityType::Spot, true, pools).await;
    let launched = &made.instances()[0];
    assert_eq!(launched.instance_type(), Some(&InstanceType::M5Xlarge));
    assert_eq!(launched.lifecycle().map(InstanceLifecycle::as_str), Some("spot"));
    let seen = lab
        .ec2
        .describe_instances()
        .filters(filter("tag:aws:ec2:fleet-id", made.fleet_id().expect("an id")))
        .filters(filter("tag:karpenter.sh/nodepool", "one"))
        .send()
        .await
        .expect("instances");
    assert_eq!(seen.reservations().len(), 2);
    let instance = &seen.reservations()[0].instances()[0];
    assert_eq!(
        instance.instance_lifecycle().map(InstanceLifecycleType::as_str),
        Some("spot")
    );
    rename(&lab, instance.instance_id().expect("an id")).await;
    let tags = lab.ec2.describe_tags().filters(filter("resource-type", "volume"));
    assert_eq!(tags.send().await.expect("tags").tags().len(), 4);
    lab.end().await;
}

#[tokio::test]
async fn images_are_found_by_name_and_must_fit_the_type() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let seen = lab
        .ec2
        .describe_images()
        .owners("amazon")
        .filters(filter("name", "amazon-eks-node-al2023-*-standard-1.33-*"))
        .filters(filter("architecture", "arm64"))
        .send()
        .await
        .expect("images");
    assert_eq!(seen.images().len(), 2);
    let arm = seen.images()[0].image_id().expect("an id").to_owned();
    let launch = async |image: &str, kind: InstanceType| {
        let call = lab.ec2.run_instances().image_id(image).instance_type(kind);
        let call = call.subnet_id(&subnet).min_count(1).max_count(1);
        call.send().await.map(|_| ())
    };
    assert!(launch(&arm, InstanceType::M6gLarge).await.is_ok());
    let refused = launch(&arm, InstanceType::M5Large)
        .await
        .expect_err("another architecture");
    assert!(message(&refused).contains("does not match the architecture"));
    let unknown = launch("ami-0123", InstanceType::M5Large).await.map_err(code);
    assert_eq!(unknown, Err("InvalidAMIID.NotFound".to_owned()));
    let malformed = launch("my-image", InstanceType::M5Large).await.map_err(code);
    assert_eq!(malformed, Err("InvalidAMIID.Malformed".to_owned()));
    lab.end().await;
}

#[tokio::test]
async fn a_zone_without_capacity_refuses_launches_and_starts() {
    let lab = Lab::new().await;
    let subnet = lab.subnet("10.0.0.0/24").await;
    let instance = lab.instance(&subnet, "m5.large").await;
    let stop = lab.ec2.stop_instances().instance_ids(&instance);
    stop.send().await.expect("stopped");
    let zone = Zone::parse("us-west-2a").expect("a zone");
    let out = (zone, None);
    let world = lab.sandbox.world();
    world.write(|world| world.capacity_out.insert(out.clone()));
    let start = lab.ec2.start_instances().instance_ids(&instance);
    assert_eq!(
        start.clone().send().await.map(|_| ()).map_err(code),
        Err("InsufficientInstanceCapacity".to_owned())
    );
    world.write(|world| world.capacity_out.remove(&out));
    start.send().await.expect("started");
    lab.end().await;
}

#[tokio::test]
async fn offerings_prices_and_types_agree() {
    let lab = Lab::new().await;
    let offered = lab
        .ec2
        .describe_instance_type_offerings()
        .location_type(LocationType::AvailabilityZone)
        .filters(filter("instance-type", "m5.large"))
        .send()
        .await
        .expect("offerings");
    assert_eq!(offered.instance_type_offerings().len(), 3);
    let prices = lab
        .ec2
        .describe_spot_price_history()
        .instance_types(InstanceType::M5Large)
        .product_descriptions("Linux/UNIX")
        .send()
        .await
        .expect("prices");
    assert_eq!(prices.spot_price_history().len(), 3);
    let price = prices.spot_price_history()[0].spot_price().expect("a price");
    assert!(price.parse::<f64>().is_ok_and(|p| p > 0.0 && p < 0.096));
    let mut pages = lab
        .ec2
        .describe_instance_types()
        .filters(filter("supported-virtualization-type", "hvm"))
        .into_paginator()
        .items()
        .send();
    let mut count = 0;
    while let Some(info) = pages.next().await {
        let info = info.expect("a type");
        let memory = info.memory_info().and_then(MemoryInfo::size_in_mib);
        assert!(memory.is_some_and(|m| m > 0), "{info:?}");
        assert!(
            info.v_cpu_info()
                .and_then(VCpuInfo::default_v_cpus)
                .is_some_and(|v| v > 0)
        );
        assert!(
            info.processor_info()
                .is_some_and(|p| !p.supported_architectures().is_empty())
        );
        count += 1;
    }
    assert!(count > 1400);
    let reservations = lab
        .ec2
        .describe_capacity_reservations()
        .filters(filter("state", "active"));
    let none = reservations.send().await.expect("an answer");
    assert!(none.capacity_reservations().is_empty());
    let groups = lab.ec2.describe_placement_groups().group_names("cluster");
    assert_eq!(
        groups.send().await.map(|_| ()).map_err(code),
        Err("InvalidPlacementGroup.Unknown".to_owned())
    );
    lab.end().await;
}
