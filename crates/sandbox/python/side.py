"""One of two servers that get the same calls, and its answers in words that do not depend on chance.

Ids that were named become their names, all others the kind of thing they are; addresses, times and tokens that a server
chose by itself become words. So two right servers give the same text.
"""

import datetime
import re

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

ID = re.compile(
    r"\b(vpc-cidr-assoc|subnet|vpc|eni-attach|eni|i|sg|sgr|ami|lt|r|rtb|acl|dopt|vol|igw)-[0-9a-f]{8,17}\b"
)
UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
ADDRESS = re.compile(r"(?<![\d.])10\.\d+\.\d+\.\d+(?![\d./])")
DNS = re.compile(r"\bip-10-[\d-]+\.[a-z0-9.-]*(internal|amazonaws\.com)\b")
MAC = re.compile(r"\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b")
IAM_ID = re.compile(r"\b(AROA|AIPA|AIDA|AKIA|ANPA)[A-Z0-9]{8,}(:[\w.-]+)?")
TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[\d.+:Z]*")
ACCOUNT = re.compile(r"\b\d{12}\b")


class Side:
    """A server, its clients, and the answers so far: pairs of what was called and what came back."""

    def __init__(self, name, endpoint):
        self.name = name
        self.endpoint = endpoint
        self.answers = []
        self._names = {}
        self._clients = {}

    def client(self, service):
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service,
                region_name="us-west-2",
                endpoint_url=self.endpoint,
                aws_access_key_id="AKIAEXAMPLE",
                aws_secret_access_key="secret",
                # moto never answers some calls; those must not be among the rows, but a row may become one of them.
                config=Config(retries={"total_max_attempts": 1}, read_timeout=60, connect_timeout=10),
            )
        return self._clients[service]

    def name_it(self, name, value):
        """From now on this id, or this address, is called so."""
        self._names[value] = name
        return value

    def call(self, service, method, **parameters):
        """Makes a call and notes what came back; gives the raw answer, or none when it was refused."""
        client = self.client(service)
        operation = client.meta.method_to_api_mapping[method]
        try:
            raw = getattr(client, method)(**parameters)
        except ClientError as error:
            self.answers.append((operation, {"Error": error.response["Error"]["Code"]}))
            return None
        except BotoCoreError as error:
            self.answers.append((operation, {"Error": f"no answer: {type(error).__name__}"}))
            return None
        raw.pop("ResponseMetadata", None)
        self.answers.append((operation, self.words(raw)))
        return raw

    def words(self, value):
        if isinstance(value, dict):
            return {key: self.words(item) for key, item in value.items()}
        if isinstance(value, list):
            # Neither server promises an order.
            return sorted((self.words(item) for item in value), key=repr)
        if isinstance(value, datetime.datetime):
            return "a time"
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text):
        for given, name in self._names.items():
            text = text.replace(given, name)
        for pattern, word in ((TIME, "a time"), (UUID, "a uuid"), (DNS, "a name"), (MAC, "a mac"), (IAM_ID, "an id")):
            text = pattern.sub(word, text)
        text = ID.sub(lambda match: f"a {match.group(1)}", text)
        text = ADDRESS.sub("an address", text)
        return ACCOUNT.sub("the account", text)


def differences(left, right):
    """What two answers do not agree in: path, and how."""
    return sorted(set(_compare(left, right, "")))


def _compare(left, right, path):
    if isinstance(left, dict) and isinstance(right, dict):
        for key in left.keys() | right.keys():
            inner = f"{path}.{key}" if path else key
            if key not in right:
                yield inner, "only the sandbox"
            elif key not in left:
                yield inner, "only moto"
            else:
                yield from _compare(left[key], right[key], inner)
    elif isinstance(left, list) and isinstance(right, list):
        if len(left) != len(right):
            yield path, f"{len(left)} in the sandbox, {len(right)} in moto"
        for one, other in zip(left, right, strict=False):
            yield from _compare(one, other, f"{path}[]")
    elif left != right:
        yield path, f"{left!r} in the sandbox, {right!r} in moto"
