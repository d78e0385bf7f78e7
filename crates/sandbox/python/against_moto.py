"""Runs the same calls against a sandbox and against moto, on the rows where moto is right.

    against_moto.py ENDPOINT [--page FILE [--write]] [--row NAME] [--all]

The answers may differ only as `differences.json` says, with the reason beside each; an entry that is no difference any more
fails too. The table in the reference page is made from that file. Ends with 1 when something is wrong.
"""

import argparse
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
import urllib.request
from fnmatch import fnmatchcase as fnmatch

import rows
from side import Side, differences

TABLE = pathlib.Path(__file__).with_name("differences.json")
BEGIN, END = "<!-- differences to moto: begin -->\n", "<!-- differences to moto: end -->\n"


def main():
    args = arguments()
    known = json.loads(TABLE.read_text())
    found, failures, calls = {}, [], 0
    with moto() as theirs:
        for row in rows.ROWS:
            if args.row in ("", row.__name__):
                calls += compare(row, args.endpoint, theirs, found, failures)
    failures += judge(found, known, whole=not args.row and not failures)
    if args.page and not args.row:
        failures += check_page(args, known)
    for failure in failures:
        print(f"WRONG: {failure}")
    print(f"{len(rows.ROWS)} rows, {calls} calls, {len(found)} kinds of differences, {len(failures)} wrong")
    return 1 if failures else 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("endpoint")
    parser.add_argument("--row", default="")
    parser.add_argument("--page", type=pathlib.Path)
    parser.add_argument("--write", action="store_true")
    return parser.parse_args()


class moto:
    """moto's server on a free port of this machine, for the time of a `with`."""

    def __enter__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        # With the managed policies of AWS, which moto otherwise leaves out.
        environment = {**os.environ, "MOTO_IAM_LOAD_MANAGED_POLICIES": "true"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        endpoint = f"http://127.0.0.1:{port}"
        for _ in range(300):
            try:
                reset(f"{endpoint}/moto-api/reset")
                return endpoint
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)
        self.process.kill()
        raise SystemExit("moto did not start")

    def __exit__(self, *_):
        # It may hang in a call for ever, so it is not asked.
        self.process.kill()
        self.process.wait()


def reset(url):
    request = urllib.request.Request(url, data=b"{}", method="POST")
    with urllib.request.urlopen(request, timeout=60) as answer:
        answer.read()


def compare(row, ours, theirs, found, failures):
    """Runs a row on both, adds its differences, and gives the number of calls."""
    sides = [Side("the sandbox", ours), Side("moto", theirs)]
    reset(f"{ours}/_sandbox/reset")
    reset(f"{theirs}/moto-api/reset")
    for side in sides:
        try:
            row(side)
        except Exception as error:  # noqa: BLE001 - the row ends here on this side, and that is a failure
            failures.append(f"{row.__name__}: {side.name}: {error!r} after {side.answers[-1:]}")
    mine, other = (side.answers for side in sides)
    if [operation for operation, _ in mine] != [operation for operation, _ in other]:
        failures.append(f"{row.__name__}: the calls are not the same")
    for (operation, left), (_, right) in zip(mine, other, strict=False):
        for path, how in differences(left, right):
            found.setdefault((operation, path), set()).add(how)
    return len(mine)


def judge(found, known, whole):
    """What differs and is not in the table, and what is in the table and does not differ."""
    wrong, explained = [], set()
    for (operation, path), hows in sorted(found.items()):
        for how in sorted(hows):
            entry = next((e for e in known if _explains(e, operation, path, how)), None)
            if entry is None:
                wrong.append(f"{operation} {path}: {how}")
            else:
                explained.add(id(entry))
    if whole:
        idle = [entry for entry in known if id(entry) not in explained]
        wrong += [f"in the table, and no difference: {entry['operation']} {entry['path']}: {entry['how']}" for entry in idle]
    return wrong


def _explains(entry, operation, path, how):
    """Operation and path may have `*` in the way of the shell: one reason often holds for the answers of several calls."""
    agrees = entry["how"] == how or (entry["how"] == "another value" and " in the sandbox, " in how)
    return agrees and fnmatch(operation, entry["operation"]) and fnmatch(_plain(path), _plain(entry["path"]))


def _plain(path):
    return path.replace("[]", "")


def check_page(args, known):
    text = args.page.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    fresh = before + BEGIN + table(known) + END + after
    if args.write:
        args.page.write_text(fresh)
        return []
    return [] if fresh == text else [f"{args.page.name} has another table: run this test with VPCCNI_WRITE=1"]


def table(known):
    """One line for each reason, with all places that it explains."""
    reasons = {}
    for entry in known:
        operation = f"`{entry['operation']}`"
        place = (entry["path"] or "the answer", entry["how"])
        reasons.setdefault(entry["why"], {}).setdefault(operation, []).append(place)
    lines = ["| where | why |\n", "|---|---|\n"]
    for why, places in reasons.items():
        where = "; ".join(
            f"{operation}: " + ", ".join(f"`{path}` ({how})" for path, how in found)
            for operation, found in places.items()
        )
        lines.append(f"| {where} | {why} |\n")
    return "".join(lines)


if __name__ == "__main__":
    sys.exit(main())
