"""SSM's public parameters and Service Quotas."""

from scenarios import scenario

IMAGE = "/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/x86_64/standard/recommended/image_id"


@scenario
def image_parameter(aws):
    value = aws.ssm.get_parameter(Name=IMAGE)["Parameter"]["Value"]
    assert value.startswith("ami-")
    assert len(aws.ec2.describe_images(ImageIds=[value])["Images"]) == 1
    aws.refused("ParameterNotFound", aws.ssm.get_parameter, Name="/no/such/parameter")


@scenario
def quotas(aws):
    seen = aws.quotas.get_service_quota(ServiceCode="vpc", QuotaCode="L-DF5E4CA3")["Quota"]
    assert seen["Value"] == 5000
    usual = aws.quotas.get_aws_default_service_quota(ServiceCode="vpc", QuotaCode="L-DF5E4CA3")["Quota"]
    assert usual["QuotaName"] == seen["QuotaName"]
    pages = aws.quotas.get_paginator("list_service_quotas").paginate(ServiceCode="vpc")
    assert "L-DF5E4CA3" in set(pages.search("Quotas[].QuotaCode"))
    aws.refused("NoSuchResourceException", aws.quotas.get_service_quota, ServiceCode="vpc", QuotaCode="L-00000000")
