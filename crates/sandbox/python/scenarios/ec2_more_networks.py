"""What ends networks and changes them: rules of groups, attributes of subnets, IPv6, trunks."""

from scenarios import scenario
from world import a_subnet, by_name, group, instance, interface, subnet, vpc

RULE = {"IpProtocol": "tcp", "FromPort": 10250, "ToPort": 10250, "IpRanges": [{"CidrIp": "10.0.0.0/16"}]}


@scenario
def rules(aws):
    nodes = group(aws, vpc(aws))
    made = aws.ec2.authorize_security_group_ingress(GroupId=nodes, IpPermissions=[RULE])
    assert made["SecurityGroupRules"][0]["ToPort"] == 10250
    aws.ec2.authorize_security_group_egress(GroupId=nodes, IpPermissions=[RULE])
    seen = aws.ec2.describe_security_groups(GroupIds=[nodes])["SecurityGroups"][0]
    assert seen["IpPermissions"][0]["IpRanges"] == [{"CidrIp": "10.0.0.0/16"}]
    aws.refused(
        "InvalidPermission.Duplicate", aws.ec2.authorize_security_group_ingress, GroupId=nodes, IpPermissions=[RULE]
    )
    aws.ec2.revoke_security_group_ingress(GroupId=nodes, IpPermissions=[RULE])
    aws.ec2.revoke_security_group_egress(GroupId=nodes, IpPermissions=[RULE])
    aws.ec2.delete_security_group(GroupId=nodes)
    aws.refused("InvalidGroup.NotFound", aws.ec2.delete_security_group, GroupId=nodes)


@scenario
def everything_goes(aws):
    main = vpc(aws)
    one = subnet(aws, main)
    nodes = group(aws, main)
    aws.refused("DependencyViolation", aws.ec2.delete_vpc, VpcId=main)
    aws.ec2.modify_subnet_attribute(SubnetId=one, MapPublicIpOnLaunch={"Value": True})
    assert aws.ec2.describe_subnets(SubnetIds=[one])["Subnets"][0]["MapPublicIpOnLaunch"] is True
    added = aws.ec2.associate_vpc_cidr_block(VpcId=main, CidrBlock="100.64.0.0/16")["CidrBlockAssociation"]
    aws.ec2.disassociate_vpc_cidr_block(AssociationId=added["AssociationId"])
    aws.ec2.delete_security_group(GroupId=nodes)
    aws.ec2.delete_subnet(SubnetId=one)
    aws.ec2.delete_vpc(VpcId=main)
    aws.refused("InvalidVpcID.NotFound", aws.ec2.delete_vpc, VpcId=main)


@scenario
def ipv6(aws):
    main = aws.ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
    seen = aws.ec2.describe_vpcs(VpcIds=[main["VpcId"]])["Vpcs"][0]
    block = seen["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"].replace("/56", "/64")
    one = aws.ec2.create_subnet(VpcId=main["VpcId"], CidrBlock="10.0.0.0/24", Ipv6CidrBlock=block)["Subnet"]["SubnetId"]
    eni = interface(aws, one)
    given = aws.ec2.assign_ipv6_addresses(NetworkInterfaceId=eni, Ipv6AddressCount=1)["AssignedIpv6Addresses"]
    prefixes = aws.ec2.assign_ipv6_addresses(NetworkInterfaceId=eni, Ipv6PrefixCount=1)["AssignedIpv6Prefixes"]
    assert len(given) == 1 and prefixes[0].endswith("/80")
    aws.ec2.unassign_ipv6_addresses(NetworkInterfaceId=eni, Ipv6Addresses=given)
    aws.ec2.unassign_ipv6_addresses(NetworkInterfaceId=eni, Ipv6Prefixes=prefixes)


@scenario
def trunks(aws):
    one = a_subnet(aws)
    node = instance(aws, one)
    trunk = interface(aws, one, InterfaceType="trunk")
    aws.ec2.attach_network_interface(NetworkInterfaceId=trunk, InstanceId=node, DeviceIndex=1)
    branch = interface(aws, one, InterfaceType="branch")
    made = aws.ec2.associate_trunk_interface(BranchInterfaceId=branch, TrunkInterfaceId=trunk, VlanId=7)
    association = made["InterfaceAssociation"]["AssociationId"]
    pages = aws.ec2.get_paginator("describe_trunk_interface_associations").paginate()
    assert [a["VlanId"] for a in pages.search("InterfaceAssociations")] == [7]
    aws.ec2.disassociate_trunk_interface(AssociationId=association)


@scenario
def one_attribute(aws):
    eni = interface(aws, a_subnet(aws), Description="spare")
    seen = aws.ec2.describe_network_interface_attribute(NetworkInterfaceId=eni, Attribute="description")
    assert seen["Description"]["Value"] == "spare"


@scenario
def nothing_of_those(aws):
    for method, key in (
        ("describe_capacity_reservations", "CapacityReservations"),
        ("describe_placement_groups", "PlacementGroups"),
        ("describe_route_tables", "RouteTables"),
    ):
        assert isinstance(getattr(aws.ec2, method)()[key], list), method
    assert aws.ec2.describe_network_interfaces(Filters=[by_name("status", "none")])["NetworkInterfaces"] == []
