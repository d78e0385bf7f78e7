"""boto3 against a sandbox, with every raw answer held against the model, and what was called written down."""

import json
import urllib.error
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

import strict

REGION = "us-west-2"


class Refusal(Exception):
    """What a scenario expected to be refused was not, or with another code."""


class Aws:
    """The clients of one sandbox: `aws.ec2`, `aws.eks`, `aws.autoscaling`, `aws.iam`, `aws.sts`, `aws.ssm`, `aws.quotas`."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.wrong = []
        # By service (as signed) and action: the parameters of calls that were answered, one for each set of names.
        self.answered = {}
        self._clients = {}
        self._given = {}
        self.quiet = False

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return self.client("service-quotas" if name == "quotas" else name)

    def client(self, service):
        if service not in self._clients:
            client = boto3.client(
                service,
                region_name=REGION,
                endpoint_url=self.endpoint,
                aws_access_key_id="AKIAEXAMPLE",
                aws_secret_access_key="secret",
                config=Config(
                    retries={"total_max_attempts": 1},
                    read_timeout=60,
                    connect_timeout=5,
                    parameter_validation=not self.quiet,
                ),
            )
            # Twice the same text for base64: a probe must see what it sent.
            client.meta.events.register_last(f"provide-client-params.{service}", self._take_params)
            client.meta.events.register(f"before-parse.{service}", self._judge)
            self._clients[service] = client
        return self._clients[service]

    def _take_params(self, params, model, **_):
        self._given[(model.service_model.signing_name, model.name)] = dict(params)

    def _judge(self, operation_model, response_dict, **_):
        service = operation_model.service_model.signing_name
        key = (service, operation_model.name)
        for sentence in strict.check(operation_model, response_dict):
            if not self.quiet:
                self.wrong.append(f"{service} {operation_model.name}: {sentence}")
        if response_dict["status_code"] < 300:
            given = self._given.get(key, {})
            self.answered.setdefault(key, {}).setdefault(frozenset(given), given)

    def refused(self, code, call, /, **parameters):
        """Makes a call that must be refused with this code, and gives the message."""
        try:
            call(**parameters)
        except ClientError as error:
            given = error.response["Error"]
            if given["Code"] != code:
                raise Refusal(f"{call.__name__}: refused with {given['Code']} ({given['Message']}), not {code}") from None
            return given["Message"]
        raise Refusal(f"{call.__name__} was not refused with {code}")

    # --- the control API ---

    def control(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.endpoint}/_sandbox/{path}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def reset(self):
        self.control("POST", "reset", {})

    def advance(self, seconds):
        self.control("POST", "clock/advance", {"seconds": seconds})

    def violations(self):
        return self.control("GET", "invariants")["violations"]

    def actions(self):
        return {(service, action) for service, names in self.control("GET", "actions").items() for action in names}
