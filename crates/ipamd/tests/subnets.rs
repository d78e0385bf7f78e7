//! Where new interfaces go: tagged subnets of the zone, and a primary interface that serves no pods.

use crate::lab::Lab;
use crate::wire::wait;
use aws_sdk_ec2::types::{InstanceType, Tag};

const ROLE: &str = "kubernetes.io/role/cni";

impl Lab {
    async fn tag(&self, id: &str, key: &str, value: &str) {
        let tag = Tag::builder().key(key).value(value).build();
        let call = self.raw.create_tags().resources(id).tags(tag);
        call.send().await.expect("tagged");
    }

    fn primary_subnet(&self) -> String {
        self.sandbox.world().read(|world| {
            let instance = world.instances.get(&self.instance).expect("an instance");
            let eni = instance.interfaces.get(&(0, 0)).expect("an interface");
            world.interfaces[eni].subnet.to_string()
        })
    }

    async fn second_subnet(&self) -> String {
        let vpc = self
            .sandbox
            .world()
            .read(|world| world.vpcs.keys().next().map(ToString::to_string));
        let call = self.raw.create_subnet().vpc_id(vpc.expect("a VPC"));
        let call = call.cidr_block("10.0.64.0/20").availability_zone("us-west-2a");
        let made = call.send().await.expect("a subnet");
        let id = made.subnet().and_then(|subnet| subnet.subnet_id());
        id.expect("an id").to_owned()
    }
}

#[tokio::test]
async fn a_primary_interface_whose_subnet_is_tagged_against_it_serves_no_pods() {
    let mut lab = Lab::new(InstanceType::M5Large, "10.0.0.0/22", &[]).await;
    let second = lab.second_subnet().await;
    lab.tag(&lab.primary_subnet(), ROLE, "0").await;
    lab.tag(&second, ROLE, "1").await;
    lab.start().await;
    wait("an interface in the tagged subnet", || {
        let counts = lab.counts();
        async move { counts.await.0 == 2 }
    })
    .await;
    let address = lab.address("web").await;
    assert!(
        address.starts_with("10.0.6") || address.starts_with("10.0.7"),
        "{address}"
    );
    let on_primary = lab.sandbox.world().read(|world| {
        let enis = world.interfaces.values();
        let primaries = enis.filter(|eni| eni.subnet.to_string() != second);
        primaries.map(|eni| eni.secondary.len()).sum::<usize>()
    });
    assert_eq!(on_primary, 0);
    lab.end().await;
}

#[tokio::test]
async fn a_new_interface_goes_where_most_addresses_are_free() {
    let mut lab = Lab::new(InstanceType::M5Large, "10.0.0.0/26", &[]).await;
    let second = lab.second_subnet().await;
    lab.tag(&second, ROLE, "1").await;
    lab.start().await;
    lab.address("web").await;
    lab.wait_for((2, 18, 1)).await;
    let inside = lab.sandbox.world().read(|world| {
        let enis = world.interfaces.values();
        enis.filter(|eni| eni.subnet.to_string() == second).count()
    });
    assert_eq!(inside, 1);
    lab.end().await;
}
