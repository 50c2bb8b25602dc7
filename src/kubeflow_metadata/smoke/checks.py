"""The smoke test: does every server respond, and does each show what was logged?"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from xml.etree import ElementTree as ET

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.parts import GRPC, REST
from kubeflow_metadata.smoke import demo, neighbours

_TIMEOUT_SECONDS = 30.0

# What each test shows, by the name that users type; ``{logged}`` is what it looks for.
TESTS = {
    "grpc-types": f"the {GRPC.title} lists the predefined types",
    "grpc-records": f"the {GRPC.title} has {{logged}}",
    "rest-types": f"the {REST.title} lists the predefined types",
    "rest-records": f"the {REST.title} has {{logged}}, with their events",
    "ui-page": "the UI serves the Artifact Store page",
    "ui-rest": f"the UI reaches the {REST.title}",
}


@dataclass(frozen=True)
class CheckResult:
    """How one check ended.

    Attributes:
        test: the name that users type.
        name: what was checked, as a statement that should be true.
        seconds: how long it took.
        problem: why it is not true; empty if it is.
    """

    test: str
    name: str
    seconds: float
    problem: str


class Logged(Protocol):
    """What was logged for the test to look for."""

    @property
    def title(self) -> str:
        """What it is, in the names of checks."""

    def check_grpc(self, target: str) -> None:
        """Raises an error if it cannot be read through gRPC."""

    def check_rest(self, url: str) -> None:
        """Raises an error if it cannot be read through REST."""


class Demo:
    """The demo of a laptop."""

    title = "the demo's artifacts"

    def check_grpc(self, target: str) -> None:
        from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc

        for type_name, name in demo.ARTIFACTS.items():
            request = rpc.GetArtifactsByTypeRequest(type_name=type_name)
            listed = neighbours.call(target, "GetArtifactsByType", request, rpc.GetArtifactsByTypeResponse)
            _require_all([name], {artifact.properties["name"].string_value for artifact in listed.artifacts})

    def check_rest(self, url: str) -> None:
        _require_all(demo.EVENTS, demo.find_demo(url))


class _NotSoError(Exception):
    """What a check looked for is missing; the message says what there was instead."""


def run_checks(
    endpoints: Mapping[str, str], logged: Logged | None = None, tests: Collection[str] = ()
) -> list[CheckResult]:
    """Checks the servers behind these endpoints, one after the other; continues after a failure.

    Args:
        endpoints: addresses of the servers ``grpc``, ``rest`` and ``ui``.
        logged: what to look for; by default the demo.
        tests: names of the tests to run; none: all.
    """
    logged = logged or Demo()
    grpc, rest, ui = endpoints["grpc"], endpoints["rest"], endpoints["ui"]
    checks: dict[str, Callable[[], None]] = {
        "grpc-types": lambda: _grpc_types(grpc),
        "grpc-records": lambda: logged.check_grpc(grpc),
        "rest-types": lambda: _rest_types(rest),
        "rest-records": lambda: logged.check_rest(rest),
        "ui-page": lambda: _ui_page(ui),
        "ui-rest": lambda: _rest_types(f"{ui}/metadata"),
    }
    return [
        _run(test, title.format(logged=logged.title), checks[test])
        for test, title in TESTS.items()
        if not tests or test in tests
    ]


def not_run(problem: str, tests: Collection[str] = ()) -> list[CheckResult]:
    """Returns the results of tests that could not run, for one and the same reason."""
    chosen = {test: title for test, title in TESTS.items() if not tests or test in tests}
    return [CheckResult(test, title.format(logged="what was logged"), 0.0, problem) for test, title in chosen.items()]


def report(results: Collection[CheckResult]) -> str:
    """Returns one line a check, and how many passed."""
    lines = [f"{'FAILED' if r.problem else 'ok':6} {r.name}" + (f": {r.problem}" if r.problem else "") for r in results]
    failed = sum(bool(result.problem) for result in results)
    return "\n".join([*lines, f"{len(results) - failed} passed, {failed} failed"])


def write_junit(results: Collection[CheckResult], file: Path) -> None:
    """Writes the results as JUnit XML.

    Raises:
        UserError: the file cannot be written.
    """
    failures = sum(bool(result.problem) for result in results)
    suite = ET.Element("testsuite", name="smoke", tests=str(len(results)), failures=str(failures), errors="0")
    for result in results:
        case = ET.SubElement(suite, "testcase", classname="smoke", name=result.name, time=f"{result.seconds:.3f}")
        if result.problem:
            ET.SubElement(case, "failure", message=result.problem)
    try:
        ET.ElementTree(suite).write(file, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise UserError(f"Cannot write {file}: {error.strerror}.", hint="Choose another file with --junit.") from error


def _run(test: str, name: str, check: Callable[[], None]) -> CheckResult:
    started = time.monotonic()
    try:
        check()
        problem = ""
    except Exception as error:  # a check may fail in any way a server may answer
        problem = str(error) or type(error).__name__
    return CheckResult(test, name, round(time.monotonic() - started, 3), problem)


def _grpc_types(target: str) -> None:
    from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc

    request = rpc.GetArtifactTypesRequest()
    listed = neighbours.call(target, "GetArtifactTypes", request, rpc.GetArtifactTypesResponse)
    _require_all(demo.ARTIFACTS, {each.name for each in listed.artifact_types})


def _rest_types(url: str) -> None:
    listed = json.loads(neighbours.get(f"{url}/api/v1alpha1/artifact_types", _TIMEOUT_SECONDS))
    _require_all(demo.ARTIFACTS, {each["name"] for each in listed.get("artifact_types", [])})


def _ui_page(url: str) -> None:
    for path in ("/", "/metadata/"):
        if b'<div id="root"' not in neighbours.get(url + path, _TIMEOUT_SECONDS):
            raise _NotSoError(f"{url}{path} is not the Artifact Store page")


def _require_all(wanted: Iterable[str], present: Container[str]) -> None:
    if missing := [name for name in wanted if name not in present]:
        raise _NotSoError(f"missing: {', '.join(missing)}")
