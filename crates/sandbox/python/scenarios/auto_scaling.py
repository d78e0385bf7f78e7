"""Auto Scaling groups: what they launch, what leaves them, hooks and refreshes."""

from scenarios import scenario
from world import image, two_subnets

GROUP = {"AutoScalingGroupName": "nodes"}


def group(aws, **parameters):
    made = aws.ec2.create_launch_template(
        LaunchTemplateName="nodes", LaunchTemplateData={"ImageId": image(aws), "InstanceType": "m5.large"}
    )
    template = {"LaunchTemplateId": made["LaunchTemplate"]["LaunchTemplateId"], "Version": "$Latest"}
    given = {"MinSize": 1, "MaxSize": 4, "DesiredCapacity": 2, "LaunchTemplate": template, **parameters}
    aws.autoscaling.create_auto_scaling_group(**GROUP, VPCZoneIdentifier=",".join(two_subnets(aws)), **given)
    settle(aws)


def settle(aws):
    aws.advance(600)


def members(aws, state="InService"):
    pages = aws.autoscaling.get_paginator("describe_auto_scaling_groups").paginate(AutoScalingGroupNames=["nodes"])
    found = list(pages.search("AutoScalingGroups[].Instances[]"))
    return sorted(i["InstanceId"] for i in found if i["LifecycleState"] == state)


@scenario
def a_group_keeps_its_size(aws):
    group(aws, Tags=[{"Key": "team", "Value": "net", "PropagateAtLaunch": True}])
    first, second = members(aws)
    zones = aws.autoscaling.describe_auto_scaling_instances(InstanceIds=[first, second])["AutoScalingInstances"]
    assert {i["AvailabilityZone"] for i in zones} == {"us-west-2a", "us-west-2b"}
    aws.ec2.terminate_instances(InstanceIds=[first])
    settle(aws)
    assert len(members(aws)) == 2 and first not in members(aws)
    aws.autoscaling.set_desired_capacity(**GROUP, DesiredCapacity=3)
    settle(aws)
    assert len(members(aws)) == 3
    pages = aws.autoscaling.get_paginator("describe_scaling_activities").paginate(**GROUP)
    assert len(list(pages.search("Activities"))) >= 5
    aws.refused("ValidationError", aws.autoscaling.set_desired_capacity, **GROUP, DesiredCapacity=9)


@scenario
def instances_leave_and_stay(aws):
    group(aws)
    first, second = members(aws)
    aws.autoscaling.set_instance_protection(**GROUP, InstanceIds=[first], ProtectedFromScaleIn=True)
    aws.autoscaling.update_auto_scaling_group(**GROUP, DesiredCapacity=1)
    settle(aws)
    assert members(aws) == [first]
    ended = aws.autoscaling.terminate_instance_in_auto_scaling_group(
        InstanceId=first, ShouldDecrementDesiredCapacity=False
    )
    assert ended["Activity"]["AutoScalingGroupName"] == "nodes"
    settle(aws)
    third = members(aws)
    assert len(third) == 1 and third[0] not in (first, second)
    aws.autoscaling.set_instance_health(InstanceId=third[0], HealthStatus="Unhealthy")
    settle(aws)
    assert members(aws) != third


@scenario
def standby(aws):
    group(aws)
    first, second = members(aws)
    aws.autoscaling.enter_standby(**GROUP, InstanceIds=[first], ShouldDecrementDesiredCapacity=True)
    settle(aws)
    assert (members(aws), members(aws, "Standby")) == ([second], [first])
    aws.autoscaling.exit_standby(**GROUP, InstanceIds=[first])
    settle(aws)
    assert members(aws) == [first, second]
    aws.autoscaling.detach_instances(**GROUP, InstanceIds=[first], ShouldDecrementDesiredCapacity=True)
    settle(aws)
    assert members(aws) == [second]
    aws.autoscaling.attach_instances(**GROUP, InstanceIds=[first])
    settle(aws)
    assert members(aws) == [first, second]


@scenario
def processes(aws):
    group(aws)
    aws.autoscaling.suspend_processes(**GROUP, ScalingProcesses=["Launch"])
    aws.autoscaling.set_desired_capacity(**GROUP, DesiredCapacity=3)
    settle(aws)
    assert len(members(aws)) == 2
    aws.autoscaling.resume_processes(**GROUP, ScalingProcesses=["Launch"])
    settle(aws)
    assert len(members(aws)) == 3


@scenario
def hooks(aws):
    group(aws)
    aws.autoscaling.put_lifecycle_hook(
        **GROUP,
        LifecycleHookName="drain",
        LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING",
        HeartbeatTimeout=3600,
        DefaultResult="CONTINUE",
    )
    assert len(aws.autoscaling.describe_lifecycle_hooks(**GROUP)["LifecycleHooks"]) == 1
    first = members(aws)[0]
    aws.autoscaling.terminate_instance_in_auto_scaling_group(InstanceId=first, ShouldDecrementDesiredCapacity=True)
    settle(aws)
    assert members(aws, "Terminating:Wait") == [first]
    hook = {**GROUP, "LifecycleHookName": "drain", "InstanceId": first}
    aws.autoscaling.record_lifecycle_action_heartbeat(**hook)
    aws.autoscaling.complete_lifecycle_action(**hook, LifecycleActionResult="CONTINUE")
    settle(aws)
    assert members(aws, "Terminating:Wait") == []
    aws.autoscaling.delete_lifecycle_hook(**GROUP, LifecycleHookName="drain")


def held(aws):
    """A hook at the end of instances, so that a refresh is not over at once."""
    aws.autoscaling.put_lifecycle_hook(
        **GROUP,
        LifecycleHookName="drain",
        LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING",
        HeartbeatTimeout=60,
        DefaultResult="CONTINUE",
    )


@scenario
def refreshes(aws):
    group(aws)
    before = members(aws)
    started = aws.autoscaling.start_instance_refresh(**GROUP, Preferences={"MinHealthyPercentage": 50})
    for _ in range(10):
        settle(aws)
    seen = aws.autoscaling.describe_instance_refreshes(**GROUP, InstanceRefreshIds=[started["InstanceRefreshId"]])
    assert seen["InstanceRefreshes"][0]["Status"] == "Successful", seen
    assert not set(before) & set(members(aws))
    held(aws)
    aws.autoscaling.start_instance_refresh(**GROUP)
    aws.autoscaling.cancel_instance_refresh(**GROUP)
    settle(aws)


@scenario
def a_refresh_rolled_back(aws):
    group(aws)
    latest = aws.ec2.create_launch_template_version(
        LaunchTemplateName="nodes", SourceVersion="1", LaunchTemplateData={"InstanceType": "c5.large"}
    )["LaunchTemplateVersion"]
    template = {"LaunchTemplateId": latest["LaunchTemplateId"]}
    aws.autoscaling.update_auto_scaling_group(**GROUP, LaunchTemplate={**template, "Version": "1"})
    settle(aws)
    held(aws)
    aws.autoscaling.start_instance_refresh(**GROUP, DesiredConfiguration={"LaunchTemplate": {**template, "Version": "2"}})
    aws.autoscaling.rollback_instance_refresh(**GROUP)
    for _ in range(10):
        settle(aws)
    pages = aws.autoscaling.get_paginator("describe_auto_scaling_groups").paginate()
    kinds = set(pages.search("AutoScalingGroups[].Instances[].InstanceType"))
    assert kinds == {"m5.large"}, kinds


@scenario
def group_tags(aws):
    group(aws)
    tag = {"ResourceId": "nodes", "ResourceType": "auto-scaling-group", "Key": "team"}
    aws.autoscaling.create_or_update_tags(Tags=[{**tag, "Value": "net", "PropagateAtLaunch": False}])
    pages = aws.autoscaling.get_paginator("describe_tags").paginate(Filters=[{"Name": "key", "Values": ["team"]}])
    assert [t["Value"] for t in pages.search("Tags")] == ["net"]
    aws.autoscaling.delete_tags(Tags=[tag])
    aws.autoscaling.delete_auto_scaling_group(**GROUP, ForceDelete=True)
    settle(aws)
    assert aws.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"] == []


@scenario
def a_mixed_group(aws):
    made = aws.ec2.create_launch_template(
        LaunchTemplateName="nodes", LaunchTemplateData={"ImageId": image(aws), "InstanceType": "m5.large"}
    )
    template = {"LaunchTemplateId": made["LaunchTemplate"]["LaunchTemplateId"], "Version": "$Default"}
    policy = {
        "LaunchTemplate": {
            "LaunchTemplateSpecification": template,
            "Overrides": [{"InstanceType": "c5.large"}, {"InstanceType": "m5.xlarge"}],
        },
        "InstancesDistribution": {"OnDemandPercentageAboveBaseCapacity": 100},
    }
    aws.autoscaling.create_auto_scaling_group(
        **GROUP,
        VPCZoneIdentifier=",".join(two_subnets(aws)),
        MixedInstancesPolicy=policy,
        MinSize=1,
        MaxSize=4,
        DesiredCapacity=2,
    )
    settle(aws)
    pages = aws.autoscaling.get_paginator("describe_auto_scaling_groups").paginate()
    assert set(pages.search("AutoScalingGroups[].Instances[].InstanceType")) <= {"c5.large", "m5.xlarge"}
