//! A sandbox with an Auto Scaling group, and what tests ask of it.

use crate::lab::{Lab, message};
use aws_sdk_autoscaling::Client;
use aws_sdk_autoscaling::error::SdkError;
use aws_sdk_autoscaling::operation::create_auto_scaling_group::builders::CreateAutoScalingGroupFluentBuilder;
use aws_sdk_autoscaling::types::{
    AutoScalingGroup, Instance, LaunchTemplateSpecification, LifecycleState, ScalingActivityStatusCode,
};
use aws_sdk_ec2::types::{InstanceType, RequestLaunchTemplateData};
use std::collections::BTreeMap;
use std::time::Duration;
use vpccni_sandbox::world::PLAIN;

/// A group `g` over two subnets in two zones, made from a template `tpl`.
pub(crate) struct Groups {
    pub(crate) lab: Lab,
    pub(crate) asg: Client,
    pub(crate) subnets: Vec<String>,
}

impl Groups {
    pub(crate) async fn new() -> Self {
        let lab = Lab::new().await;
        let asg = Client::new(&lab.config);
        let subnets = vec![
            lab.subnet_in("10.0.0.0/24", "us-west-2a").await,
            lab.subnet_in("10.0.1.0/24", "us-west-2b").await,
        ];
        let this = Self { lab, asg, subnets };
        this.template().await;
        this
    }

    async fn template(&self) {
        let data = RequestLaunchTemplateData::builder()
            .image_id(PLAIN[0].1)
            .instance_type(InstanceType::M5Large);
        self.lab
            .ec2
            .create_launch_template()
            .launch_template_name("tpl")
            .launch_template_data(data.build())
            .send()
            .await
            .expect("a template");
    }

    /// Another version of the template, which `$Latest` means from now on.
    pub(crate) async fn new_version(&self) {
        self.lab
            .ec2
            .create_launch_template_version()
            .launch_template_name("tpl")
            .source_version("1")
            .launch_template_data(RequestLaunchTemplateData::builder().user_data("bmV3").build())
            .send()
            .await
            .expect("a version");
    }

    pub(crate) fn create(&self, desired: i32, max: i32) -> CreateAutoScalingGroupFluentBuilder {
        self.asg
            .create_auto_scaling_group()
            .auto_scaling_group_name("g")
            .launch_template(version("1"))
            .vpc_zone_identifier(self.subnets.join(","))
            .min_size(0)
            .max_size(max)
            .desired_capacity(desired)
    }

    pub(crate) async fn with(desired: i32, max: i32) -> Self {
        let this = Self::new().await;
        this.create(desired, max).send().await.expect("a group");
        this
    }

    pub(crate) async fn group(&self) -> AutoScalingGroup {
        let seen = self
            .asg
            .describe_auto_scaling_groups()
            .auto_scaling_group_names("g");
        let seen = seen.send().await.expect("groups");
        seen.auto_scaling_groups().first().expect("the group").clone()
    }

    /// The ids of members in a state.
    pub(crate) async fn members(&self, state: &LifecycleState) -> Vec<String> {
        let group = self.group().await;
        let members = group.instances().iter();
        let found = members.filter(|member| member.lifecycle_state() == Some(state));
        found
            .filter_map(Instance::instance_id)
            .map(str::to_owned)
            .collect()
    }

    pub(crate) async fn serving(&self) -> Vec<String> {
        self.members(&LifecycleState::InService).await
    }

    pub(crate) async fn by_zone(&self) -> BTreeMap<String, usize> {
        let mut zones = BTreeMap::new();
        for member in self.group().await.instances() {
            let zone = member.availability_zone().unwrap_or_default().to_owned();
            *zones.entry(zone).or_default() += 1;
        }
        zones
    }

    pub(crate) async fn set_desired(&self, desired: i32) -> Result<(), String> {
        let call = self.asg.set_desired_capacity().auto_scaling_group_name("g");
        let done = call.desired_capacity(desired).send().await;
        done.map(|_| ()).map_err(|error| text(&error))
    }

    pub(crate) async fn suspend(&self, process: &str) {
        let call = self.asg.suspend_processes().auto_scaling_group_name("g");
        call.scaling_processes(process).send().await.expect("suspended");
    }

    pub(crate) async fn resume(&self, process: &str) {
        let call = self.asg.resume_processes().auto_scaling_group_name("g");
        call.scaling_processes(process).send().await.expect("resumed");
    }

    /// Lets time pass.
    pub(crate) fn wait(&self, seconds: u64) {
        self.lab.sandbox.world().write(|world| {
            let then = world.now().checked_add(Duration::from_secs(seconds));
            world.settle(then.expect("a time"));
        });
    }

    pub(crate) async fn activities(&self) -> Vec<(ScalingActivityStatusCode, String)> {
        let seen = self
            .asg
            .describe_scaling_activities()
            .auto_scaling_group_name("g");
        let seen = seen.send().await.expect("activities");
        let one = |activity: &aws_sdk_autoscaling::types::Activity| {
            let status = activity.status_code().expect("a status").clone();
            (status, activity.cause().unwrap_or_default().to_owned())
        };
        seen.activities().iter().map(one).collect()
    }
}

pub(crate) fn version(version: &str) -> LaunchTemplateSpecification {
    LaunchTemplateSpecification::builder()
        .launch_template_name("tpl")
        .version(version)
        .build()
}

/// Code and message of a refusal.
pub(crate) fn text<E, R>(error: &SdkError<E, R>) -> String
where
    E: aws_sdk_ec2::error::ProvideErrorMetadata,
{
    let code = match error {
        SdkError::ServiceError(service) => service.err().code().unwrap_or("no code").to_owned(),
        _ => "no answer".to_owned(),
    };
    format!("{code}: {}", message(error))
}
