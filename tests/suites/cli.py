"""Runs scim2-cli against a live server: its own conformance test, and the life of users and groups with it as the client.

Usage: ROLLCALL_TOKEN=... cli.py BASE_URL. Prints every step that failed, and for each of the two one line
`suite result: N passed, N failed`, which tests/run adds up.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from run import result

PROGRAM = Path(sys.executable).with_name("scim2")
# The statuses that `scim2 test` prints for a check.
GOOD = {"SUCCESS", "COMPLIANT", "ACCEPTABLE"}
BAD = {"ERROR", "CRITICAL", "DEVIATION"}
USER = "urn:ietf:params:scim:schemas:core:2.0:User"


def scim2(base: str, *arguments: str, stdin: object = None) -> subprocess.CompletedProcess:
    # The token goes by the environment: other users of the machine can read command lines.
    environment = {**os.environ, "SCIM_CLI_HEADERS": f"Authorization: Bearer {os.environ['ROLLCALL_TOKEN']}"}
    # Without any input the program reads none.
    given = "" if stdin is None else json.dumps(stdin)
    command = [PROGRAM, "--url", base, *arguments]
    return subprocess.run(command, input=given, env=environment, capture_output=True, text=True)


def conformance(base: str) -> None:
    output = scim2(base, "test")
    checks = re.findall(r"^([A-Z]+) (\w+)\n *(.*)$", output.stdout, re.MULTILINE)
    good = [check for check in checks if check[0] in GOOD]
    failures = [" ".join(check) for check in checks if check[0] in BAD]
    if not good or output.returncode != 0:
        failures.append(f"exit code {output.returncode}: {output.stdout[-500:]} {output.stderr[-500:]}")
    result("scim2-cli test", len(good), failures)


class Flow:
    """Steps of one client; a step that fails is remembered and the next one is tried."""

    def __init__(self, base: str):
        self.base, self.good, self.failures = base, 0, []

    def run(self, *arguments: str, stdin: object = None, code: int = 0) -> dict:
        output = scim2(self.base, *arguments, stdin=stdin)
        what = " ".join(arguments)
        self.check(f"{what}: exit code", output.returncode, code, output.stdout + output.stderr)
        return json.loads(output.stdout) if output.stdout.strip().startswith("{") else {}

    def check(self, what: str, got: object, wanted: object, more: str = "") -> None:
        if got == wanted:
            self.good += 1
        else:
            self.failures.append(f"{what}: {got!r} and not {wanted!r} {more}")

    def names(self, what: str, listed: dict, wanted: list[str], total: int | None = None) -> None:
        found = [one.get("userName") or one.get("displayName") for one in listed.get("Resources", [])]
        self.check(what, found, wanted)
        self.check(f"{what}: total", listed.get("totalResults"), len(wanted) if total is None else total)


def flow(base: str) -> None:
    step = Flow(base)
    ids = {}
    for name, family in (("flow-b", "Roth"), ("flow-a", "Silva"), ("flow-c", "Abe")):
        made = step.run(
            "create", "user", "--user-name", name, "--external-id", f"x-{name}",
            "--name", json.dumps({"familyName": family}),
            "--emails", json.dumps([{"value": f"{name}@example.com", "type": "work", "primary": True}]),
        )  # fmt: skip
        ids[name] = made.get("id", "")
        step.check(f"{name} was made", made.get("userName"), name)
    step.run("create", "user", "--user-name", "FLOW-A", code=1)

    # Reading: by id, by filter, in an order, page by page, by a message.
    one = step.run("query", "user", ids["flow-a"])
    step.check("its family name", one.get("name", {}).get("familyName"), "Silva")
    cut = step.run("query", "user", ids["flow-a"], "--attribute", "userName")
    # The client puts the `ETag` into `meta`.
    step.check("only what was asked for", sorted(set(cut) - {"meta"}), ["id", "schemas", "userName"])
    all_of_us = 'userName sw "flow-"'
    step.names("filter", step.run("query", "user", "--filter", 'externalId eq "x-flow-b"'), ["flow-b"])
    step.names(
        "filter on a list",
        step.run("query", "user", "--filter", 'emails[type eq "work" and value co "flow-c"]'),
        ["flow-c"],
    )
    step.names("nothing", step.run("query", "user", "--filter", 'userName eq "flow-z"'), [])
    step.run("query", "user", "--filter", "nonsense nonsense", code=1)
    by_name = ("--filter", all_of_us, "--sort-by", "userName")
    step.names("sorted", step.run("query", "user", *by_name), ["flow-a", "flow-b", "flow-c"])
    by_family = ("--filter", all_of_us, "--sort-by", "name.familyName", "--sort-order", "descending")
    step.names("by family name", step.run("query", "user", *by_family), ["flow-a", "flow-b", "flow-c"])
    page = step.run("query", "user", *by_name, "--start-index", "2", "--count", "1")
    step.names("the second page", page, ["flow-b"], total=3)
    step.names("search", step.run("search", "user", *by_family, "--count", "1"), ["flow-a"], total=3)
    step.names("search everywhere", step.run("search", "--filter", all_of_us, "--count", "2"), ["flow-b", "flow-a"], 3)

    # Changing.
    changed = step.run(
        "modify", "user", ids["flow-a"],
        "replace", "displayName", "Ana Silva",
        "add", "emails", json.dumps([{"value": "ana@example.com", "type": "home"}]),
        "remove", 'emails[type eq "work"]',
        "replace", "active", "false",
    )  # fmt: skip
    step.check("the new name", changed.get("displayName"), "Ana Silva")
    step.check("the e-mails", [email["value"] for email in changed.get("emails", [])], ["ana@example.com"])
    step.check("may not sign in", changed.get("active"), False)
    replaced = step.run("replace", "user", "--id", ids["flow-a"], "--user-name", "flow-a2")
    step.check("replaced", (replaced.get("userName"), replaced.get("displayName")), ("flow-a2", None))
    step.run("modify", "user", ids["flow-a"], "replace", "id", "other", code=1)

    # Groups.
    group = step.run(
        "create", "group", "--display-name", "flow group", "--members", json.dumps([{"value": ids["flow-b"]}])
    )
    step.check("its members", [one["value"] for one in group.get("members", [])], [ids["flow-b"]])
    moved = step.run(
        "modify", "group", group.get("id", ""),
        "add", "members", json.dumps([{"value": ids["flow-c"]}]),
        "remove", f'members[value eq "{ids["flow-b"]}"]',
    )  # fmt: skip
    step.check("its members now", [one["value"] for one in moved.get("members", [])], [ids["flow-c"]])
    member = step.run("query", "user", ids["flow-c"])
    step.check("the groups of a member", [one["display"] for one in member.get("groups", [])], ["flow group"])

    # What the server announces beyond that.
    announced = step.run("query", "serviceproviderconfig")
    if announced.get("pagination", {}).get("cursor"):
        first = step.run("query", "user", *by_name, "--count", "2", "--cursor", "")
        step.names("the first page by cursor", first, ["flow-a2", "flow-b"], total=3)
        rest = step.run("query", "user", *by_name, "--count", "2", "--cursor", first.get("nextCursor", ""))
        step.names("the last page by cursor", rest, ["flow-c"], total=3)
    if announced.get("bulk", {}).get("supported"):
        operation = {"method": "POST", "path": "/Users", "bulkId": "1", "data": {"schemas": [USER], "userName": "flow-d"}}
        done = step.run(
            "bulk",
            stdin={"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [operation]},
        )
        step.check("the operations", [one.get("status") for one in done.get("Operations", [])], ["201"])
        made = step.run("query", "user", "--filter", 'userName eq "flow-d"')
        step.names("made in bulk", made, ["flow-d"])
        ids["flow-d"] = made.get("Resources", [{}])[0].get("id", "")

    # The end.
    for one in ids.values():
        step.run("delete", "user", one)
    step.run("query", "user", ids["flow-b"], code=1)
    step.names("nobody is left", step.run("query", "user", "--filter", all_of_us), [])
    empty = step.run("query", "group", group.get("id", ""))
    step.check("the group is empty", empty.get("members", []), [])
    step.run("delete", "group", group.get("id", ""))
    step.run("delete", "group", group.get("id", ""), code=1)
    result("scim2-cli client", step.good, step.failures)


if __name__ == "__main__":
    conformance(sys.argv[1])
    flow(sys.argv[1])
