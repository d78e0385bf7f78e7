"""VPCs, subnets, reservations, security groups, zones and tags."""

from scenarios import scenario
from world import a_subnet, by_name, group, interface, subnet, vpc


@scenario
def vpcs(aws):
    made = aws.ec2.create_vpc(
        CidrBlock="10.0.0.0/16",
        TagSpecifications=[{"ResourceType": "vpc", "Tags": [{"Key": "Name", "Value": "main"}]}],
    )["Vpc"]
    aws.ec2.associate_vpc_cidr_block(VpcId=made["VpcId"], CidrBlock="100.64.0.0/16")
    seen = aws.ec2.describe_vpcs(VpcIds=[made["VpcId"]])["Vpcs"][0]
    assert [block["CidrBlock"] for block in seen["CidrBlockAssociationSet"]] == ["10.0.0.0/16", "100.64.0.0/16"]
    assert seen["Tags"] == [{"Key": "Name", "Value": "main"}]
    aws.ec2.get_waiter("vpc_available").wait(VpcIds=[made["VpcId"]])
    aws.refused("InvalidVpcID.NotFound", aws.ec2.describe_vpcs, VpcIds=["vpc-0123456789abcdef0"])


@scenario
def subnets(aws):
    main = vpc(aws)
    first = subnet(aws, main, "10.0.0.0/24")
    subnet(aws, main, "10.0.1.0/24", "us-west-2b")
    aws.ec2.get_waiter("subnet_available").wait(SubnetIds=[first])
    found = aws.ec2.describe_subnets(Filters=[by_name("availability-zone", "us-west-2b")])["Subnets"]
    assert [(s["CidrBlock"], s["AvailableIpAddressCount"]) for s in found] == [("10.0.1.0/24", 251)]
    aws.refused("InvalidSubnet.Conflict", aws.ec2.create_subnet, VpcId=main, CidrBlock="10.0.1.0/25")
    aws.refused("InvalidSubnet.Range", aws.ec2.create_subnet, VpcId=main, CidrBlock="10.0.2.0/29")


@scenario
def pages(aws):
    main = vpc(aws)
    made = {subnet(aws, main, f"10.0.{number}.0/24") for number in range(12)}
    paginator = aws.ec2.get_paginator("describe_subnets")
    seen = [list(page["Subnets"]) for page in paginator.paginate(PaginationConfig={"PageSize": 5})]
    assert [len(page) for page in seen] == [5, 5, 2]
    assert {s["SubnetId"] for page in seen for s in page} == made
    aws.refused("InvalidNextToken", aws.ec2.describe_subnets, NextToken="made-up")


@scenario
def reservations(aws):
    one = a_subnet(aws)
    made = aws.ec2.create_subnet_cidr_reservation(
        SubnetId=one, Cidr="10.0.0.64/27", ReservationType="prefix", Description="pods"
    )["SubnetCidrReservation"]
    seen = aws.ec2.get_subnet_cidr_reservations(SubnetId=one)["SubnetIpv4CidrReservations"]
    assert [r["SubnetCidrReservationId"] for r in seen] == [made["SubnetCidrReservationId"]]
    gone = aws.ec2.delete_subnet_cidr_reservation(SubnetCidrReservationId=made["SubnetCidrReservationId"])
    assert gone["DeletedSubnetCidrReservation"]["Cidr"] == "10.0.0.64/27"


@scenario
def security_groups(aws):
    main = vpc(aws)
    nodes = group(aws, main)
    seen = aws.ec2.describe_security_groups(Filters=[by_name("group-name", "nod*")])["SecurityGroups"]
    assert [g["GroupId"] for g in seen] == [nodes]
    aws.refused(
        "InvalidGroup.Duplicate", aws.ec2.create_security_group, GroupName="nodes", Description="again", VpcId=main
    )


@scenario
def zones(aws):
    seen = aws.ec2.describe_availability_zones()["AvailabilityZones"]
    assert {"us-west-2a", "us-west-2b", "us-west-2c"} <= {zone["ZoneName"] for zone in seen}


@scenario
def tags(aws):
    one = a_subnet(aws)
    eni = interface(aws, one)
    aws.ec2.create_tags(Resources=[one, eni], Tags=[{"Key": "team", "Value": "net"}])
    seen = list(aws.ec2.get_paginator("describe_tags").paginate(Filters=[by_name("key", "team")]).search("Tags"))
    assert {(tag["ResourceId"], tag["ResourceType"]) for tag in seen} == {(one, "subnet"), (eni, "network-interface")}
    aws.ec2.delete_tags(Resources=[one], Tags=[{"Key": "team"}])
    assert len(aws.ec2.describe_tags(Filters=[by_name("value", "net")])["Tags"]) == 1
    aws.refused(
        "InvalidNetworkInterfaceID.NotFound",
        aws.ec2.create_tags,
        Resources=["eni-0123456789abcdef0"],
        Tags=[{"Key": "a", "Value": "b"}],
    )
