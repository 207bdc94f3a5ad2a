"""Holds a live server against its own OpenAPI document: openapi-spec-validator reads the document, schemathesis sends
what it describes and what it does not, and compares the replies with it.

Usage: ROLLCALL_TOKEN=... openapi.py SERVER_URL. ROLLCALL_TEST_CASES is the number of generated cases for an operation
(a few, unless set; 2000 takes hours). Prints what failed, and for each suite one line `suite result: N passed, N failed`.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from httpx2 import get
from openapi_spec_validator import OpenAPIV31SpecValidator
from run import result

HERE = Path(__file__).parent
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "ignored_auth",
    "unsupported_method",
    "allow_header_conformance",
    "use_after_free",
    "ensure_resource_availability",
    "missing_required_header",
]
# Left out:
# - negative_data_rejection: what the document does not allow is often accepted on purpose: booleans as text, single
#   values in a list, unknown attributes. What has to be refused is tested in tests/it.
# - positive_data_acceptance: a document cannot say that a member has to be a user, a name has to be free, or a filter
#   has to be one.
# - object_level_authorization: needs two accounts in one run; tests/it/tenancy.rs does it with two tenants.


def validator(document: dict) -> None:
    failures = [f"{'/'.join(map(str, one.path))}: {one.message}" for one in OpenAPIV31SpecValidator(document).iter_errors()]
    result("openapi-spec-validator", 0 if failures else 1, failures)


def schemathesis(server: str, document: dict, token: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file, report = Path(folder, "openapi.json"), Path(folder, "report.json")
        file.write_text(json.dumps(document))
        command = [
            Path(sys.executable).with_name("schemathesis"), "--config-file", HERE / "schemathesis.toml", "run", file,
            "--url", server, "--header", f"Authorization: Bearer {token}", "--checks", ",".join(CHECKS),
            "--max-examples", os.environ.get("ROLLCALL_TEST_CASES", "3"), "--generation-deterministic",
            "--continue-on-failure", "--workers", "2", "--no-color", "--output-sanitize", "true",
            "--report-json-path", report,
        ]  # fmt: skip
        output = subprocess.run(command, capture_output=True, text=True, cwd=folder)
        if not report.exists():
            return result("schemathesis", 0, [f"made no report: {output.stdout[-3000:]} {output.stderr[-3000:]}"])
        summary(json.loads(report.read_text()), output)


def summary(report: dict, output: subprocess.CompletedProcess) -> None:
    """A test is an operation."""
    failures = [f"{one['title']}, {one['count']} times: {one['operations']}" for one in report["failures"]]
    failures += [f"{one['title']}, {one['count']} times" for one in report["errors"]]
    cases, operations = report["test_cases"], report["operations"]
    if not report["complete"] or operations["tested"] != operations["total"] or cases["generated"] == 0:
        failures.append(f"not everything was tested: {report['stop_reason']}, {operations}, {cases}")
    if output.returncode != 0 and not failures:
        failures.append(f"exit code {output.returncode}")
    if failures:
        print(output.stdout[-20_000:], output.stderr[-5_000:])
    print(f"schemathesis: {cases['generated']} cases in {report['running_time']:.0f} seconds")
    result("schemathesis", 0 if failures else operations["tested"], failures)


if __name__ == "__main__":
    described = get(f"{sys.argv[1]}/openapi.json", trust_env=False).raise_for_status().json()
    validator(described)
    # The token of a tenant opens nothing below /platform/v1; tests/it/platform.rs is about that.
    described["paths"] = {path: item for path, item in described["paths"].items() if not path.startswith("/platform/")}
    schemathesis(sys.argv[1], described, os.environ["ROLLCALL_TOKEN"])
