"""Network interfaces, their addresses and prefixes, their attachments."""

from scenarios import scenario
from world import a_subnet, by_name, instance, interface


@scenario
def an_interface(aws):
    one = a_subnet(aws)
    made = aws.ec2.create_network_interface(
        SubnetId=one,
        Description="spare",
        SecondaryPrivateIpAddressCount=2,
        ClientToken="once",
        TagSpecifications=[{"ResourceType": "network-interface", "Tags": [{"Key": "node", "Value": "a"}]}],
    )["NetworkInterface"]
    eni = made["NetworkInterfaceId"]
    aws.ec2.get_waiter("network_interface_available").wait(NetworkInterfaceIds=[eni])
    aws.ec2.modify_network_interface_attribute(NetworkInterfaceId=eni, Description={"Value": "used"})
    aws.ec2.modify_network_interface_attribute(NetworkInterfaceId=eni, SourceDestCheck={"Value": False})
    seen = aws.ec2.describe_network_interfaces(Filters=[by_name("tag:node", "a")])["NetworkInterfaces"][0]
    assert (seen["Description"], seen["SourceDestCheck"], len(seen["PrivateIpAddresses"])) == ("used", False, 3)
    aws.ec2.delete_network_interface(NetworkInterfaceId=eni)
    aws.refused("InvalidNetworkInterfaceID.NotFound", aws.ec2.delete_network_interface, NetworkInterfaceId=eni)


@scenario
def addresses(aws):
    eni = interface(aws, a_subnet(aws))
    given = aws.ec2.assign_private_ip_addresses(NetworkInterfaceId=eni, SecondaryPrivateIpAddressCount=3)
    addresses = [a["PrivateIpAddress"] for a in given["AssignedPrivateIpAddresses"]]
    assert len(addresses) == 3
    aws.ec2.unassign_private_ip_addresses(NetworkInterfaceId=eni, PrivateIpAddresses=addresses)
    given = aws.ec2.assign_private_ip_addresses(NetworkInterfaceId=eni, Ipv4PrefixCount=1)
    prefix = given["AssignedIpv4Prefixes"][0]["Ipv4Prefix"]
    assert prefix.endswith("/28")
    aws.ec2.unassign_private_ip_addresses(NetworkInterfaceId=eni, Ipv4Prefixes=[prefix])
    aws.refused(
        "InvalidParameterCombination",
        aws.ec2.assign_private_ip_addresses,
        NetworkInterfaceId=eni,
        Ipv4PrefixCount=1,
        SecondaryPrivateIpAddressCount=1,
    )


@scenario
def attachments(aws):
    one = a_subnet(aws)
    node = instance(aws, one)
    eni = interface(aws, one)
    made = aws.ec2.attach_network_interface(NetworkInterfaceId=eni, InstanceId=node, DeviceIndex=1)
    seen = aws.ec2.describe_network_interfaces(Filters=[by_name("attachment.instance-id", node)])["NetworkInterfaces"]
    assert {e["Attachment"]["DeviceIndex"] for e in seen} == {0, 1}
    aws.ec2.modify_network_interface_attribute(
        NetworkInterfaceId=eni, Attachment={"AttachmentId": made["AttachmentId"], "DeleteOnTermination": True}
    )
    aws.ec2.detach_network_interface(AttachmentId=made["AttachmentId"], Force=True)
    aws.ec2.get_waiter("network_interface_available").wait(NetworkInterfaceIds=[eni])
    aws.refused("InvalidAttachmentID.NotFound", aws.ec2.detach_network_interface, AttachmentId=made["AttachmentId"])


@scenario
def interfaces_by_pages(aws):
    one = a_subnet(aws)
    made = {interface(aws, one) for _ in range(11)}
    paginator = aws.ec2.get_paginator("describe_network_interfaces")
    pages = [p["NetworkInterfaces"] for p in paginator.paginate(PaginationConfig={"PageSize": 5})]
    assert [len(page) for page in pages] == [5, 5, 1]
    assert {e["NetworkInterfaceId"] for page in pages for e in page} == made
