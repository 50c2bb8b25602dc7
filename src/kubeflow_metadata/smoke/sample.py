"""What the smoke test logs in a cluster: an execution with its input and outputs, once, in a workspace of its own.

Each record has a name that the store allows once, so that further runs, also at the same time, add nothing.
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.smoke import neighbours
from kubeflow_metadata.smoke.demo import ARTIFACTS, EVENTS

WORKSPACE = "kubeflow-metadata-smoke"
EXECUTION_TYPE = "kubeflow.org/alpha/execution"
EXECUTION = "training"
_URIS = {
    "mytable-dump": "file://path/to/dataset",
    "MNIST": "gcs://my-bucket/mnist",
    "MNIST-evaluation": "gcs://my-bucket/mnist-eval.csv",
}
_TIMEOUT_SECONDS = 30.0
_EVENT_TYPES = {"INPUT": 3, "OUTPUT": 4}


@dataclass(frozen=True)
class _Ids:
    execution: int
    artifacts: Mapping[str, int]  # by name


class Sample:
    """The records of the smoke test, logged through REST and looked up by their names through gRPC."""

    title = "the smoke test's records"

    def __init__(self, grpc: str, rest: str) -> None:
        """Asks nothing yet.

        Args:
            grpc: address of the MLMD gRPC server.
            rest: address of the REST backend.
        """
        self._grpc, self._rest = grpc, rest
        self._ids: _Ids | None = None

    def check_grpc(self, target: str) -> None:
        """Logs what is missing, and reads it through gRPC.

        Raises:
            UserError: something is missing.
        """
        ids = self._logged()
        events = _events(target, ids.execution)
        wanted = {(ids.artifacts[name], _EVENT_TYPES[kind]) for name, kind in EVENTS.items()}
        if missing := wanted - events:
            raise UserError(f"missing: {len(missing)} of {len(wanted)} events")

    def check_rest(self, url: str) -> None:
        """Logs what is missing, and reads it through REST.

        Raises:
            UserError: something is missing.
        """
        ids = self._logged()
        answer = _get(url, f"/events/executions/{ids.execution}")
        artifacts = answer.get("artifacts", {})
        names = {key: _name_of(artifact) for key, artifact in artifacts.items()}
        told = {names.get(str(event["artifact_id"])): event["type"] for event in answer.get("events", [])}
        if missing := [name for name, kind in EVENTS.items() if told.get(name) != kind]:
            raise UserError(f"missing: {', '.join(missing)}")

    def _logged(self) -> _Ids:
        """Returns the ids of the records, and logs those that are missing."""
        if self._ids is None:
            execution = self._execution() or self._create("execution", EXECUTION_TYPE, EXECUTION, {})
            artifacts = {
                name: self._artifact(type_name, name) or self._create("artifact", type_name, name, {"uri": _URIS[name]})
                for type_name, name in ARTIFACTS.items()
            }
            known = _events(self._grpc, execution)
            for name, kind in EVENTS.items():
                if (artifacts[name], _EVENT_TYPES[kind]) not in known:
                    event = {"artifact_id": str(artifacts[name]), "execution_id": str(execution), "type": kind}
                    neighbours.post(f"{self._rest}/api/v1alpha1/events", event, _TIMEOUT_SECONDS)
            self._ids = _Ids(execution, artifacts)
        return self._ids

    def _execution(self) -> int | None:
        from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc

        request = rpc.GetExecutionByTypeAndNameRequest(type_name=EXECUTION_TYPE, execution_name=_unique(EXECUTION))
        answer = neighbours.call(
            self._grpc, "GetExecutionByTypeAndName", request, rpc.GetExecutionByTypeAndNameResponse
        )
        return answer.execution.id if answer.HasField("execution") else None

    def _artifact(self, type_name: str, name: str) -> int | None:
        from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc

        request = rpc.GetArtifactByTypeAndNameRequest(type_name=type_name, artifact_name=_unique(name))
        answer = neighbours.call(self._grpc, "GetArtifactByTypeAndName", request, rpc.GetArtifactByTypeAndNameResponse)
        return answer.artifact.id if answer.HasField("artifact") else None

    def _create(self, noun: str, type_name: str, name: str, more: Mapping[str, str]) -> int:
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = {
            "name": _unique(name),
            "properties": _texts(name=name, create_time=now, description="logged by the smoke test"),
            "custom_properties": _texts(__kf_workspace__=WORKSPACE, __kf_run__="smoke"),
            **more,
        }
        path = f"/api/v1alpha1/{noun}_types/{urllib.parse.quote(type_name, safe='')}/{noun}s"
        try:
            answer = neighbours.post(self._rest + path, body, _TIMEOUT_SECONDS)
        except neighbours.ConflictError:
            # Another smoke test was faster.
            there = self._execution() if noun == "execution" else self._artifact(type_name, name)
            if there is None:
                raise
            return there
        return int(answer[noun]["id"])


def _unique(name: str) -> str:
    return f"{WORKSPACE}/{name}"


def _texts(**values: str) -> dict[str, dict[str, str]]:
    return {name: {"string_value": value} for name, value in values.items()}


def _events(target: str, execution: int) -> set[tuple[int, int]]:
    """Returns the artifact and the type of each event of an execution."""
    from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc

    request = rpc.GetEventsByExecutionIDsRequest(execution_ids=[execution])
    answer = neighbours.call(target, "GetEventsByExecutionIDs", request, rpc.GetEventsByExecutionIDsResponse)
    return {(event.artifact_id, event.type) for event in answer.events}


def _name_of(artifact: Mapping[str, Any]) -> object:
    return artifact.get("properties", {}).get("name", {}).get("string_value")


def _get(url: str, path: str) -> dict[str, Any]:
    document = json.loads(neighbours.get(f"{url}/api/v1alpha1{path}", _TIMEOUT_SECONDS))
    return document if isinstance(document, dict) else {}
