"""Finds what a backend stores, by id or by name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Optional, TypeVar, Union

from kfmd._stored import RUN_PROPERTY_NAME, WORKSPACE_PROPERTY_NAME, Artifact, custom_text, flatten, text
from kfmd.artifacts import DataSet, Metrics, Model, PredefinedArtifact
from kfmd.openapi_client import MetadataServiceApi, MlMetadataArtifact, MlMetadataExecution, NotFoundException

EXECUTION_TYPE_NAME = "kubeflow.org/alpha/execution"

_PREDEFINED: dict[str, type[PredefinedArtifact]] = {kind.ARTIFACT_TYPE_NAME: kind for kind in (DataSet, Metrics, Model)}

StoredArtifact = Union[PredefinedArtifact, Artifact]
_R = TypeVar("_R", MlMetadataArtifact, MlMetadataExecution)


class Lookup:
    """What one workspace of a backend can be asked for."""

    def __init__(self, client: MetadataServiceApi, workspace_name: str) -> None:
        self._client = client
        self._workspace = workspace_name
        self.base_url = client.api_client.configuration.base_url

    def artifacts(self, type_name: str) -> list[MlMetadataArtifact]:
        """Returns the workspace's artifacts of a type, oldest first.

        Raises:
            ValueError: when there is no such type.
        """
        listed = self._client.list_artifacts(type_name).artifacts
        if not listed and type_name not in _PREDEFINED:
            self._require_type(type_name)
        return self._own(listed or [])

    def artifact(self, artifact_id: str) -> StoredArtifact:
        """Returns the artifact with this id, whichever workspace it is of."""
        try:
            # The backend goes by the id alone: the type in the address may be any.
            artifact = self._client.get_artifact(artifact_id, Model.ARTIFACT_TYPE_NAME).artifact
        except NotFoundException:
            artifact = None
        if artifact is None:
            raise _not_found(f"there is no artifact with the id {artifact_id} in {self.base_url}")
        types = self._client.list_artifact_types().artifact_types or []
        return self._restore(artifact, next((t.name or "" for t in types if t.id == artifact.type_id), ""))

    def artifact_named(self, name: str, type_name: str, version: Optional[str]) -> StoredArtifact:
        """Returns the workspace's newest artifact of this name."""
        artifacts = self.artifacts(type_name)
        matching = [a for a in artifacts if text(a, "name") == name and version in {None, text(a, "version")}]
        if not matching:
            of_version = "" if version is None else f" with version {version!r}"
            words = f"the workspace {self._workspace!r} has no {type_name!r} named {name!r}{of_version}"
            raise _not_found(words, name, (text(artifact, "name") for artifact in artifacts))
        return self._restore(matching[-1], type_name)

    def execution(self, execution_id: str) -> MlMetadataExecution:
        """Returns the workspace's execution with this id."""
        try:
            execution = self._client.get_execution(execution_id, EXECUTION_TYPE_NAME).execution
        except NotFoundException:
            execution = None
        if execution is None:
            raise _not_found(f"there is no execution with the id {execution_id} in {self.base_url}")
        workspace = custom_text(execution, WORKSPACE_PROPERTY_NAME)
        if workspace not in {None, self._workspace}:
            raise ValueError(
                f"execution {execution_id} belongs to the workspace {workspace!r}: "
                f"fetch it with Workspace({self.base_url!r}, name={workspace!r}).execution({execution_id})"
            )
        return execution

    def execution_named(self, name: str, run: Optional[str]) -> MlMetadataExecution:
        """Returns the workspace's newest execution of this name, in a run if one is given."""
        executions = self._executions()
        matching = [
            e for e in executions if text(e, "name") == name and run in {None, custom_text(e, RUN_PROPERTY_NAME)}
        ]
        if not matching:
            in_run = "" if run is None else f" in the run {run!r}"
            words = f"the workspace {self._workspace!r} has no execution named {name!r}{in_run}"
            raise _not_found(words, name, (text(execution, "name") for execution in executions))
        return matching[-1]

    def require_run(self, name: str) -> None:
        """Raises NotFoundException when no execution of the workspace belongs to a run of this name."""
        names = {custom_text(execution, RUN_PROPERTY_NAME) for execution in self._executions()}
        if name not in names:
            raise _not_found(f"the workspace {self._workspace!r} has no run named {name!r}", name, names)

    def _executions(self) -> list[MlMetadataExecution]:
        return self._own(self._client.list_executions(EXECUTION_TYPE_NAME).executions or [])

    def _own(self, records: list[_R]) -> list[_R]:
        return [record for record in records if custom_text(record, WORKSPACE_PROPERTY_NAME) == self._workspace]

    def _require_type(self, type_name: str) -> None:
        try:
            self._client.get_artifact_type(type_name)
        except NotFoundException:
            names = [kind.name or "" for kind in self._client.list_artifact_types().artifact_types or []]
            raise ValueError(
                f"{self.base_url} has no artifact type named {type_name!r}. {_suggestion(type_name, names)}"
            ) from None

    def _restore(self, artifact: MlMetadataArtifact, type_name: str) -> StoredArtifact:
        kind = _PREDEFINED.get(type_name)
        if kind is None:
            return Artifact(type_name, artifact)
        fields = flatten(artifact)
        fields.pop("run", None)
        if artifact.uri is not None:
            fields["uri"] = artifact.uri
        return kind.restore(fields, self.base_url)


def _suggestion(given: str, names: Iterable[str]) -> str:
    """Returns which type was likely meant, as it is typed."""
    names = sorted(names)
    wanted = _last_word(given)
    for predefined, kind in _PREDEFINED.items():
        if difflib.get_close_matches(wanted, [_last_word(predefined)], cutoff=0.7):
            return f"Did you mean metadata.{kind.__name__}.ARTIFACT_TYPE_NAME, {predefined!r}?"
    close = difflib.get_close_matches(given, names, n=1)
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"Its types are: {', '.join(names[:20])}{', ...' if len(names) > 20 else ''}."


def _last_word(type_name: str) -> str:
    return type_name.rpartition("/")[2].replace("_", "").lower()


def _not_found(words: str, given: str = "", names: Iterable[Optional[str]] = ()) -> NotFoundException:
    close = difflib.get_close_matches(given, {name for name in names if name}, n=1)
    hint = f". Did you mean {close[0]!r}?" if close else ""
    return NotFoundException(404, "Not Found", message=f"{words}{hint}")
