"""The smoke test: does every server respond, and does each show the demo?"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.parts import GRPC, REST
from kubeflow_metadata.smoke import demo, neighbours

_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class CheckResult:
    """How one check ended.

    Attributes:
        name: what was checked, as a statement that should be true.
        seconds: how long it took.
        problem: why it is not true; empty if it is.
    """

    name: str
    seconds: float
    problem: str


class _NotSoError(Exception):
    """What a check looked for is missing; the message says what there was instead."""


def run_checks(endpoints: Mapping[str, str]) -> list[CheckResult]:
    """Checks the servers behind these endpoints, one after the other; continues after a failure."""
    checks: list[tuple[str, Callable[[], None]]] = [
        (f"the {GRPC.title} lists the predefined types", lambda: _grpc_types(endpoints["grpc"])),
        (f"the {GRPC.title} has the demo's artifacts", lambda: _grpc_demo(endpoints["grpc"])),
        (f"the {REST.title} lists the predefined types", lambda: _rest_types(endpoints["rest"])),
        (f"the {REST.title} has the demo with its events", lambda: _rest_demo(endpoints["rest"])),
        ("the UI serves the Artifact Store page", lambda: _ui_page(endpoints["ui"])),
        (f"the UI reaches the {REST.title}", lambda: _rest_types(f"{endpoints['ui']}/metadata")),
    ]
    return [_run(name, check) for name, check in checks]


def report(results: list[CheckResult]) -> str:
    """Returns one line a check, and how many passed."""
    lines = [f"{'FAILED' if r.problem else 'ok':6} {r.name}" + (f": {r.problem}" if r.problem else "") for r in results]
    failed = sum(bool(result.problem) for result in results)
    return "\n".join([*lines, f"{len(results) - failed} passed, {failed} failed"])


def write_junit(results: list[CheckResult], file: Path) -> None:
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


def _run(name: str, check: Callable[[], None]) -> CheckResult:
    started = time.monotonic()
    try:
        check()
        problem = ""
    except Exception as error:  # a check may fail in any way a server may answer
        problem = str(error) or type(error).__name__
    return CheckResult(name, time.monotonic() - started, problem)


def _grpc_types(target: str) -> None:
    from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc

    listed = _call(target, "GetArtifactTypes", rpc.GetArtifactTypesRequest(), rpc.GetArtifactTypesResponse)
    _require_all(demo.ARTIFACTS, {each.name for each in listed.artifact_types})


def _grpc_demo(target: str) -> None:
    from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc

    for type_name, name in demo.ARTIFACTS.items():
        request = rpc.GetArtifactsByTypeRequest(type_name=type_name)
        listed = _call(target, "GetArtifactsByType", request, rpc.GetArtifactsByTypeResponse)
        _require_all([name], {artifact.properties["name"].string_value for artifact in listed.artifacts})


def _rest_types(url: str) -> None:
    listed = json.loads(_get(f"{url}/api/v1alpha1/artifact_types"))
    _require_all(demo.ARTIFACTS, {each["name"] for each in listed.get("artifact_types", [])})


def _rest_demo(url: str) -> None:
    _require_all(demo.EVENTS, demo.find_demo(url))


def _ui_page(url: str) -> None:
    for path in ("/", "/metadata/"):
        if b'<div id="root"' not in _get(url + path):
            raise _NotSoError(f"{url}{path} is not the Artifact Store page")


def _require_all(wanted: Iterable[str], present: Container[str]) -> None:
    if missing := [name for name in wanted if name not in present]:
        raise _NotSoError(f"missing: {', '.join(missing)}")


def _get(url: str) -> bytes:
    return neighbours.get(url, _TIMEOUT_SECONDS)


def _call(target: str, method: str, request: Any, response: Any) -> Any:
    import grpc

    with neighbours.channel(target) as channel:
        call = channel.unary_unary(
            f"/ml_metadata.MetadataStoreService/{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=response.FromString,
        )
        try:
            return call(request, timeout=_TIMEOUT_SECONDS)
        except grpc.RpcError as error:
            raise _NotSoError(f"{method}: {error.code().name}: {error.details()}") from error
