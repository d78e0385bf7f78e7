"""Walks every action that a sandbox serves, and holds each answer and each parameter against botocore's models.

    walk.py ENDPOINT             the scenarios, then every action without one is named
    walk.py ENDPOINT --page FILE also: which parameters are read, compared with a page of the reference (--write writes it)

The sandbox must be an empty one with a manual clock. Ends with 1 when something is wrong.
"""

import argparse
import pathlib
import sys
import traceback

import parameters
import scenarios
from aws import Aws


def main():
    args = arguments()
    aws = Aws(args.endpoint)
    failures = run_scenarios(aws, args.filter)
    missing = sorted(aws.actions() - aws.answered.keys()) if not args.filter else []
    for service, action in missing:
        failures.append(f"{service} {action}: no scenario got an answer from it")
    failures += sorted(set(aws.wrong))
    if args.page and not args.filter:
        failures += check_page(aws, args)
    for failure in failures:
        print(f"WRONG: {failure}")
    print(f"{len(scenarios.SCENARIOS)} scenarios, {len(aws.answered)} actions answered, {len(failures)} wrong")
    return 1 if failures else 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("endpoint")
    parser.add_argument("--filter", default="", help="only scenarios whose name has this")
    parser.add_argument("--page", type=pathlib.Path)
    parser.add_argument("--write", action="store_true")
    return parser.parse_args()


def run_scenarios(aws, only):
    failures = []
    for function in scenarios.load():
        if only not in function.__name__:
            continue
        aws.reset()
        try:
            function(aws)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this scenario's failure
            where = traceback.extract_tb(error.__traceback__)
            line = next(frame for frame in where if "scenarios" in frame.filename)
            failures.append(f"{function.__module__}.{function.__name__}, line {line.lineno}: {error!r}")
        failures += [f"{function.__name__}: invariant: {text}" for text in aws.violations()]
    return failures


def check_page(aws, args):
    page, wrong = parameters.page(aws)
    if args.write:
        args.page.write_text(page)
    elif not args.page.exists() or args.page.read_text() != page:
        wrong.append(f"{args.page.name} is not what the sandbox does: run this test with VPCCNI_WRITE=1")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
