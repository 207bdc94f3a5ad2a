"""Runs the public conformance suites scim2-tester and scim-sanity against a live server.

Usage: ROLLCALL_TOKEN=... run.py BASE_URL. Prints every check that failed, and for each suite one line
`suite result: N passed, N failed`, which tests/run adds up.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

GOOD = {Status.SUCCESS, Status.COMPLIANT, Status.ACCEPTABLE}


def result(suite: str, good: int, failures: list[str]) -> None:
    for failure in failures:
        print(f"{suite}: FAILED {failure}")
    print(f"suite result: {good} passed, {len(failures)} failed ({suite})")


def scim2_tester(base: str, token: str) -> None:
    """Checks everything the server announces: its models are built from what it serves."""
    client = Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, trust_env=False)
    results = check_server(SyncSCIMClient(client))
    ran = [one for one in results if one.status is not Status.SKIPPED]
    bad = [one for one in ran if one.status not in GOOD]
    result(
        "scim2-tester",
        len(ran) - len(bad),
        [f"{one.title} ({one.resource_type}): {one.status.name} {one.reason}" for one in bad],
    )


def scim_sanity(base: str, token: str) -> None:
    """Adds `fake-member-id` to a group and expects 200: unknown members are refused here, so there is such a user."""
    member = {"userName": "member@example.com", "externalId": "fake-member-id"}
    client = Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, trust_env=False)
    client.post("/Users", json=member).raise_for_status()
    program = Path(sys.executable).with_name("scim-sanity")
    command = [program, "probe", base, "--token", token, "--i-accept-side-effects"]
    output = subprocess.run([*command, "--json-output"], capture_output=True, text=True)
    try:
        report = json.loads(output.stdout[output.stdout.index("{") :])
    except ValueError:
        return result("scim-sanity", 0, [f"printed no report: {output.stdout} {output.stderr}"])
    failures = [
        f"{one['name']}: {one.get('message', '')}"
        for one in report["results"]
        if one["status"] in ("fail", "error")
    ]
    if report["summary"]["failed"] + report["summary"].get("errors", 0) != len(failures):
        failures.append(f"the summary counts otherwise: {report['summary']}")
    return result("scim-sanity", report["summary"]["passed"], failures)


if __name__ == "__main__":
    scim2_tester(sys.argv[1], os.environ["ROLLCALL_TOKEN"])
    scim_sanity(sys.argv[1], os.environ["ROLLCALL_TOKEN"])
