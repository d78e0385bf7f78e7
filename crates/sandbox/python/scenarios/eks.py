"""Clusters and add-ons."""

from scenarios import scenario
from world import cluster


@scenario
def clusters(aws):
    name = cluster(aws)
    seen = aws.eks.describe_cluster(name=name)["cluster"]
    assert seen["status"] == "ACTIVE" and seen["resourcesVpcConfig"]["clusterSecurityGroupId"].startswith("sg-")
    assert list(aws.eks.get_paginator("list_clusters").paginate().search("clusters")) == [name]
    aws.refused("ResourceNotFoundException", aws.eks.describe_cluster, name="other")


@scenario
def add_ons(aws):
    name = cluster(aws)
    aws.eks.create_addon(
        clusterName=name, addonName="vpc-cni", configurationValues='{"env":{"ENABLE_PREFIX_DELEGATION":"true"}}'
    )
    aws.eks.get_waiter("addon_active").wait(clusterName=name, addonName="vpc-cni")
    assert list(aws.eks.get_paginator("list_addons").paginate(clusterName=name).search("addons")) == ["vpc-cni"]
    seen = aws.eks.describe_addon(clusterName=name, addonName="vpc-cni")["addon"]
    assert seen["status"] == "ACTIVE" and "ENABLE_PREFIX_DELEGATION" in seen["configurationValues"]
    message = aws.refused(
        "InvalidParameterException",
        aws.eks.create_addon,
        clusterName=name,
        addonName="coredns",
        configurationValues='{"replicas":"three"}',
    )
    assert message.startswith("ConfigurationValue provided in request is not supported"), message
    aws.eks.delete_addon(clusterName=name, addonName="vpc-cni")
    aws.eks.get_waiter("addon_deleted").wait(clusterName=name, addonName="vpc-cni")
