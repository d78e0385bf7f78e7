"""Which parameters the sandbox reads: each that the model has is sent by itself, beside those of a call that was answered.

Nothing may be accepted and ignored, so a parameter is either read or refused with a code that says so.
"""

import copy

from botocore.exceptions import BotoCoreError, ClientError

from aws import Aws

REFUSED_CODES = {"UnknownParameter", "UnsupportedOperation"}
REFUSED_WORDS = ("does not model", "not recognized", "unknown field", "not supported by the sandbox")
# The longest path: NetworkInterfaces[].PrivateIpAddresses[].PrivateIpAddress.
DEPTH = 4

HEAD = """# The actions and parameters of the sandbox

Every action that `aws-sandbox` serves, with the parameters that it reads. Every other parameter that AWS's model has for the
action is refused by name, never ignored. Written by a walk through all of them with boto3: each parameter of botocore's model
is sent by itself. What the services are and where they differ from AWS: [sandbox.md](sandbox.md).
"""


def page(aws):
    """The page, and what is wrong."""
    quiet = Aws(aws.endpoint)
    quiet.quiet = True
    lines, wrong, service_before = [HEAD], [], None
    for service, action in sorted(aws.actions() & aws.answered.keys()):
        if service != service_before:
            lines.append(f"\n## {service}\n")
            service_before = service
        read, broken = _of_action(quiet, service, action, aws.answered[(service, action)])
        wrong += [f"{service} {action}: {text}" for text in broken]
        lines.append(f"- `{action}`: {', '.join(f'`{name}`' for name in read) or 'no parameters'}")
    return "\n".join(lines) + "\n", wrong


def _of_action(aws, service, action, calls):
    client = aws.client({"servicequotas": "service-quotas"}.get(service, service))
    operation = client.meta.service_model.operation_model(action)
    call = getattr(client, _method(client, action))
    read, broken = set(), []
    shape = operation.input_shape
    for path, value in _leaves(shape, (), 0) if shape else ():
        if path[0] == "DryRun":
            continue
        # Beside a call that has the parameter already, where there is one: its other fields may be required.
        bases = sorted(calls.values(), key=lambda given: (path[0].removesuffix("[]") not in given, sorted(given)))
        answer = _send(call, shape, bases[0], path, value)
        if answer == "broken":
            broken.append(f"{'.'.join(path)}: no AWS answer")
        elif answer == "read":
            read.add(".".join(path).replace("[]", ""))
    return _short(sorted(read)), broken


def _method(client, action):
    return next(name for name, api in client.meta.method_to_api_mapping.items() if api == action)


def _short(paths):
    """`Filters.Name` and `Filters.Values` are one thing to a reader."""
    tops = {}
    for path in paths:
        top, _, rest = path.partition(".")
        tops.setdefault(top, []).append(rest)
    return [top if rests in ([""], ["Name", "Values"], ["Value"]) else f"{top}({', '.join(rests)})" for top, rests in tops.items()]


def _send(call, shape, base, path, value):
    given = copy.deepcopy(base)
    _put(given, path, value)
    if "DryRun" in shape.members:
        given["DryRun"] = True
    try:
        call(**given)
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        if not code or error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
            return "broken"
        refused = code in REFUSED_CODES or any(words in message for words in REFUSED_WORDS)
        return "refused" if refused else "read"
    except BotoCoreError:
        return "broken"
    return "read"


def _put(into, path, value):
    """Puts a value at a path, beside what is there; lists have one item."""
    name, rest = path[0], path[1:]
    listed = name.endswith("[]")
    name = name.removesuffix("[]")
    if not rest:
        into[name] = [value] if listed else value
        return
    if listed:
        items = into.get(name) or [{}]
        if not isinstance(items[0], dict):
            items = [{}]
        into[name] = items
        _put(items[0], rest, value)
    else:
        inner = into.get(name)
        into[name] = inner if isinstance(inner, dict) else {}
        _put(into[name], rest, value)


def _leaves(shape, path, depth):
    for name, member in shape.members.items():
        here = member
        listed = here.type_name == "list"
        if listed:
            here = here.member
        step = (*path, f"{name}[]" if listed else name)
        if here.type_name == "structure" and depth < DEPTH and here.members:
            yield from _leaves(here, step, depth + 1)
        else:
            yield step, _example(here)


def _example(shape):
    kind = shape.type_name
    if kind == "string":
        enum = shape.metadata.get("enum")
        return enum[0] if enum else "probe"
    if kind in ("integer", "long"):
        return max(1, shape.metadata.get("min", 1))
    if kind in ("float", "double"):
        return 1.0
    if kind == "boolean":
        return True
    if kind == "timestamp":
        return "2026-01-01T00:00:00Z"
    if kind == "blob":
        return b"probe"
    if kind == "list":
        return [_example(shape.member)]
    return {"probe": "probe"} if kind == "map" else {}
