"""Instances and their types."""

from scenarios import scenario
from world import a_subnet, image, instance


@scenario
def instances(aws):
    one = a_subnet(aws)
    node = instance(
        aws, one, TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "node"}]}]
    )
    pages = aws.ec2.get_paginator("describe_instances").paginate(InstanceIds=[node])
    seen = list(pages.search("Reservations[].Instances[]"))
    assert (seen[0]["InstanceType"], seen[0]["SubnetId"]) == ("m5.large", one)
    assert seen[0]["NetworkInterfaces"][0]["Attachment"]["DeleteOnTermination"] is True
    gone = aws.ec2.terminate_instances(InstanceIds=[node])["TerminatingInstances"][0]
    assert gone["PreviousState"]["Name"] == "running"
    aws.ec2.get_waiter("instance_terminated").wait(InstanceIds=[node])
    aws.refused("InvalidInstanceID.NotFound", aws.ec2.describe_instances, InstanceIds=["i-0123456789abcdef0"])


@scenario
def a_launch_with_prefixes(aws):
    one = a_subnet(aws)
    made = aws.ec2.run_instances(
        ImageId=image(aws),
        InstanceType="c5.xlarge",
        MinCount=1,
        MaxCount=1,
        ClientToken="once",
        NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": one, "Ipv4PrefixCount": 2}],
    )["Instances"][0]
    assert len(made["NetworkInterfaces"][0]["Ipv4Prefixes"]) == 2


@scenario
def instance_types(aws):
    paginator = aws.ec2.get_paginator("describe_instance_types")
    seen = list(paginator.paginate().search("InstanceTypes"))
    assert len(seen) > 1000
    aws.refused("InvalidInstanceType", aws.ec2.describe_instance_types, InstanceTypes=["zz9.large"])
