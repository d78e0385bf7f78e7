"""Images, states, offerings, metadata options and fleets."""

from scenarios import scenario
from world import a_subnet, by_name, image, instance


@scenario
def images(aws):
    pages = aws.ec2.get_paginator("describe_images").paginate(Owners=["amazon"])
    found = list(pages.search("Images"))
    assert {i["Architecture"] for i in found} == {"x86_64", "arm64"}
    one = aws.ec2.describe_images(ImageIds=[found[0]["ImageId"]])["Images"]
    assert [i["Name"] for i in one] == [found[0]["Name"]]
    aws.ec2.get_waiter("image_available").wait(ImageIds=[found[0]["ImageId"]])


@scenario
def states(aws):
    node = instance(aws, a_subnet(aws))
    aws.ec2.get_waiter("instance_status_ok").wait(InstanceIds=[node])
    aws.ec2.reboot_instances(InstanceIds=[node])
    aws.ec2.stop_instances(InstanceIds=[node])
    aws.ec2.get_waiter("instance_stopped").wait(InstanceIds=[node])
    aws.ec2.start_instances(InstanceIds=[node])
    aws.ec2.get_waiter("instance_running").wait(InstanceIds=[node])
    pages = aws.ec2.get_paginator("describe_instance_status").paginate(IncludeAllInstances=True)
    assert [s["InstanceId"] for s in pages.search("InstanceStatuses")] == [node]


@scenario
def metadata_options(aws):
    node = instance(aws, a_subnet(aws))
    changed = aws.ec2.modify_instance_metadata_options(
        InstanceId=node, HttpTokens="required", HttpPutResponseHopLimit=1
    )["InstanceMetadataOptions"]
    assert (changed["HttpTokens"], changed["HttpPutResponseHopLimit"]) == ("required", 1)


@scenario
def offerings(aws):
    pages = aws.ec2.get_paginator("describe_instance_type_offerings").paginate(
        LocationType="availability-zone", Filters=[by_name("instance-type", "m5.large")]
    )
    zones = {o["Location"] for o in pages.search("InstanceTypeOfferings")}
    assert {"us-west-2a", "us-west-2b"} <= zones


@scenario
def spot_prices(aws):
    aws.ec2.describe_spot_price_history(InstanceTypes=["m5.large"], ProductDescriptions=["Linux/UNIX"])


def template(aws):
    """What Karpenter puts into one."""
    aws.ec2.create_launch_template(
        LaunchTemplateName="fleet",
        LaunchTemplateData={
            "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 20, "VolumeType": "gp3"}}],
            "ImageId": image(aws),
            "Monitoring": {"Enabled": False},
            "UserData": "bm9kZQ==",
            "MetadataOptions": {
                "HttpEndpoint": "enabled",
                "HttpProtocolIpv6": "disabled",
                "HttpPutResponseHopLimit": 1,
                "HttpTokens": "required",
                "InstanceMetadataTags": "disabled",
            },
            "Placement": {"Tenancy": "default"},
            "EnclaveOptions": {"Enabled": False},
            "TagSpecifications": [{"ResourceType": "network-interface", "Tags": [{"Key": "a", "Value": "b"}]}],
        },
        TagSpecifications=[{"ResourceType": "launch-template", "Tags": [{"Key": "a", "Value": "b"}]}],
    )


@scenario
def a_fleet(aws):
    """As Karpenter asks for one, which first makes two dry runs."""
    one = a_subnet(aws)
    template(aws)
    tags = [{"ResourceType": kind, "Tags": [{"Key": "c", "Value": "d"}]} for kind in ("instance", "volume", "fleet")]
    ask = {
        "Type": "instant",
        "TargetCapacitySpecification": {"TotalTargetCapacity": 2, "DefaultTargetCapacityType": "on-demand"},
        "OnDemandOptions": {"AllocationStrategy": "lowest-price"},
        "LaunchTemplateConfigs": [
            {
                "LaunchTemplateSpecification": {"LaunchTemplateName": "fleet", "Version": "$Latest"},
                "Overrides": [
                    {
                        "InstanceType": "c5.large",
                        "SubnetId": one,
                        "AvailabilityZone": "us-west-2a",
                        "ImageId": image(aws),
                        "Priority": 0.1,
                    }
                ],
            }
        ],
        "TagSpecifications": tags,
    }
    aws.refused("DryRunOperation", aws.ec2.create_fleet, **ask, DryRun=True)
    aws.refused(
        "DryRunOperation",
        aws.ec2.run_instances,
        DryRun=True,
        MinCount=1,
        MaxCount=1,
        InstanceType="c5.large",
        LaunchTemplate={"LaunchTemplateName": "fleet", "Version": "$Latest"},
        NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": one}],
        TagSpecifications=[t for t in tags if t["ResourceType"] != "fleet"],
    )
    made = aws.ec2.create_fleet(**ask)
    ids = [i for batch in made["Instances"] for i in batch["InstanceIds"]]
    assert len(ids) == 2 and made["Instances"][0]["InstanceType"] == "c5.large", made
    aws.ec2.get_waiter("instance_running").wait(InstanceIds=ids)


@scenario
def instance_attributes(aws):
    node = instance(aws, a_subnet(aws))
    aws.ec2.modify_instance_attribute(InstanceId=node, SourceDestCheck={"Value": False})
    aws.refused(
        "IncorrectInstanceState",
        aws.ec2.modify_instance_attribute,
        InstanceId=node,
        InstanceType={"Value": "m5.xlarge"},
    )
    aws.ec2.stop_instances(InstanceIds=[node])
    aws.ec2.get_waiter("instance_stopped").wait(InstanceIds=[node])
    aws.ec2.modify_instance_attribute(InstanceId=node, InstanceType={"Value": "m5.xlarge"})
    seen = aws.ec2.describe_instances(InstanceIds=[node])["Reservations"][0]["Instances"][0]
    assert seen["InstanceType"] == "m5.xlarge"
