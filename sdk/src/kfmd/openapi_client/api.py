"""The calls of the REST API, one method each, named by the operation ids of the public Swagger definition.

Every method also takes:

- ``_request_timeout``: seconds, one number or (to connect, between two pieces of the answer);
- ``_return_http_data_only=False``: answer (data, status, headers), as the ``*_with_http_info`` methods do;
- ``_preload_content=False``: answer the ``urllib3`` response, unread.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, Callable, Optional, TypeVar, Union, cast

from kfmd._likely import likely_name
from kfmd.openapi_client import models
from kfmd.openapi_client._message import Message
from kfmd.openapi_client.api_client import ApiClient, HttpInfo
from kfmd.openapi_client.exceptions import ApiTypeError, ApiValueError

M = TypeVar("M", bound=Message)
Answer = TypeVar("Answer")
Body = Union[M, Mapping[str, Any]]
Id = Union[str, int]

_OPTIONS = {"_request_timeout", "_return_http_data_only", "_preload_content", "async_req"}


def _with_http_info(operation: Callable[..., Any]) -> Callable[..., HttpInfo]:
    @functools.wraps(operation)
    def call(self: MetadataServiceApi, *args: Any, **options: Any) -> HttpInfo:
        return cast("HttpInfo", operation(self, *args, **options, _return_http_data_only=False))

    return call


class MetadataServiceApi:
    """The REST API of one backend. Any number of threads may use one."""

    def __init__(self, api_client: Optional[ApiClient] = None) -> None:
        self.api_client = api_client if api_client is not None else ApiClient()

    def __repr__(self) -> str:
        return f"MetadataServiceApi({self.api_client!r})"

    def _call(
        self,
        method: str,
        path: str,
        answer: type[Answer],
        options: dict[str, Any],
        *,
        query: Optional[Mapping[str, Optional[str]]] = None,
        body: Any = None,
        **path_params: Any,
    ) -> Answer:
        if options.get("async_req"):
            raise ApiTypeError(
                "async_req=True is not supported: make the call in a thread of your own, "
                "for example with concurrent.futures; threads may share the client"
            )
        for option in options.keys() - _OPTIONS:
            likely = likely_name(option, (*_OPTIONS, *path_params, *(query or ())))
            hint = f": did you mean {likely!r}?" if likely else ""
            raise ApiTypeError(f"unknown keyword argument {option!r}{hint}")
        if method in {"POST", "PATCH"} and body is None:
            raise ApiValueError("the body is missing")
        info = self.api_client.call(
            method,
            path,
            path_params,
            query=query,
            body=body,
            answer=answer,
            timeout=options.get("_request_timeout"),
            preload=options.get("_preload_content", True),
        )
        return cast("Answer", info.data if options.get("_return_http_data_only", True) else info)

    def create_artifact(
        self, parent: str, body: Body[models.MlMetadataArtifact], **options: Any
    ) -> models.ApiCreateArtifactResponse:
        """Record an artifact under the type named ``parent``."""
        return self._call(
            "POST",
            "/artifact_types/{parent}/artifacts",
            models.ApiCreateArtifactResponse,
            options,
            parent=parent,
            body=body,
        )

    def get_artifact(self, id: Id, name: str, **options: Any) -> models.ApiGetArtifactResponse:
        """The artifact with this id. The type named ``name`` is part of the address only."""
        return self._call(
            "GET",
            "/artifact_types/{name}/artifacts/{id}",
            models.ApiGetArtifactResponse,
            options,
            id=id,
            name=name,
        )

    def list_artifacts(self, name: str, **options: Any) -> models.ApiListArtifactsResponse:
        """The artifacts of the type named ``name``, oldest first."""
        return self._call(
            "GET", "/artifact_types/{name}/artifacts", models.ApiListArtifactsResponse, options, name=name
        )

    def list_artifacts2(self, name: Optional[str] = None, **options: Any) -> models.ApiListArtifactsResponse:
        """All artifacts, oldest first; with ``name`` those of that type."""
        return self._call("GET", "/artifacts", models.ApiListArtifactsResponse, options, query={"name": name})

    def delete_artifact(self, id: Id, name: str, **options: Any) -> dict[str, Any]:
        """Delete an artifact, where the backend supports it."""
        return self._call("DELETE", "/artifact_types/{name}/artifacts/{id}", dict, options, id=id, name=name)

    def create_artifact_type(
        self, body: Body[models.MlMetadataArtifactType], **options: Any
    ) -> models.ApiCreateArtifactTypeResponse:
        """Create a type of artifacts, or confirm that it exists with exactly these properties."""
        return self._call("POST", "/artifact_types", models.ApiCreateArtifactTypeResponse, options, body=body)

    def update_artifact_type(
        self, body: Body[models.MlMetadataArtifactType], **options: Any
    ) -> models.ApiUpdateArtifactTypeResponse:
        """Add properties to a type of artifacts; the body names its present ones, too."""
        return self._call("PATCH", "/artifact_types", models.ApiUpdateArtifactTypeResponse, options, body=body)

    def get_artifact_type(self, name: str, **options: Any) -> models.ApiGetArtifactTypeResponse:
        """The type of artifacts with this name."""
        return self._call("GET", "/artifact_types/{name}", models.ApiGetArtifactTypeResponse, options, name=name)

    def list_artifact_types(self, **options: Any) -> models.ApiListArtifactTypesResponse:
        """All types of artifacts."""
        return self._call("GET", "/artifact_types", models.ApiListArtifactTypesResponse, options)

    def delete_artifact_type(self, name: str, **options: Any) -> dict[str, Any]:
        """Delete a type of artifacts, where the backend supports it."""
        return self._call("DELETE", "/artifact_types/{name}", dict, options, name=name)

    def create_execution(
        self, parent: str, body: Body[models.MlMetadataExecution], **options: Any
    ) -> models.ApiCreateExecutionResponse:
        """Record an execution under the type named ``parent``."""
        return self._call(
            "POST",
            "/execution_types/{parent}/executions",
            models.ApiCreateExecutionResponse,
            options,
            parent=parent,
            body=body,
        )

    def get_execution(self, id: Id, name: str, **options: Any) -> models.ApiGetExecutionResponse:
        """The execution with this id. The type named ``name`` is part of the address only."""
        return self._call(
            "GET",
            "/execution_types/{name}/executions/{id}",
            models.ApiGetExecutionResponse,
            options,
            id=id,
            name=name,
        )

    def list_executions(self, name: str, **options: Any) -> models.ApiListExecutionsResponse:
        """The executions of the type named ``name``, oldest first."""
        return self._call(
            "GET", "/execution_types/{name}/executions", models.ApiListExecutionsResponse, options, name=name
        )

    def list_executions2(self, name: Optional[str] = None, **options: Any) -> models.ApiListExecutionsResponse:
        """All executions, oldest first; with ``name`` those of that type."""
        return self._call("GET", "/executions", models.ApiListExecutionsResponse, options, query={"name": name})

    def delete_execution(self, id: Id, name: str, **options: Any) -> dict[str, Any]:
        """Delete an execution, where the backend supports it."""
        return self._call("DELETE", "/execution_types/{name}/executions/{id}", dict, options, id=id, name=name)

    def create_execution_type(
        self, body: Body[models.MlMetadataExecutionType], **options: Any
    ) -> models.ApiCreateExecutionTypeResponse:
        """Create a type of executions, or confirm that it exists with exactly these properties."""
        return self._call("POST", "/execution_types", models.ApiCreateExecutionTypeResponse, options, body=body)

    def update_execution_type(
        self, body: Body[models.MlMetadataExecutionType], **options: Any
    ) -> models.ApiUpdateExecutionTypeResponse:
        """Add properties to a type of executions; the body names its present ones, too."""
        return self._call("PATCH", "/execution_types", models.ApiUpdateExecutionTypeResponse, options, body=body)

    def get_execution_type(self, name: str, **options: Any) -> models.ApiGetExecutionTypeResponse:
        """The type of executions with this name."""
        return self._call("GET", "/execution_types/{name}", models.ApiGetExecutionTypeResponse, options, name=name)

    def list_execution_types(self, **options: Any) -> models.ApiListExecutionTypesResponse:
        """All types of executions."""
        return self._call("GET", "/execution_types", models.ApiListExecutionTypesResponse, options)

    def delete_execution_type(self, name: str, **options: Any) -> dict[str, Any]:
        """Delete a type of executions, where the backend supports it."""
        return self._call("DELETE", "/execution_types/{name}", dict, options, name=name)

    def create_event(self, body: Body[models.MlMetadataEvent], **options: Any) -> dict[str, Any]:
        """Record that an execution read or made an artifact."""
        return self._call("POST", "/events", dict, options, body=body)

    def list_events(self, name: Id, **options: Any) -> models.ApiListEventsResponse:
        """The events of the execution with the id ``name``, and every artifact and execution in them."""
        return self._call("GET", "/events/executions/{name}", models.ApiListEventsResponse, options, name=name)

    def list_events2(self, name: Id, **options: Any) -> models.ApiListEventsResponse:
        """The events of the artifact with the id ``name``, and every artifact and execution in them."""
        return self._call("GET", "/events/artifacts/{name}", models.ApiListEventsResponse, options, name=name)

    create_artifact_with_http_info = _with_http_info(create_artifact)
    get_artifact_with_http_info = _with_http_info(get_artifact)
    list_artifacts_with_http_info = _with_http_info(list_artifacts)
    list_artifacts2_with_http_info = _with_http_info(list_artifacts2)
    delete_artifact_with_http_info = _with_http_info(delete_artifact)
    create_artifact_type_with_http_info = _with_http_info(create_artifact_type)
    update_artifact_type_with_http_info = _with_http_info(update_artifact_type)
    get_artifact_type_with_http_info = _with_http_info(get_artifact_type)
    list_artifact_types_with_http_info = _with_http_info(list_artifact_types)
    delete_artifact_type_with_http_info = _with_http_info(delete_artifact_type)
    create_execution_with_http_info = _with_http_info(create_execution)
    get_execution_with_http_info = _with_http_info(get_execution)
    list_executions_with_http_info = _with_http_info(list_executions)
    list_executions2_with_http_info = _with_http_info(list_executions2)
    delete_execution_with_http_info = _with_http_info(delete_execution)
    create_execution_type_with_http_info = _with_http_info(create_execution_type)
    update_execution_type_with_http_info = _with_http_info(update_execution_type)
    get_execution_type_with_http_info = _with_http_info(get_execution_type)
    list_execution_types_with_http_info = _with_http_info(list_execution_types)
    delete_execution_type_with_http_info = _with_http_info(delete_execution_type)
    create_event_with_http_info = _with_http_info(create_event)
    list_events_with_http_info = _with_http_info(list_events)
    list_events2_with_http_info = _with_http_info(list_events2)
