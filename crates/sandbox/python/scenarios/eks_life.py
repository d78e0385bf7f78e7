"""What changes in a cluster: versions, add-ons, pod identities, node groups, tags, and the updates of all of them."""

from scenarios import scenario
from world import cluster

ROLE = "arn:aws:iam::123456789012:role/nodes"


def updated(aws, name, begun, **of):
    """The update that began is over, and well."""
    update = aws.eks.describe_update(name=name, updateId=begun["update"]["id"], **of)["update"]
    assert update["status"] == "Successful" and update["errors"] == [], update
    listed = aws.eks.get_paginator("list_updates").paginate(name=name, **of).search("updateIds")
    assert update["id"] in list(listed)
    return update


def node_group(aws, cluster_name, **parameters):
    subnets = aws.eks.describe_cluster(name=cluster_name)["cluster"]["resourcesVpcConfig"]["subnetIds"]
    aws.eks.create_nodegroup(
        clusterName=cluster_name,
        nodegroupName="blue",
        nodeRole=ROLE,
        subnets=subnets,
        scalingConfig={"minSize": 1, "desiredSize": 2, "maxSize": 4},
        **parameters,
    )
    waiter = aws.eks.get_waiter("nodegroup_active")
    waiter.wait(clusterName=cluster_name, nodegroupName="blue", WaiterConfig={"Delay": 0, "MaxAttempts": 20})


@scenario
def a_cluster_changes_and_goes(aws):
    name = cluster(aws)
    begun = aws.eks.update_cluster_version(name=name, version="1.36")
    assert updated(aws, name, begun)["type"] == "VersionUpdate"
    aws.refused("InvalidParameterException", aws.eks.update_cluster_version, name=name, version="1.35")
    begun = aws.eks.update_cluster_config(
        name=name, resourcesVpcConfig={"endpointPrivateAccess": True, "publicAccessCidrs": ["192.0.2.0/24"]}
    )
    updated(aws, name, begun)
    begun = aws.eks.update_cluster_config(name=name, logging={"clusterLogging": [{"types": ["api"], "enabled": True}]})
    updated(aws, name, begun)
    aws.eks.delete_cluster(name=name)
    aws.eks.get_waiter("cluster_deleted").wait(name=name, WaiterConfig={"Delay": 0, "MaxAttempts": 20})


@scenario
def what_eks_offers(aws):
    offered = aws.eks.get_paginator("describe_addon_versions").paginate(
        addonName="vpc-cni", kubernetesVersion="1.36", types=["networking"], publishers=["eks"], owners=["aws"]
    )
    (addon,) = offered.search("addons")
    newest = addon["addonVersions"][0]["addonVersion"]
    schema = aws.eks.describe_addon_configuration(addonName="vpc-cni", addonVersion=newest)
    assert "ENABLE_PREFIX_DELEGATION" in schema["configurationSchema"]
    aws.refused(
        "ResourceNotFoundException", aws.eks.describe_addon_configuration, addonName="vpc-cni", addonVersion="v9.9.9"
    )


@scenario
def an_add_on_is_updated(aws):
    name = cluster(aws)
    identity = {"serviceAccount": "aws-node", "roleArn": ROLE}
    aws.eks.create_addon(
        clusterName=name,
        addonName="vpc-cni",
        addonVersion="v1.21.2-eksbuild.2",
        podIdentityAssociations=[identity],
        resolveConflicts="OVERWRITE",
        tags={"a": "1"},
    )
    begun = aws.eks.update_addon(
        clusterName=name,
        addonName="vpc-cni",
        addonVersion="v1.22.4-eksbuild.3",
        configurationValues='{"env":{"WARM_IP_TARGET":"2"}}',
        serviceAccountRoleArn=ROLE,
        podIdentityAssociations=[],
        resolveConflicts="PRESERVE",
    )
    assert updated(aws, name, begun, addonName="vpc-cni")["type"] == "AddonUpdate"
    message = aws.refused(
        "InvalidParameterException",
        aws.eks.update_addon,
        clusterName=name,
        addonName="vpc-cni",
        configurationValues='{"env":{"NOPE":"1"}}',
    )
    assert "$.env.NOPE: is not defined in the schema" in message, message


@scenario
def pod_identities(aws):
    name = cluster(aws)
    made = aws.eks.create_pod_identity_association(
        clusterName=name, namespace="apps", serviceAccount="shop", roleArn=ROLE, tags={"a": "1"}
    )
    which = {"clusterName": name, "associationId": made["association"]["associationId"]}
    assert aws.eks.describe_pod_identity_association(**which)["association"]["roleArn"] == ROLE
    aws.eks.update_pod_identity_association(**which, roleArn=ROLE + "2", disableSessionTags=True)
    pages = aws.eks.get_paginator("list_pod_identity_associations")
    (found,) = pages.paginate(clusterName=name, namespace="apps", serviceAccount="shop").search("associations")
    assert found["associationId"] == which["associationId"]
    aws.eks.delete_pod_identity_association(**which)
    aws.refused("ResourceNotFoundException", aws.eks.describe_pod_identity_association, **which)


@scenario
def node_groups(aws):
    name = cluster(aws)
    node_group(aws, name, instanceTypes=["m5.large"], releaseVersion="1.35.3-20260715", labels={"a": "1"})
    which = {"clusterName": name, "nodegroupName": "blue"}
    assert list(aws.eks.get_paginator("list_nodegroups").paginate(clusterName=name).search("nodegroups")) == ["blue"]
    begun = aws.eks.update_nodegroup_config(
        **which,
        scalingConfig={"desiredSize": 3},
        updateConfig={"maxUnavailablePercentage": 50},
        labels={"addOrUpdateLabels": {"b": "2"}, "removeLabels": ["a"]},
        taints={"addOrUpdateTaints": [{"key": "x", "effect": "NO_SCHEDULE"}]},
    )
    updated(aws, name, begun, nodegroupName="blue")
    begun = aws.eks.update_nodegroup_version(**which)
    updated(aws, name, begun, nodegroupName="blue")
    group = aws.eks.describe_nodegroup(**which)["nodegroup"]
    assert group["releaseVersion"] == "1.35.3-20260812" and group["labels"] == {"b": "2"}, group
    (scaling,) = aws.autoscaling.describe_auto_scaling_groups(
        AutoScalingGroupNames=[group["resources"]["autoScalingGroups"][0]["name"]]
    )["AutoScalingGroups"]
    assert len(scaling["Instances"]) == 3
    aws.refused("ResourceInUseException", aws.eks.delete_cluster, name=name)
    aws.eks.delete_nodegroup(**which)
    waiter = aws.eks.get_waiter("nodegroup_deleted")
    waiter.wait(**which, WaiterConfig={"Delay": 0, "MaxAttempts": 20})


@scenario
def tags_of_eks(aws):
    arn = aws.eks.describe_cluster(name=cluster(aws))["cluster"]["arn"]
    aws.eks.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2"})
    aws.eks.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert aws.eks.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "2"}
