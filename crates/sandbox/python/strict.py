"""Holds a raw answer against botocore's model of the operation, more strictly than any SDK does.

An SDK passes over what it does not know and leaves out what is missing. Here every element must be a member of the output
shape at its place, of the right type, with a value of the model's enum where it has one, and no required member may be
missing. Each function gives sentences about what is wrong; an empty list is right.
"""

import base64
import binascii
import json
import math
import re
from xml.etree import ElementTree

# Codes that any operation may give, which the models therefore do not list.
COMMON_CODES = {
    "DryRunOperation",
    "InternalError",
    "InternalFailure",
    "InvalidAction",
    "InvalidParameterCombination",
    "InvalidParameterValue",
    "MissingParameter",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "SerializationException",
    "Throttling",
    "ThrottlingException",
    "UnauthorizedOperation",
    "AccessDenied",
    "AccessDeniedException",
    "UnknownOperationException",
    "UnknownParameter",
    "UnsupportedOperation",
    "ValidationError",
    "ValidationException",
}

# Where AWS itself answers what its model has not: the operation, the end of the path, and what it says.
KNOWN = {
    # The page of CreateNetworkInterface has it in its example; the enum begins with `available`.
    ("CreateNetworkInterface", "NetworkInterface.Status"): re.compile("pending"),
    # Our table of types is the VPC CNI's, which also has types that the model does not know yet or any more.
    ("DescribeInstanceTypes", "InstanceTypes[].InstanceType"): re.compile(r"[a-z0-9-]+\.[a-z0-9-]+"),
    ("DescribeInstanceTypeOfferings", "InstanceTypeOfferings[].InstanceType"): re.compile(r"[a-z0-9-]+\.[a-z0-9-]+"),
}

# AWS answers it without a message.
SILENT = {"ParameterNotFound"}

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
RANGES = {"integer": 2**31, "long": 2**63}


def check(operation, response):
    """What is wrong with an answer: `response` is botocore's dict of status_code, headers and body."""
    protocol = operation.service_model.metadata["protocol"]
    failed = response["status_code"] >= 300
    if protocol in ("ec2", "query"):
        return _error_xml(operation, response) if failed else _answer_xml(operation, response)
    return _error_json(operation, response) if failed else _answer_json(operation, response)


# --- XML ---------------------------------------------------------------------------------------------------------


def _tag(node):
    return node.tag.rsplit("}", 1)[-1]


def _root(response):
    try:
        return ElementTree.fromstring(response["body"])
    except ElementTree.ParseError as error:
        return f"the body is no XML: {error}"


def _answer_xml(operation, response):
    root = _root(response)
    if isinstance(root, str):
        return [root]
    wrong = []
    # EC2 writes a slash at the end that the model has not.
    namespace = operation.metadata.get("xmlNamespace", "").rstrip("/")
    if root.tag.replace("/}", "}") != f"{{{namespace}}}{operation.name}Response":
        wrong.append(f"the root is {root.tag}, not {operation.name}Response of {namespace}")
    children = list(root)
    if operation.metadata["protocol"] == "ec2":
        envelope, members = _take(children, "requestId")
        wrong += _request_id(envelope)
        if not operation.output_shape or "Return" not in operation.output_shape.members:
            # EC2 says `<return>true</return>` also where the model has nothing: its pages show it, SDKs pass over it.
            members = [node for node in members if (_tag(node), node.text) != ("return", "true")]
        return wrong + _structure(operation.output_shape, members, operation.name)
    metadata, rest = _take(children, "ResponseMetadata")
    wrong += _request_id([child for node in metadata for child in node if _tag(child) == "RequestId"])
    wrapper = (operation.output_shape.serialization.get("resultWrapper") if operation.output_shape else None) or (
        f"{operation.name}Result"
    )
    results, others = _take(rest, wrapper)
    wrong += [f"{_tag(node)} beside {wrapper}" for node in others]
    if operation.output_shape is None or not operation.output_shape.members:
        return wrong + [f"{wrapper} has {_tag(child)}" for node in results for child in node]
    if len(results) != 1:
        return wrong + [f"{len(results)} elements {wrapper}"]
    return wrong + _structure(operation.output_shape, list(results[0]), operation.name)


def _take(nodes, name):
    return [n for n in nodes if _tag(n) == name], [n for n in nodes if _tag(n) != name]


def _request_id(nodes):
    if len(nodes) == 1 and (nodes[0].text or "").strip():
        return []
    return ["no request id, or more than one"]


def _error_xml(operation, response):
    root = _root(response)
    if isinstance(root, str):
        return [root]
    names = [_tag(root)] + [_tag(node) for node in root]
    if operation.metadata["protocol"] == "ec2":
        if names != ["Response", "Errors", "RequestID"] or [_tag(n) for n in root[0]] != ["Error"]:
            return [f"an error of the shape {names}"]
        error, fields = root[0][0], ["Code", "Message"]
    else:
        if names != ["ErrorResponse", "Error", "RequestId"]:
            return [f"an error of the shape {names}"]
        error, fields = root[0], ["Type", "Code", "Message"]
    if [_tag(node) for node in error] != fields:
        return [f"an error with {[_tag(node) for node in error]}, not {fields}"]
    text = {_tag(node): node.text or "" for node in error}
    wrong = [f"an error without {name}" for name in fields if not text[name]]
    if "Type" in text and text["Type"] != ("Sender" if response["status_code"] < 500 else "Receiver"):
        wrong.append(f"an error of the type {text['Type']}")
    return wrong + _code(operation, text["Code"], response["status_code"])


def _structure(shape, nodes, path):
    if shape is None:
        return [f"{path}: {_tag(node)} where the model has nothing" for node in nodes]
    members, wrong = {}, []
    for name, member in shape.members.items():
        members[_xml_name(name, member)] = (name, member)
    found = {}
    for node in nodes:
        found.setdefault(_tag(node), []).append(node)
    for tag, same in found.items():
        if tag not in members:
            wrong.append(f"{path}: the model has no {tag}")
            continue
        name, member = members[tag]
        flattened = member.type_name == "list" and member.serialization.get("flattened")
        if len(same) > 1 and not flattened:
            wrong.append(f"{path}.{name}: {len(same)} times")
        if flattened:
            for node in same:
                wrong += _value(member.member, node, f"{path}.{name}[]")
        else:
            wrong += _value(member, same[0], f"{path}.{name}")
    given = {members[tag][0] for tag in found if tag in members}
    wrong += [f"{path}: {name} is required and missing" for name in shape.required_members if name not in given]
    return wrong


def _xml_name(name, member):
    if member.type_name == "list" and member.serialization.get("flattened"):
        inner = member.member.serialization.get("name")
        if inner:
            return inner
    return member.serialization.get("name", name)


def _value(shape, node, path):
    kind = shape.type_name
    if kind == "structure":
        return _text_free(node, path) + _structure(shape, list(node), path)
    if kind == "list":
        name = shape.member.serialization.get("name", "member")
        wrong = _text_free(node, path)
        for child in node:
            if _tag(child) != name:
                wrong.append(f"{path}: an element {_tag(child)} in a list of {name}")
            else:
                wrong += _value(shape.member, child, f"{path}[]")
        return wrong
    if kind == "map":
        return _map(shape, node, path)
    if len(node):
        return [f"{path}: elements in a {kind}"]
    return _text(shape, node.text or "", path)


def _map(shape, node, path):
    key = shape.key.serialization.get("name", "key")
    value = shape.value.serialization.get("name", "value")
    wrong = []
    for entry in node:
        parts = {_tag(child): child for child in entry}
        if _tag(entry) != "entry" or set(parts) != {key, value}:
            wrong.append(f"{path}: a map with {_tag(entry)} of {sorted(parts)}")
            continue
        wrong += _value(shape.key, parts[key], f"{path}.key") + _value(shape.value, parts[value], f"{path}.value")
    return wrong


def _text_free(node, path):
    return [f"{path}: text between elements"] if (node.text or "").strip() else []


def _text(shape, text, path):
    kind = shape.type_name
    if kind == "string":
        return _enum(shape, text, path)
    if kind == "boolean":
        return [] if text in ("true", "false") else [f"{path}: {text!r} is no boolean"]
    if kind in RANGES:
        good = re.fullmatch(r"-?\d+", text) and -RANGES[kind] <= int(text) < RANGES[kind]
        return [] if good else [f"{path}: {text!r} is no {kind}"]
    if kind in ("float", "double"):
        try:
            return [] if math.isfinite(float(text)) else [f"{path}: {text!r} is not finite"]
        except ValueError:
            return [f"{path}: {text!r} is no {kind}"]
    if kind == "timestamp":
        return [] if TIME.match(text) else [f"{path}: {text!r} is no time in UTC"]
    if kind == "blob":
        return _blob(text, path)
    return [f"{path}: a {kind} in XML"]


def _enum(shape, text, path):
    enum = shape.metadata.get("enum")
    operation, _, place = path.partition(".")
    known = KNOWN.get((operation, place))
    if not enum or text in enum or (known and known.fullmatch(text)):
        return []
    return [f"{path}: {text!r} is none of the model's values"]


def _blob(text, path):
    try:
        base64.b64decode(text, validate=True)
        return []
    except (binascii.Error, ValueError):
        return [f"{path}: {text!r} is not base64"]


# --- JSON --------------------------------------------------------------------------------------------------------


def _parse_json(response):
    try:
        return json.loads(response["body"] or b"{}"), []
    except ValueError as error:
        return None, [f"the body is no JSON: {error}"]


def _answer_json(operation, response):
    body, wrong = _parse_json(response)
    if wrong:
        return wrong
    shape = operation.output_shape
    if shape is None:
        return [] if body == {} else [f"{operation.name}: a body where the model has none"]
    payload = shape.serialization.get("payload")
    return _json(shape.members[payload] if payload else shape, body, operation.name)


def _error_json(operation, response):
    body, wrong = _parse_json(response)
    if wrong:
        return wrong
    code = body.get("__type", "") if isinstance(body, dict) else ""
    if not code or not (body.get("message", body.get("Message")) or code in SILENT):
        wrong.append(f"an error without __type or message: {body}")
    header = response["headers"].get("x-amzn-errortype")
    if operation.metadata["protocol"] == "rest-json" and header != code:
        wrong.append(f"x-amzn-errortype is {header}, __type is {code}")
    wrong += _code(operation, code, response["status_code"])
    shape = next((s for s in operation.error_shapes if s.name == code), None)
    if shape is not None:
        members = {name.lower() for name in shape.members} | {"message", "__type"}
        wrong += [f"the error {code} has no {name}" for name in body if name.lower() not in members]
    return wrong


def _json(shape, value, path):
    kind = shape.type_name
    if kind == "structure":
        return _json_structure(shape, value, path)
    if kind == "list":
        if not isinstance(value, list):
            return [f"{path}: {type(value).__name__}, not a list"]
        return [wrong for item in value for wrong in _json(shape.member, item, f"{path}[]")]
    if kind == "map":
        if not isinstance(value, dict):
            return [f"{path}: {type(value).__name__}, not a map"]
        return [wrong for key, item in value.items() for wrong in _json(shape.value, item, f"{path}.{key}")]
    return _json_scalar(shape, value, path)


def _json_structure(shape, value, path):
    if not isinstance(value, dict):
        return [f"{path}: {type(value).__name__}, not a structure"]
    members = {
        member.serialization.get("name", name): (name, member)
        for name, member in shape.members.items()
        if member.serialization.get("location") not in ("header", "headers", "statusCode")
    }
    wrong = [f"{path}: the model has no {key}" for key in value if key not in members]
    for key, item in value.items():
        if key in members:
            name, member = members[key]
            wrong += _json(member, item, f"{path}.{name}")
    names = {members[key][0] for key in value if key in members}
    wrong += [f"{path}: {name} is required and missing" for name in shape.required_members if name not in names]
    return wrong


def _json_scalar(shape, value, path):
    kind = shape.type_name
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == "string":
        return _enum(shape, value, path) if isinstance(value, str) else [f"{path}: {value!r} is no string"]
    if kind == "boolean":
        return [] if isinstance(value, bool) else [f"{path}: {value!r} is no boolean"]
    if kind in RANGES:
        return [] if number and isinstance(value, int) else [f"{path}: {value!r} is no {kind}"]
    if kind == "timestamp" and shape.serialization.get("timestampFormat") in ("iso8601", "rfc822"):
        return [] if isinstance(value, str) else [f"{path}: {value!r} is no time"]
    if kind in ("float", "double", "timestamp"):
        return [] if number else [f"{path}: {value!r} is no {kind}"]
    if kind == "blob":
        return _blob(value, path) if isinstance(value, str) else [f"{path}: {value!r} is no blob"]
    return [f"{path}: a {kind} in JSON"]


# --- errors ------------------------------------------------------------------------------------------------------


def _code(operation, code, status):
    """EC2's model lists no errors; those of the other services must be the operation's own, with their HTTP status."""
    if not 400 <= status < 600:
        return [f"an error with the status {status}"]
    listed = {}
    for shape in operation.error_shapes:
        error = shape.metadata.get("error", {})
        listed[error.get("code", shape.name)] = error.get("httpStatusCode")
    if not listed or code in COMMON_CODES:
        return []
    if code not in listed:
        return [f"{operation.name} cannot give {code}: {sorted(listed)}"]
    wanted = listed[code]
    return [] if wanted in (None, status) else [f"{code} comes with {status}, not {wanted}"]
