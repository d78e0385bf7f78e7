"""The rows in which moto is right, as calls that both servers get: the table of areas is at the end."""

MISSING = {"vpc": "vpc-0123456789abcdef0", "subnet": "subnet-0123456789abcdef0", "eni": "eni-0123456789abcdef0"}


def by(name, *values):
    return [{"Name": name, "Values": list(values)}]


def _vpc(side, cidr="10.0.0.0/16", name="main"):
    made = side.call("ec2", "create_vpc", CidrBlock=cidr)
    return side.name_it(name, made["Vpc"]["VpcId"])


def _subnet(side, vpc, cidr="10.0.0.0/24", zone="us-west-2a", name="first"):
    made = side.call("ec2", "create_subnet", VpcId=vpc, CidrBlock=cidr, AvailabilityZone=zone)
    return side.name_it(name, made["Subnet"]["SubnetId"])


def _tagged(kind, **tags):
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    return [{"ResourceType": kind, "Tags": pairs}]


def vpcs(side):
    main = _vpc(side)
    other = _vpc(side, "10.1.0.0/16", "other")
    side.call("ec2", "describe_vpcs", VpcIds=[main])
    side.call("ec2", "describe_vpcs", Filters=by("cidr", "10.1.*"))
    side.call("ec2", "create_tags", Resources=[other], Tags=[{"Key": "team", "Value": "net"}])
    side.call("ec2", "describe_vpcs", Filters=by("tag:team", "n?t"))
    side.call("ec2", "describe_vpcs", VpcIds=[MISSING["vpc"]])
    side.call("ec2", "delete_vpc", VpcId=other)
    side.call("ec2", "delete_vpc", VpcId=other)


def subnets(side):
    main = _vpc(side)
    _subnet(side, main)
    _subnet(side, main, "10.0.1.0/24", "us-west-2b", "second")
    side.call("ec2", "create_subnet", VpcId=main, CidrBlock="10.0.1.0/25")
    side.call("ec2", "create_subnet", VpcId=main, CidrBlock="10.9.0.0/24")
    side.call("ec2", "describe_subnets", Filters=by("vpc-id", main) + by("availability-zone", "us-west-2b"))
    side.call("ec2", "describe_subnets", Filters=by("vpc-id", main) + by("cidr-block", "10.0.0.0/24", "10.0.7.0/24"))
    side.call("ec2", "describe_subnets", SubnetIds=[MISSING["subnet"]])


def security_groups(side):
    main = _vpc(side)
    made = side.call("ec2", "create_security_group", GroupName="nodes", Description="of nodes", VpcId=main)
    nodes = side.name_it("nodes", made["GroupId"])
    side.call("ec2", "create_security_group", GroupName="nodes", Description="again", VpcId=main)
    rule = {"IpProtocol": "tcp", "FromPort": 10250, "ToPort": 10250, "IpRanges": [{"CidrIp": "10.0.0.0/16"}]}
    side.call("ec2", "authorize_security_group_ingress", GroupId=nodes, IpPermissions=[rule])
    side.call("ec2", "authorize_security_group_ingress", GroupId=nodes, IpPermissions=[rule])
    side.call("ec2", "describe_security_groups", GroupIds=[nodes])
    side.call("ec2", "describe_security_groups", Filters=by("vpc-id", main) + by("group-name", "nod*"))
    side.call("ec2", "revoke_security_group_ingress", GroupId=nodes, IpPermissions=[rule])
    side.call("ec2", "delete_security_group", GroupId=nodes)
    side.call("ec2", "describe_security_groups", GroupIds=[nodes])


def _two_interfaces(side):
    main = _vpc(side)
    first = _subnet(side, main)
    second = _subnet(side, main, "10.0.1.0/24", "us-west-2b", "second")
    group = side.call("ec2", "create_security_group", GroupName="nodes", Description="of nodes", VpcId=main)
    nodes = side.name_it("nodes", group["GroupId"])
    ids = []
    for name, subnet, address in (("one", first, "10.0.0.10"), ("two", second, "10.0.1.20")):
        side.name_it(f"address of {name}", address)
        made = side.call(
            "ec2",
            "create_network_interface",
            SubnetId=subnet,
            PrivateIpAddress=address,
            Groups=[nodes],
            Description=f"interface {name}",
            TagSpecifications=_tagged("network-interface", which=name),
        )
        ids.append(side.name_it(name, made["NetworkInterface"]["NetworkInterfaceId"]))
    return main, first, nodes, ids


def filters(side):
    main, first, nodes, (one, _) = _two_interfaces(side)
    seen = side.call("ec2", "describe_network_interfaces", NetworkInterfaceIds=[one])
    mac = seen["NetworkInterfaces"][0]["MacAddress"]
    for name, value in (
        ("tag:which", "one"),
        ("tag-key", "which"),
        ("subnet-id", first),
        ("status", "available"),
        ("group-id", nodes),
        ("vpc-id", main),
        ("description", "*two"),
        ("mac-address", mac),
        ("availability-zone", "us-west-2b"),
        ("private-ip-address", "10.0.1.20"),
        ("addresses.private-ip-address", "10.0.0.10"),
    ):
        # Other worlds of moto's have interfaces of their own: only those of this VPC count.
        side.call("ec2", "describe_network_interfaces", Filters=by(name, value) + by("vpc-id", main))
    side.call("ec2", "describe_network_interfaces", NetworkInterfaceIds=[MISSING["eni"]])
    side.call("ec2", "delete_network_interface", NetworkInterfaceId=MISSING["eni"])


def _launched(side, subnet, name="node"):
    made = side.call(
        "ec2",
        "run_instances",
        ImageId=_image(side),
        InstanceType="m5.large",
        MinCount=1,
        MaxCount=1,
        SubnetId=subnet,
        TagSpecifications=_tagged("instance", Name=name),
    )
    return side.name_it(name, made["Instances"][0]["InstanceId"])


def _image(side):
    """Each has images of its own, so this is not compared."""
    images = side.client("ec2").describe_images(Owners=["amazon"])["Images"]
    return side.name_it("the image", images[0]["ImageId"])


def attachments(side):
    _, first, _, (one, _) = _two_interfaces(side)
    node = _launched(side, first)
    made = side.call("ec2", "attach_network_interface", NetworkInterfaceId=one, InstanceId=node, DeviceIndex=1)
    attachment = side.name_it("attachment", made["AttachmentId"])
    seen = side.call("ec2", "describe_network_interfaces", Filters=by("attachment.instance-id", node))
    primary = next(e for e in seen["NetworkInterfaces"] if e["NetworkInterfaceId"] != one)
    side.name_it("primary", primary["NetworkInterfaceId"])
    side.call("ec2", "detach_network_interface", AttachmentId=attachment)
    side.call("ec2", "describe_network_interfaces", NetworkInterfaceIds=[one])
    side.call("ec2", "detach_network_interface", AttachmentId=primary["Attachment"]["AttachmentId"])
    side.call("ec2", "detach_network_interface", AttachmentId="eni-attach-0123456789abcdef0")
    side.call(
        "ec2",
        "attach_network_interface",
        NetworkInterfaceId=one,
        InstanceId="i-0123456789abcdef0",
        DeviceIndex=1,
    )


def launch_templates(side):
    data = {
        "ImageId": "ami-0123456789abcdef0",
        "InstanceType": "m5.large",
        "NetworkInterfaces": [{"DeviceIndex": 0, "Ipv4PrefixCount": 2}],
    }
    made = side.call("ec2", "create_launch_template", LaunchTemplateName="nodes", LaunchTemplateData=data)
    template = side.name_it("template", made["LaunchTemplate"]["LaunchTemplateId"])
    side.call("ec2", "create_launch_template", LaunchTemplateName="nodes", LaunchTemplateData=data)
    changed = {**data, "InstanceType": "c5.large"}
    side.call("ec2", "create_launch_template_version", LaunchTemplateId=template, LaunchTemplateData=changed)
    side.call("ec2", "modify_launch_template", LaunchTemplateId=template, DefaultVersion="2")
    side.call("ec2", "describe_launch_template_versions", LaunchTemplateId=template, Versions=["$Default"])
    side.call("ec2", "describe_launch_template_versions", LaunchTemplateName="nodes", Versions=["1", "$Latest"])
    side.call("ec2", "describe_launch_templates", LaunchTemplateNames=["nodes"])
    side.call("ec2", "delete_launch_template", LaunchTemplateId=template)


def _group(side):
    main = _vpc(side)
    first = _subnet(side, main)
    made = side.call(
        "ec2",
        "create_launch_template",
        LaunchTemplateName="workers",
        LaunchTemplateData={"ImageId": _image(side), "InstanceType": "m5.large"},
    )
    template = side.name_it("template", made["LaunchTemplate"]["LaunchTemplateId"])
    side.call(
        "autoscaling",
        "create_auto_scaling_group",
        AutoScalingGroupName="workers",
        LaunchTemplate={"LaunchTemplateId": template, "Version": "$Latest"},
        MinSize=1,
        MaxSize=4,
        DesiredCapacity=2,
        VPCZoneIdentifier=first,
        Tags=[{"Key": "team", "Value": "net", "PropagateAtLaunch": True}],
    )
    return template


def _settled(side):
    """What the group is once it has what it wants, and the ids of its instances."""
    client = side.client("autoscaling")
    for _ in range(40):
        group = client.describe_auto_scaling_groups(AutoScalingGroupNames=["workers"])["AutoScalingGroups"][0]
        live = [i for i in group["Instances"] if i["LifecycleState"] == "InService"]
        if len(live) == group["DesiredCapacity"]:
            break
    side.call("autoscaling", "describe_auto_scaling_groups", AutoScalingGroupNames=["workers"])
    return sorted(i["InstanceId"] for i in live)


def auto_scaling(side):
    _group(side)
    first = _settled(side)[0]
    side.call("ec2", "terminate_instances", InstanceIds=[first])
    first = _settled(side)[0]
    side.call(
        "autoscaling",
        "terminate_instance_in_auto_scaling_group",
        InstanceId=first,
        ShouldDecrementDesiredCapacity=True,
    )
    _settled(side)
    side.call("autoscaling", "set_desired_capacity", AutoScalingGroupName="workers", DesiredCapacity=3)
    first = _settled(side)[0]
    side.call(
        "autoscaling",
        "terminate_instance_in_auto_scaling_group",
        InstanceId=first,
        ShouldDecrementDesiredCapacity=False,
    )
    _settled(side)
    side.call("autoscaling", "set_desired_capacity", AutoScalingGroupName="workers", DesiredCapacity=9)


def standby(side):
    _group(side)
    first = _settled(side)[0]
    parameters = {"AutoScalingGroupName": "workers", "InstanceIds": [first]}
    side.call("autoscaling", "enter_standby", **parameters, ShouldDecrementDesiredCapacity=True)
    _settled(side)
    side.call("autoscaling", "exit_standby", **parameters)
    _settled(side)
    side.call("autoscaling", "detach_instances", **parameters, ShouldDecrementDesiredCapacity=True)
    _settled(side)
    side.call("autoscaling", "suspend_processes", AutoScalingGroupName="workers", ScalingProcesses=["Launch"])
    side.call("autoscaling", "describe_auto_scaling_groups", AutoScalingGroupNames=["workers"])
    side.call("autoscaling", "resume_processes", AutoScalingGroupName="workers", ScalingProcesses=["Launch"])


def sts(side):
    side.call("sts", "get_caller_identity")


def iam(side):
    trust = '{"Version":"2012-10-17","Statement":[]}'
    side.call("iam", "create_role", RoleName="node", AssumeRolePolicyDocument=trust)
    side.call("iam", "create_role", RoleName="node", AssumeRolePolicyDocument=trust)
    side.call("iam", "get_role", RoleName="node")
    side.call("iam", "get_role", RoleName="nobody")
    policy = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"
    side.call("iam", "attach_role_policy", RoleName="node", PolicyArn=policy)
    side.call("iam", "list_attached_role_policies", RoleName="node")
    side.call("iam", "create_instance_profile", InstanceProfileName="nodes")
    side.call("iam", "add_role_to_instance_profile", InstanceProfileName="nodes", RoleName="node")
    side.call("iam", "get_instance_profile", InstanceProfileName="nodes")
    side.call("iam", "remove_role_from_instance_profile", InstanceProfileName="nodes", RoleName="node")
    side.call("iam", "delete_instance_profile", InstanceProfileName="nodes")
    side.call("iam", "get_instance_profile", InstanceProfileName="nodes")


ROWS = [
    vpcs,
    subnets,
    security_groups,
    filters,
    attachments,
    launch_templates,
    auto_scaling,
    standby,
    sts,
    iam,
]
