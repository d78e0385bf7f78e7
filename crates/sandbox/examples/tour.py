#!/usr/bin/env python3
"""A tour of the AWS sandbox with nothing but boto3.

    aws-sandbox serve --clock manual &
    pip install boto3
    python3 tour.py                          # or: python3 tour.py http://127.0.0.1:4566

It meets what no other emulator has: prefixes that do not fit though addresses are free, reservations, limits of interfaces,
client tokens, the schemas of add-ons, and throttling. Every step checks itself.
"""

import json
import sys
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:4566"
# Any credentials do. Retries are off so that each refusal is seen; waiters look without pausing.
COMMON = {
    "region_name": "us-west-2",
    "endpoint_url": ENDPOINT,
    "aws_access_key_id": "tour",
    "aws_secret_access_key": "tour",
    "config": Config(retries={"total_max_attempts": 1}),
}
ec2 = boto3.client("ec2", **COMMON)
eks = boto3.client("eks", **COMMON)
AT_ONCE = {"Delay": 0, "MaxAttempts": 60}


def say(text):
    print(text, flush=True)


def control(method, path, body):
    """The control API of the sandbox lies beside AWS, under /_sandbox/."""
    request = urllib.request.Request(f"{ENDPOINT}/_sandbox/{path}", data=json.dumps(body).encode(), method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def refused(code, call, /, **parameters):
    """Calls, wants this refusal, and gives AWS's message."""
    try:
        call(**parameters)
    except ClientError as error:
        given = error.response["Error"]
        assert given["Code"] == code, f"{given['Code']}: {given['Message']}"
        say(f"  refused: {code}: {given['Message']}")
        return given["Message"]
    raise AssertionError(f"not refused with {code}")


def wait(client, waiter, /, **what):
    """One of boto3's own waiters; the clock of the sandbox goes on by a second before each look."""
    event = f"before-call.{client.meta.service_model.service_name}"
    client.meta.events.register(event, tick, unique_id="tick")
    try:
        client.get_waiter(waiter).wait(WaiterConfig=AT_ONCE, **what)
    finally:
        client.meta.events.unregister(event, unique_id="tick")


def tick(**_):
    control("POST", "clock/advance", {"seconds": 1})


def network():
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = {}
    for cidr, zone in (("10.0.0.0/24", "us-west-2a"), ("10.0.1.0/24", "us-west-2b")):
        made = ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=zone)["Subnet"]
        subnets[zone] = made["SubnetId"]
    wait(ec2, "subnet_available", SubnetIds=list(subnets.values()))
    say(f"a VPC with the subnets {', '.join(subnets.values())}")
    return subnets


def available(subnet):
    return ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["AvailableIpAddressCount"]


def prefixes_need_whole_blocks(subnet):
    """A /24 is filled with single addresses, all but one of which in each /28 are given back."""
    say("prefixes need whole blocks:")
    holders = []
    while available(subnet) > 50:
        eni = ec2.create_network_interface(SubnetId=subnet, SecondaryPrivateIpAddressCount=49)
        holders.append(eni["NetworkInterface"]["NetworkInterfaceId"])
    last = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    if available(subnet):
        ec2.assign_private_ip_addresses(NetworkInterfaceId=last, SecondaryPrivateIpAddressCount=available(subnet))
    holders.append(last)
    refused("InsufficientFreeAddressesInSubnet", ec2.create_network_interface, SubnetId=subnet)
    keep_one_a_block(subnet)
    say(f"  {available(subnet)} addresses are free, and no /28 is")
    node = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    refused("InsufficientCidrBlocks", ec2.assign_private_ip_addresses, NetworkInterfaceId=node, Ipv4PrefixCount=1)
    return node


def interfaces(subnet):
    pages = ec2.get_paginator("describe_network_interfaces").paginate(
        Filters=[{"Name": "subnet-id", "Values": [subnet]}], PaginationConfig={"PageSize": 5}
    )
    return [eni for page in pages for eni in page["NetworkInterfaces"]]


def block_of(address):
    return int(address.rsplit(".", 1)[1]) // 16


def keep_one_a_block(subnet):
    """Gives back every secondary address but the first of each /28."""
    seen = interfaces(subnet)
    kept = {block_of(eni["PrivateIpAddress"]) for eni in seen}
    for eni in seen:
        free = []
        for address in (a["PrivateIpAddress"] for a in eni["PrivateIpAddresses"] if not a["Primary"]):
            if block_of(address) in kept:
                free.append(address)
            kept.add(block_of(address))
        if free:
            ec2.unassign_private_ip_addresses(NetworkInterfaceId=eni["NetworkInterfaceId"], PrivateIpAddresses=free)


def a_reservation_keeps_room(subnet, node):
    """Reserving over addresses in use is allowed; what is then given back is kept for prefixes."""
    say("a reservation keeps room for prefixes:")
    ec2.create_subnet_cidr_reservation(SubnetId=subnet, Cidr="10.0.0.96/27", ReservationType="prefix")
    for eni in interfaces(subnet):
        if eni["NetworkInterfaceId"] == node:
            continue
        inside = [
            a["PrivateIpAddress"] for a in eni["PrivateIpAddresses"] if block_of(a["PrivateIpAddress"]) in (6, 7)
        ]
        if eni["PrivateIpAddress"] in inside:
            ec2.delete_network_interface(NetworkInterfaceId=eni["NetworkInterfaceId"])
        elif inside:
            ec2.unassign_private_ip_addresses(NetworkInterfaceId=eni["NetworkInterfaceId"], PrivateIpAddresses=inside)
    given = ec2.assign_private_ip_addresses(NetworkInterfaceId=node, Ipv4PrefixCount=1)
    prefix = given["AssignedIpv4Prefixes"][0]["Ipv4Prefix"]
    assert prefix in ("10.0.0.96/28", "10.0.0.112/28"), prefix
    say(f"  given: {prefix}")


def a_type_has_its_limits(subnet):
    say("an m5.large takes three interfaces:")
    started = ec2.run_instances(
        ImageId=image(), InstanceType="m5.large", MinCount=1, MaxCount=1, SubnetId=subnet
    )
    instance = started["Instances"][0]["InstanceId"]
    wait(ec2, "instance_running", InstanceIds=[instance])
    for index in (1, 2, 3):
        eni = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
        wait(ec2, "network_interface_available", NetworkInterfaceIds=[eni])
        attach = {"NetworkInterfaceId": eni, "InstanceId": instance, "DeviceIndex": index}
        if index < 3:
            ec2.attach_network_interface(**attach)
        else:
            refused("AttachmentLimitExceeded", ec2.attach_network_interface, **attach)
    ec2.terminate_instances(InstanceIds=[instance])
    wait(ec2, "instance_terminated", InstanceIds=[instance])


def image():
    return ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]


def a_token_makes_one(subnet):
    say("asked twice with a client token, one interface is made:")
    ask = {"SubnetId": subnet, "Description": "once", "ClientToken": "tour-1"}
    made = {ec2.create_network_interface(**ask)["NetworkInterface"]["NetworkInterfaceId"] for _ in range(2)}
    assert len(made) == 1, made
    say(f"  made: {made.pop()}")
    refused("IdempotentParameterMismatch", ec2.create_network_interface, **{**ask, "Description": "twice"})


def add_ons_have_schemas(subnets):
    say("the settings of an add-on are held against the schema of its version:")
    eks.create_cluster(
        name="tour",
        version="1.35",
        roleArn="arn:aws:iam::123456789012:role/cluster",
        resourcesVpcConfig={"subnetIds": list(subnets.values())},
    )
    wait(eks, "cluster_active", name="tour")
    eks.create_addon(clusterName="tour", addonName="vpc-cni")
    addon = {"clusterName": "tour", "addonName": "vpc-cni"}
    wait(eks, "addon_active", **addon)
    good = eks.update_addon(**addon, configurationValues='{"env":{"ENABLE_PREFIX_DELEGATION":"true"}}')
    wait(eks, "addon_active", **addon)
    done = eks.describe_update(name="tour", addonName="vpc-cni", updateId=good["update"]["id"])["update"]
    assert done["status"] == "Successful", done
    refused(
        "InvalidParameterException", eks.update_addon, **addon, configurationValues='{"env":{"ENABLE_PREFIXES":"true"}}'
    )


def a_node_group_has_instances(subnets):
    say("a node group is an Auto Scaling group with real instances:")
    eks.create_nodegroup(
        clusterName="tour",
        nodegroupName="workers",
        nodeRole="arn:aws:iam::123456789012:role/node",
        subnets=list(subnets.values()),
        instanceTypes=["m5.large"],
        scalingConfig={"minSize": 1, "desiredSize": 2, "maxSize": 3},
    )
    wait(eks, "nodegroup_active", clusterName="tour", nodegroupName="workers")
    pages = ec2.get_paginator("describe_instances").paginate(
        Filters=[{"Name": "tag:eks:nodegroup-name", "Values": ["workers"]}]
    )
    zones = sorted(pages.search("Reservations[].Instances[].Placement.AvailabilityZone"))
    assert zones == ["us-west-2a", "us-west-2b"], zones
    say(f"  it has one instance each in {' and '.join(zones)}")


def hammering_is_throttled():
    """DescribeNetworkInterfaces without a filter or a page has 50 tokens, and 10 more each second."""
    say("who hammers is throttled:")
    control("PUT", "throttle", {"rate": "on"})
    calls = 0
    while True:
        try:
            ec2.describe_network_interfaces()
        except ClientError as error:
            assert error.response["Error"]["Code"] == "RequestLimitExceeded", error
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 503
            break
        calls += 1
        assert calls < 1000, "nobody throttles"
    say(f"  RequestLimitExceeded after {calls} calls")
    control("POST", "clock/advance", {"seconds": 2})
    for _ in range(20):
        ec2.describe_network_interfaces()
    say("  and 20 more two seconds later")


def main():
    subnets = network()
    first, second = subnets.values()
    node = prefixes_need_whole_blocks(first)
    a_reservation_keeps_room(first, node)
    a_type_has_its_limits(second)
    a_token_makes_one(second)
    add_ons_have_schemas(subnets)
    a_node_group_has_instances(subnets)
    hammering_is_throttled()
    say("the sandbox does all of it")


if __name__ == "__main__":
    main()
