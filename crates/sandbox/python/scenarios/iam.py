"""Roles, policies, instance profiles and identity providers, as nodes, their bootstrap and Karpenter use them."""

import json

from scenarios import scenario

TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
POLICY = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"


def role(aws, name="node"):
    return aws.iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]


@scenario
def roles(aws):
    role(aws)
    assert aws.iam.get_role(RoleName="node")["Role"]["AssumeRolePolicyDocument"] == json.loads(TRUST)
    aws.iam.get_waiter("role_exists").wait(RoleName="node")
    aws.refused(
        "EntityAlreadyExists", aws.iam.create_role, RoleName="node", AssumeRolePolicyDocument=TRUST
    )
    aws.refused("NoSuchEntity", aws.iam.get_role, RoleName="nobody")
    assert aws.iam.get_policy(PolicyArn=POLICY)["Policy"]["PolicyName"] == "AmazonEKS_CNI_Policy"
    aws.iam.attach_role_policy(RoleName="node", PolicyArn=POLICY)
    pages = aws.iam.get_paginator("list_attached_role_policies").paginate(RoleName="node")
    assert [p["PolicyArn"] for p in pages.search("AttachedPolicies")] == [POLICY]
    aws.iam.put_role_policy(RoleName="node", PolicyName="own", PolicyDocument=TRUST)
    aws.refused("DeleteConflict", aws.iam.delete_role, RoleName="node")
    aws.iam.detach_role_policy(RoleName="node", PolicyArn=POLICY)
    aws.iam.delete_role_policy(RoleName="node", PolicyName="own")
    aws.iam.delete_role(RoleName="node")


@scenario
def instance_profiles(aws):
    role(aws)
    made = aws.iam.create_instance_profile(InstanceProfileName="nodes", Tags=[{"Key": "a", "Value": "b"}])
    assert made["InstanceProfile"]["Arn"].endswith(":instance-profile/nodes")
    aws.iam.get_waiter("instance_profile_exists").wait(InstanceProfileName="nodes")
    aws.iam.add_role_to_instance_profile(InstanceProfileName="nodes", RoleName="node")
    seen = aws.iam.get_instance_profile(InstanceProfileName="nodes")["InstanceProfile"]
    assert [r["RoleName"] for r in seen["Roles"]] == ["node"]
    aws.iam.tag_instance_profile(InstanceProfileName="nodes", Tags=[{"Key": "c", "Value": "d"}])
    pages = aws.iam.get_paginator("list_instance_profiles").paginate()
    assert [p["InstanceProfileName"] for p in pages.search("InstanceProfiles")] == ["nodes"]
    aws.refused("DeleteConflict", aws.iam.delete_instance_profile, InstanceProfileName="nodes")
    aws.iam.remove_role_from_instance_profile(InstanceProfileName="nodes", RoleName="node")
    aws.iam.delete_instance_profile(InstanceProfileName="nodes")
    aws.refused("NoSuchEntity", aws.iam.get_instance_profile, InstanceProfileName="nodes")


@scenario
def identity_providers(aws):
    made = aws.iam.create_open_id_connect_provider(
        Url="https://oidc.eks.us-west-2.amazonaws.com/id/DEMO", ClientIDList=["sts.amazonaws.com"]
    )
    assert ":oidc-provider/" in made["OpenIDConnectProviderArn"]


@scenario
def simulated(aws):
    made = role(aws)
    seen = aws.iam.simulate_principal_policy(
        PolicySourceArn=made["Arn"], ActionNames=["ec2:CreateNetworkInterface"]
    )
    assert len(seen["EvaluationResults"]) == 1
