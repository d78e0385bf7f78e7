"""The metadata service of an instance, by botocore's own client of it, which wants tokens."""

from botocore.utils import InstanceMetadataFetcher, InstanceMetadataRegionFetcher

from aws import REGION
from scenarios import scenario
from world import a_subnet, instance


@scenario
def region_by_metadata(aws):
    node = instance(aws, a_subnet(aws))
    where = aws.control("GET", f"instances/{node}/imds")["endpoint"]
    assert InstanceMetadataRegionFetcher(base_url=where + "/").retrieve_region() == REGION


@scenario
def credentials_by_metadata(aws):
    trust = '{"Version":"2012-10-17","Statement":[]}'
    aws.iam.create_role(RoleName="node", AssumeRolePolicyDocument=trust)
    aws.iam.create_instance_profile(InstanceProfileName="nodes")
    aws.iam.add_role_to_instance_profile(InstanceProfileName="nodes", RoleName="node")
    node = instance(aws, a_subnet(aws), IamInstanceProfile={"Name": "nodes"})
    where = aws.control("GET", f"instances/{node}/imds")["endpoint"]
    given = InstanceMetadataFetcher(base_url=where + "/").retrieve_iam_role_credentials()
    assert given["role_name"] == "node" and given["secret_key"], given
