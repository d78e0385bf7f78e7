"""What changes in EKS: versions, add-ons, node groups, identities, tags."""

import json

from scenarios import scenario
from world import cluster, two_subnets

NODE_ROLE = "arn:aws:iam::123456789012:role/node"
QUICK = {"Delay": 0, "MaxAttempts": 60}


def add_on(aws, name, **parameters):
    addon = {"clusterName": name, "addonName": "vpc-cni"}
    aws.eks.create_addon(**addon, **parameters)
    aws.eks.get_waiter("addon_active").wait(**addon, WaiterConfig=QUICK)
    return addon


def succeed(aws, answer, **where):
    """Lets an update happen, and wants it to have gone well."""
    aws.advance(3600)
    update = aws.eks.describe_update(updateId=answer["update"]["id"], **where)["update"]
    assert update["status"] == "Successful", update
    return update


@scenario
def versions(aws):
    name = cluster(aws)
    changed = aws.eks.update_cluster_version(name=name, version="1.36")
    succeed(aws, changed, name=name)
    assert aws.eks.describe_cluster(name=name)["cluster"]["version"] == "1.36"
    private = aws.eks.update_cluster_config(name=name, resourcesVpcConfig={"endpointPrivateAccess": True})
    succeed(aws, private, name=name)
    listed = list(aws.eks.get_paginator("list_updates").paginate(name=name).search("updateIds"))
    assert sorted(listed) == sorted(made["update"]["id"] for made in (changed, private))
    aws.refused("ResourceInUseException", aws.eks.create_cluster, **again(aws, name))
    aws.eks.delete_cluster(name=name)
    aws.advance(3600)
    aws.eks.get_waiter("cluster_deleted").wait(name=name, WaiterConfig=QUICK)


def again(aws, name):
    return {"name": name, "roleArn": NODE_ROLE, "resourcesVpcConfig": {"subnetIds": two_subnets(aws)}}


@scenario
def settings_of_an_add_on(aws):
    name = cluster(aws)
    addon = add_on(aws, name)
    values = json.dumps({"env": {"ENABLE_PREFIX_DELEGATION": "true"}})
    changed = aws.eks.update_addon(**addon, configurationValues=values, resolveConflicts="PRESERVE")
    succeed(aws, changed, name=name, addonName="vpc-cni")
    assert json.loads(aws.eks.describe_addon(**addon)["addon"]["configurationValues"]) == json.loads(values)
    listed = aws.eks.list_updates(name=name, addonName="vpc-cni")["updateIds"]
    assert changed["update"]["id"] in listed
    message = aws.refused(
        "InvalidParameterException", aws.eks.update_addon, **addon, configurationValues='{"env":{"NO_SUCH":"x"}}'
    )
    assert "NO_SUCH" in message, message
    aws.eks.delete_addon(**addon, preserve=True)
    aws.advance(3600)
    aws.eks.get_waiter("addon_deleted").wait(**addon, WaiterConfig=QUICK)


@scenario
def catalogue(aws):
    pages = aws.eks.get_paginator("describe_addon_versions").paginate(addonName="vpc-cni", kubernetesVersion="1.35")
    found = list(pages.search("addons[].addonVersions[].addonVersion"))
    assert found
    schema = aws.eks.describe_addon_configuration(addonName="vpc-cni", addonVersion="v1.23.0-eksbuild.1")
    assert "ENABLE_PREFIX_DELEGATION" in schema["configurationSchema"]


def node_group(aws, name, **parameters):
    where = {"clusterName": name, "nodegroupName": "workers"}
    subnets = aws.eks.describe_cluster(name=name)["cluster"]["resourcesVpcConfig"]["subnetIds"]
    given = {"instanceTypes": ["m5.large"], **parameters}
    aws.eks.create_nodegroup(
        **where,
        nodeRole=NODE_ROLE,
        subnets=subnets,
        scalingConfig={"minSize": 1, "desiredSize": 2, "maxSize": 3},
        **given,
    )
    aws.advance(3600)
    aws.eks.get_waiter("nodegroup_active").wait(**where, WaiterConfig=QUICK)
    return where


@scenario
def node_groups(aws):
    name = cluster(aws)
    where = node_group(aws, name, labels={"team": "net"}, tags={"a": "b"})
    assert list(aws.eks.get_paginator("list_nodegroups").paginate(clusterName=name).search("nodegroups")) == ["workers"]
    seen = aws.eks.describe_nodegroup(**where)["nodegroup"]
    group = seen["resources"]["autoScalingGroups"][0]["name"]
    instances = aws.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"][0]
    assert len(instances["Instances"]) == 2
    changed = aws.eks.update_nodegroup_config(**where, scalingConfig={"minSize": 1, "desiredSize": 1, "maxSize": 3})
    succeed(aws, changed, name=name, nodegroupName="workers")
    aws.refused("InvalidRequestException", aws.eks.update_nodegroup_version, **where)
    aws.refused("ResourceInUseException", aws.eks.delete_cluster, name=name)
    aws.eks.delete_nodegroup(**where)
    aws.advance(3600)
    aws.eks.get_waiter("nodegroup_deleted").wait(**where, WaiterConfig=QUICK)


@scenario
def a_new_template_version_rolls(aws):
    name = cluster(aws)
    template = aws.ec2.create_launch_template(
        LaunchTemplateName="nodes", LaunchTemplateData={"InstanceType": "m5.large"}
    )["LaunchTemplate"]
    use = {"id": template["LaunchTemplateId"], "version": "1"}
    where = node_group(aws, name, launchTemplate=use, instanceTypes=[])
    aws.ec2.create_launch_template_version(
        LaunchTemplateName="nodes", LaunchTemplateData={"InstanceType": "c5.large"}
    )
    changed = aws.eks.update_nodegroup_version(**where, launchTemplate={**use, "version": "2"}, force=True)
    succeed(aws, changed, name=name, nodegroupName="workers")
    pages = aws.ec2.get_paginator("describe_instances").paginate(
        Filters=[{"Name": "instance-state-name", "Values": ["running"]}]
    )
    assert set(pages.search("Reservations[].Instances[].InstanceType")) == {"c5.large"}


@scenario
def pod_identities(aws):
    name = cluster(aws)
    made = aws.eks.create_pod_identity_association(
        clusterName=name, namespace="kube-system", serviceAccount="aws-node", roleArn=NODE_ROLE
    )["association"]
    where = {"clusterName": name, "associationId": made["associationId"]}
    assert aws.eks.describe_pod_identity_association(**where)["association"]["serviceAccount"] == "aws-node"
    pages = aws.eks.get_paginator("list_pod_identity_associations").paginate(clusterName=name)
    assert [a["associationId"] for a in pages.search("associations")] == [made["associationId"]]
    aws.eks.update_pod_identity_association(**where, roleArn=f"{NODE_ROLE}-2")
    assert aws.eks.describe_pod_identity_association(**where)["association"]["roleArn"] == f"{NODE_ROLE}-2"
    aws.eks.delete_pod_identity_association(**where)


@scenario
def eks_tags(aws):
    name = cluster(aws)
    arn = aws.eks.describe_cluster(name=name)["cluster"]["arn"]
    aws.eks.tag_resource(resourceArn=arn, tags={"team": "net", "a": "b"})
    aws.eks.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert aws.eks.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "net"}
