"""Who am I."""

from scenarios import scenario


@scenario
def caller(aws):
    assert aws.sts.get_caller_identity()["Account"].isdigit()
