"""Who am I."""

import base64
import json

from scenarios import scenario

ISSUER = "https://oidc.eks.us-west-2.amazonaws.com/id/DEMO"


def token():
    """What a pod of EKS has for its service account. Nobody checks the signature."""
    subject = "system:serviceaccount:kube-system:aws-node"
    claims = {"iss": ISSUER, "sub": subject, "aud": ["sts.amazonaws.com"], "exp": 2_000_000_000}
    parts = [json.dumps({"alg": "RS256"}), json.dumps(claims), "signature"]
    return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)


@scenario
def caller(aws):
    assert aws.sts.get_caller_identity()["Account"].isdigit()


@scenario
def roles_assumed(aws):
    made = aws.iam.create_open_id_connect_provider(Url=ISSUER, ClientIDList=["sts.amazonaws.com"])
    allow = {
        "Effect": "Allow",
        "Principal": {"Federated": made["OpenIDConnectProviderArn"]},
        "Action": "sts:AssumeRoleWithWebIdentity",
    }
    trust = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    arn = aws.iam.create_role(RoleName="pod", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    made = aws.sts.assume_role(RoleArn=arn, RoleSessionName="test")
    assert made["AssumedRoleUser"]["Arn"].endswith(":assumed-role/pod/test")
    made = aws.sts.assume_role_with_web_identity(RoleArn=arn, RoleSessionName="test", WebIdentityToken=token())
    assert made["Credentials"]["SessionToken"]
