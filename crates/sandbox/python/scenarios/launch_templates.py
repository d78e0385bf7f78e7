"""Launch templates and their versions."""

from scenarios import scenario
from world import a_subnet, image

DATA = {
    "InstanceType": "m5.large",
    "UserData": "bm9kZQ==",
    "NetworkInterfaces": [{"DeviceIndex": 0, "Ipv4PrefixCount": 2}],
    "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "node"}]}],
    "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 2},
}


@scenario
def versions(aws):
    data = {**DATA, "ImageId": image(aws)}
    made = aws.ec2.create_launch_template(LaunchTemplateName="nodes", LaunchTemplateData=data)["LaunchTemplate"]
    template = made["LaunchTemplateId"]
    aws.ec2.create_launch_template_version(
        LaunchTemplateId=template, SourceVersion="1", LaunchTemplateData={"InstanceType": "c5.large"}
    )
    aws.ec2.modify_launch_template(LaunchTemplateId=template, DefaultVersion="2")
    pages = aws.ec2.get_paginator("describe_launch_template_versions").paginate(
        LaunchTemplateName="nodes", Versions=["$Default"]
    )
    seen = list(pages.search("LaunchTemplateVersions"))[0]
    assert (seen["VersionNumber"], seen["LaunchTemplateData"]["InstanceType"]) == (2, "c5.large")
    assert seen["LaunchTemplateData"]["NetworkInterfaces"][0]["Ipv4PrefixCount"] == 2
    found = list(aws.ec2.get_paginator("describe_launch_templates").paginate().search("LaunchTemplates"))
    assert [t["LatestVersionNumber"] for t in found] == [2]
    aws.ec2.delete_launch_template_versions(LaunchTemplateId=template, Versions=["1"])
    aws.ec2.delete_launch_template(LaunchTemplateId=template)
    aws.refused(
        "InvalidLaunchTemplateName.NotFoundException",
        aws.ec2.describe_launch_templates,
        LaunchTemplateNames=["nodes"],
    )


@scenario
def a_launch_from_a_template(aws):
    data = {**DATA, "ImageId": image(aws)}
    data["NetworkInterfaces"] = [{"DeviceIndex": 0, "SubnetId": a_subnet(aws), "Ipv4PrefixCount": 1}]
    aws.ec2.create_launch_template(LaunchTemplateName="nodes", LaunchTemplateData=data)
    made = aws.ec2.run_instances(LaunchTemplate={"LaunchTemplateName": "nodes"}, MinCount=1, MaxCount=1)
    node = made["Instances"][0]
    assert len(node["NetworkInterfaces"][0]["Ipv4Prefixes"]) == 1
    assert {"Key": "Name", "Value": "node"} in node["Tags"]
