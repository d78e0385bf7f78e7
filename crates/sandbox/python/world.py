"""The shortest ways to things that a scenario needs but is not about."""

ZONE = "us-west-2a"


def vpc(aws, cidr="10.0.0.0/16"):
    return aws.ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]


def subnet(aws, vpc_id, cidr="10.0.0.0/24", zone=ZONE):
    made = aws.ec2.create_subnet(VpcId=vpc_id, CidrBlock=cidr, AvailabilityZone=zone)
    return made["Subnet"]["SubnetId"]


def a_subnet(aws, cidr="10.0.0.0/24", zone=ZONE):
    return subnet(aws, vpc(aws), cidr, zone)


def two_subnets(aws):
    vpc_id = vpc(aws)
    return [subnet(aws, vpc_id, "10.0.0.0/24", "us-west-2a"), subnet(aws, vpc_id, "10.0.1.0/24", "us-west-2b")]


def group(aws, vpc_id, name="nodes"):
    return aws.ec2.create_security_group(GroupName=name, Description="nodes", VpcId=vpc_id)["GroupId"]


def interface(aws, subnet_id, **parameters):
    made = aws.ec2.create_network_interface(SubnetId=subnet_id, **parameters)
    return made["NetworkInterface"]["NetworkInterfaceId"]


def instance(aws, subnet_id, kind="m5.large", **parameters):
    made = aws.ec2.run_instances(
        ImageId=image(aws), InstanceType=kind, MinCount=1, MaxCount=1, SubnetId=subnet_id, **parameters
    )
    instance_id = made["Instances"][0]["InstanceId"]
    aws.ec2.get_waiter("instance_running").wait(InstanceIds=[instance_id], WaiterConfig={"Delay": 0, "MaxAttempts": 20})
    return instance_id


def image(aws):
    """An image that the sandbox has, or any id where it does not know images."""
    if ("ec2", "DescribeImages") not in aws.actions():
        return "ami-00000000000000001"
    return aws.ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]


def cluster(aws, name="demo"):
    subnets = two_subnets(aws)
    aws.eks.create_cluster(
        name=name,
        roleArn="arn:aws:iam::123456789012:role/cluster",
        version="1.35",
        resourcesVpcConfig={"subnetIds": subnets},
    )
    aws.eks.get_waiter("cluster_active").wait(name=name, WaiterConfig={"Delay": 0, "MaxAttempts": 20})
    return name


def by_name(name, *values):
    return {"Name": name, "Values": list(values)}
