"""The service: one method for each call of ``ml_metadata.MetadataStoreService``, each in one transaction.

Methods are named as the calls and take and return the calls' messages. Errors are ``StoreError``; the gRPC layer turns
them into statuses.
"""

# Methods carry the calls' own names.
# ruff: noqa: N802

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from google.protobuf.message import Message

from kubeflow_metadata.mlmd import retries
from kubeflow_metadata.mlmd.db.base import Database
from kubeflow_metadata.mlmd.engine.events import get_events, put_events
from kubeflow_metadata.mlmd.engine.executions import put_execution
from kubeflow_metadata.mlmd.engine.kinds import ARTIFACT, CONTEXT, EXECUTION, LINK_TABLES, AnyKind
from kubeflow_metadata.mlmd.engine.lineage import get_lineage_graph, get_lineage_subgraph
from kubeflow_metadata.mlmd.engine.links import put_links, put_parent_contexts, related_contexts
from kubeflow_metadata.mlmd.engine.node_reader import NodeReader
from kubeflow_metadata.mlmd.engine.node_writer import UpdateOptions, Writers
from kubeflow_metadata.mlmd.engine.subgraphs import put_lineage_subgraph
from kubeflow_metadata.mlmd.engine.types import TypeCatalog, Types
from kubeflow_metadata.mlmd.errors import NotFoundError
from kubeflow_metadata.mlmd.node_calls import NodeCalls, put_options
from kubeflow_metadata.proto import metadata_store_pb2 as pb
from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc


class MetadataStore:
    """The metadata store over one database."""

    descriptor = rpc.DESCRIPTOR.services_by_name["MetadataStoreService"]

    def __init__(self, database: Database) -> None:
        self._database = database
        self._catalog = catalog = TypeCatalog()
        self._artifacts = NodeCalls(database, catalog, ARTIFACT)
        self._executions = NodeCalls(database, catalog, EXECUTION)
        self._contexts = NodeCalls(database, catalog, CONTEXT)

    def handler(self, method: str) -> Callable[[Any], Message]:
        """Returns the function that answers a call."""
        answer: Callable[[Any], Message] = getattr(self, method)
        return lambda request: retries.run(lambda: answer(request))

    # Types

    def PutArtifactType(self, request: rpc.PutArtifactTypeRequest) -> rpc.PutArtifactTypeResponse:
        return rpc.PutArtifactTypeResponse(type_id=self._artifacts.put_type(request.artifact_type, request))

    def PutExecutionType(self, request: rpc.PutExecutionTypeRequest) -> rpc.PutExecutionTypeResponse:
        return rpc.PutExecutionTypeResponse(type_id=self._executions.put_type(request.execution_type, request))

    def PutContextType(self, request: rpc.PutContextTypeRequest) -> rpc.PutContextTypeResponse:
        return rpc.PutContextTypeResponse(type_id=self._contexts.put_type(request.context_type, request))

    def PutTypes(self, request: rpc.PutTypesRequest) -> rpc.PutTypesResponse:
        options = put_options(request)
        with self._database.write() as session:
            artifact_types = Types(session, ARTIFACT)
            execution_types = Types(session, EXECUTION)
            context_types = Types(session, CONTEXT)
            return rpc.PutTypesResponse(
                artifact_type_ids=[artifact_types.put(given, options) for given in request.artifact_types],
                execution_type_ids=[execution_types.put(given, options) for given in request.execution_types],
                context_type_ids=[context_types.put(given, options) for given in request.context_types],
            )

    def GetArtifactType(self, request: rpc.GetArtifactTypeRequest) -> rpc.GetArtifactTypeResponse:
        with self._artifacts.types() as types:
            found = types.get(request.type_name, request.type_version)
            return rpc.GetArtifactTypeResponse(artifact_type=found)

    def GetExecutionType(self, request: rpc.GetExecutionTypeRequest) -> rpc.GetExecutionTypeResponse:
        with self._executions.types() as types:
            found = types.get(request.type_name, request.type_version)
            return rpc.GetExecutionTypeResponse(execution_type=found)

    def GetContextType(self, request: rpc.GetContextTypeRequest) -> rpc.GetContextTypeResponse:
        with self._contexts.types() as types:
            found = types.get(request.type_name, request.type_version)
            return rpc.GetContextTypeResponse(context_type=found)

    def GetArtifactTypes(self, _: rpc.GetArtifactTypesRequest) -> rpc.GetArtifactTypesResponse:
        with self._artifacts.types() as types:
            return rpc.GetArtifactTypesResponse(artifact_types=types.all())

    def GetExecutionTypes(self, _: rpc.GetExecutionTypesRequest) -> rpc.GetExecutionTypesResponse:
        with self._executions.types() as types:
            return rpc.GetExecutionTypesResponse(execution_types=types.all())

    def GetContextTypes(self, _: rpc.GetContextTypesRequest) -> rpc.GetContextTypesResponse:
        with self._contexts.types() as types:
            return rpc.GetContextTypesResponse(context_types=types.all())

    def GetArtifactTypesByID(self, request: rpc.GetArtifactTypesByIDRequest) -> rpc.GetArtifactTypesByIDResponse:
        with self._artifacts.types() as types:
            return rpc.GetArtifactTypesByIDResponse(artifact_types=types.by_ids(request.type_ids))

    def GetExecutionTypesByID(self, request: rpc.GetExecutionTypesByIDRequest) -> rpc.GetExecutionTypesByIDResponse:
        with self._executions.types() as types:
            return rpc.GetExecutionTypesByIDResponse(execution_types=types.by_ids(request.type_ids))

    def GetContextTypesByID(self, request: rpc.GetContextTypesByIDRequest) -> rpc.GetContextTypesByIDResponse:
        with self._contexts.types() as types:
            return rpc.GetContextTypesByIDResponse(context_types=types.by_ids(request.type_ids))

    def GetArtifactTypesByExternalIds(
        self, request: rpc.GetArtifactTypesByExternalIdsRequest
    ) -> rpc.GetArtifactTypesByExternalIdsResponse:
        found = self._artifacts.types_by_external_ids(request.external_ids)
        return rpc.GetArtifactTypesByExternalIdsResponse(artifact_types=found)

    def GetExecutionTypesByExternalIds(
        self, request: rpc.GetExecutionTypesByExternalIdsRequest
    ) -> rpc.GetExecutionTypesByExternalIdsResponse:
        found = self._executions.types_by_external_ids(request.external_ids)
        return rpc.GetExecutionTypesByExternalIdsResponse(execution_types=found)

    def GetContextTypesByExternalIds(
        self, request: rpc.GetContextTypesByExternalIdsRequest
    ) -> rpc.GetContextTypesByExternalIdsResponse:
        found = self._contexts.types_by_external_ids(request.external_ids)
        return rpc.GetContextTypesByExternalIdsResponse(context_types=found)

    # Putting nodes and what ties them

    def PutArtifacts(self, request: rpc.PutArtifactsRequest) -> rpc.PutArtifactsResponse:
        options = UpdateOptions(
            mask=request.update_mask.paths,
            abort_if_changed=request.options.abort_if_latest_updated_time_changed,
        )
        return rpc.PutArtifactsResponse(artifact_ids=self._artifacts.put(request.artifacts, options))

    def PutExecutions(self, request: rpc.PutExecutionsRequest) -> rpc.PutExecutionsResponse:
        options = UpdateOptions(mask=request.update_mask.paths)
        return rpc.PutExecutionsResponse(execution_ids=self._executions.put(request.executions, options))

    def PutContexts(self, request: rpc.PutContextsRequest) -> rpc.PutContextsResponse:
        options = UpdateOptions(mask=request.update_mask.paths)
        return rpc.PutContextsResponse(context_ids=self._contexts.put(request.contexts, options))

    def PutEvents(self, request: rpc.PutEventsRequest) -> rpc.PutEventsResponse:
        with self._database.write() as session:
            put_events(session, request.events)
        return rpc.PutEventsResponse()

    def PutExecution(self, request: rpc.PutExecutionRequest) -> rpc.PutExecutionResponse:
        with self._database.write() as session:
            return put_execution(session, Writers.of(session, self._catalog), request)

    def PutLineageSubgraph(self, request: rpc.PutLineageSubgraphRequest) -> rpc.PutLineageSubgraphResponse:
        with self._database.write() as session:
            return put_lineage_subgraph(session, Writers.of(session, self._catalog), request)

    def PutAttributionsAndAssociations(
        self, request: rpc.PutAttributionsAndAssociationsRequest
    ) -> rpc.PutAttributionsAndAssociationsResponse:
        attributions = [(link.artifact_id, link.context_id) for link in request.attributions]
        associations = [(link.execution_id, link.context_id) for link in request.associations]
        with self._database.write() as session:
            put_links(session, ARTIFACT, attributions)
            put_links(session, EXECUTION, associations)
        return rpc.PutAttributionsAndAssociationsResponse()

    def PutParentContexts(self, request: rpc.PutParentContextsRequest) -> rpc.PutParentContextsResponse:
        with self._database.write() as session:
            put_parent_contexts(session, request.parent_contexts)
        return rpc.PutParentContextsResponse()

    # Getting nodes

    def GetArtifacts(self, request: rpc.GetArtifactsRequest) -> rpc.GetArtifactsResponse:
        response = rpc.GetArtifactsResponse()
        return _page(response, self._artifacts.page(response.artifacts.add, request))

    def GetExecutions(self, request: rpc.GetExecutionsRequest) -> rpc.GetExecutionsResponse:
        response = rpc.GetExecutionsResponse()
        return _page(response, self._executions.page(response.executions.add, request))

    def GetContexts(self, request: rpc.GetContextsRequest) -> rpc.GetContextsResponse:
        response = rpc.GetContextsResponse()
        return _page(response, self._contexts.page(response.contexts.add, request))

    def GetArtifactsByID(self, request: rpc.GetArtifactsByIDRequest) -> rpc.GetArtifactsByIDResponse:
        response = rpc.GetArtifactsByIDResponse()
        with self._database.read(snapshot=False) as session:
            found = NodeReader(session, self._catalog, ARTIFACT, response.artifacts.add).by_ids(request.artifact_ids)
            if request.populate_artifact_types:
                types = Types(session, ARTIFACT)
                response.artifact_types.extend(types.by_ids(sorted({artifact.type_id for artifact in found})))
        return response

    def GetExecutionsByID(self, request: rpc.GetExecutionsByIDRequest) -> rpc.GetExecutionsByIDResponse:
        response = rpc.GetExecutionsByIDResponse()
        self._executions.by_ids(response.executions.add, request.execution_ids)
        return response

    def GetContextsByID(self, request: rpc.GetContextsByIDRequest) -> rpc.GetContextsByIDResponse:
        response = rpc.GetContextsByIDResponse()
        self._contexts.by_ids(response.contexts.add, request.context_ids)
        return response

    def GetArtifactsByType(self, request: rpc.GetArtifactsByTypeRequest) -> rpc.GetArtifactsByTypeResponse:
        response = rpc.GetArtifactsByTypeResponse()
        return _page(response, self._artifacts.page_of_type(response.artifacts.add, request))

    def GetExecutionsByType(self, request: rpc.GetExecutionsByTypeRequest) -> rpc.GetExecutionsByTypeResponse:
        response = rpc.GetExecutionsByTypeResponse()
        return _page(response, self._executions.page_of_type(response.executions.add, request))

    def GetContextsByType(self, request: rpc.GetContextsByTypeRequest) -> rpc.GetContextsByTypeResponse:
        response = rpc.GetContextsByTypeResponse()
        return _page(response, self._contexts.page_of_type(response.contexts.add, request))

    def GetArtifactByTypeAndName(
        self, request: rpc.GetArtifactByTypeAndNameRequest
    ) -> rpc.GetArtifactByTypeAndNameResponse:
        found = self._artifacts.by_type_and_name(request, request.artifact_name)
        return rpc.GetArtifactByTypeAndNameResponse(artifact=found)

    def GetExecutionByTypeAndName(
        self, request: rpc.GetExecutionByTypeAndNameRequest
    ) -> rpc.GetExecutionByTypeAndNameResponse:
        found = self._executions.by_type_and_name(request, request.execution_name)
        return rpc.GetExecutionByTypeAndNameResponse(execution=found)

    def GetContextByTypeAndName(
        self, request: rpc.GetContextByTypeAndNameRequest
    ) -> rpc.GetContextByTypeAndNameResponse:
        found = self._contexts.by_type_and_name(request, request.context_name)
        return rpc.GetContextByTypeAndNameResponse(context=found)

    def GetArtifactsByURI(self, request: rpc.GetArtifactsByURIRequest) -> rpc.GetArtifactsByURIResponse:
        response = rpc.GetArtifactsByURIResponse()
        uris = [*request.uris, *([request.uri] if request.HasField("uri") else [])]
        with self._artifacts.reader(response.artifacts.add) as artifacts:
            artifacts.matching_any("uri", uris)
        return response

    def GetArtifactsByExternalIds(
        self, request: rpc.GetArtifactsByExternalIdsRequest
    ) -> rpc.GetArtifactsByExternalIdsResponse:
        response = rpc.GetArtifactsByExternalIdsResponse()
        self._artifacts.by_external_ids(response.artifacts.add, request.external_ids)
        return response

    def GetExecutionsByExternalIds(
        self, request: rpc.GetExecutionsByExternalIdsRequest
    ) -> rpc.GetExecutionsByExternalIdsResponse:
        response = rpc.GetExecutionsByExternalIdsResponse()
        self._executions.by_external_ids(response.executions.add, request.external_ids)
        return response

    def GetContextsByExternalIds(
        self, request: rpc.GetContextsByExternalIdsRequest
    ) -> rpc.GetContextsByExternalIdsResponse:
        response = rpc.GetContextsByExternalIdsResponse()
        self._contexts.by_external_ids(response.contexts.add, request.external_ids)
        return response

    # Getting events and following links

    def GetEventsByArtifactIDs(self, request: rpc.GetEventsByArtifactIDsRequest) -> rpc.GetEventsByArtifactIDsResponse:
        with self._database.read(snapshot=False) as session:
            found = get_events(session, ARTIFACT, request.artifact_ids)
        return rpc.GetEventsByArtifactIDsResponse(events=found)

    def GetEventsByExecutionIDs(
        self, request: rpc.GetEventsByExecutionIDsRequest
    ) -> rpc.GetEventsByExecutionIDsResponse:
        with self._database.read(snapshot=False) as session:
            found = get_events(session, EXECUTION, request.execution_ids)
        return rpc.GetEventsByExecutionIDsResponse(events=found)

    def GetContextsByArtifact(self, request: rpc.GetContextsByArtifactRequest) -> rpc.GetContextsByArtifactResponse:
        response = rpc.GetContextsByArtifactResponse()
        self._contexts_of(ARTIFACT, response.contexts.add, request.artifact_id)
        return response

    def GetContextsByExecution(self, request: rpc.GetContextsByExecutionRequest) -> rpc.GetContextsByExecutionResponse:
        response = rpc.GetContextsByExecutionResponse()
        self._contexts_of(EXECUTION, response.contexts.add, request.execution_id)
        return response

    def GetArtifactsByContext(self, request: rpc.GetArtifactsByContextRequest) -> rpc.GetArtifactsByContextResponse:
        response = rpc.GetArtifactsByContextResponse()
        return _page(response, self._artifacts.page_of_context(response.artifacts.add, request))

    def GetExecutionsByContext(self, request: rpc.GetExecutionsByContextRequest) -> rpc.GetExecutionsByContextResponse:
        response = rpc.GetExecutionsByContextResponse()
        return _page(response, self._executions.page_of_context(response.executions.add, request))

    def GetParentContextsByContext(
        self, request: rpc.GetParentContextsByContextRequest
    ) -> rpc.GetParentContextsByContextResponse:
        response = rpc.GetParentContextsByContextResponse()
        with self._contexts.reader(response.contexts.add) as contexts:
            contexts.linked("ParentContext", "parent_context_id", "context_id", [request.context_id])
        return response

    def GetChildrenContextsByContext(
        self, request: rpc.GetChildrenContextsByContextRequest
    ) -> rpc.GetChildrenContextsByContextResponse:
        response = rpc.GetChildrenContextsByContextResponse()
        with self._contexts.reader(response.contexts.add) as contexts:
            contexts.linked("ParentContext", "context_id", "parent_context_id", [request.context_id])
        return response

    def GetParentContextsByContexts(
        self, request: rpc.GetParentContextsByContextsRequest
    ) -> rpc.GetParentContextsByContextsResponse:
        response = rpc.GetParentContextsByContextsResponse()
        found = self._related_contexts(request.context_ids, own_column="context_id", other_column="parent_context_id")
        for context_id, parents in found.items():
            response.contexts[context_id].parent_contexts.extend(parents)
        return response

    def GetChildrenContextsByContexts(
        self, request: rpc.GetChildrenContextsByContextsRequest
    ) -> rpc.GetChildrenContextsByContextsResponse:
        response = rpc.GetChildrenContextsByContextsResponse()
        found = self._related_contexts(request.context_ids, own_column="parent_context_id", other_column="context_id")
        for context_id, children in found.items():
            response.contexts[context_id].children_contexts.extend(children)
        return response

    # Lineage

    def GetLineageGraph(self, request: rpc.GetLineageGraphRequest) -> rpc.GetLineageGraphResponse:
        with self._database.read() as session:
            artifacts = NodeReader(session, self._catalog, ARTIFACT)
            executions = NodeReader(session, self._catalog, EXECUTION)
            found = get_lineage_graph(session, artifacts, executions, request.options)
            return rpc.GetLineageGraphResponse(subgraph=found)

    def GetLineageSubgraph(self, request: rpc.GetLineageSubgraphRequest) -> rpc.GetLineageSubgraphResponse:
        with self._database.read() as session:
            found = get_lineage_subgraph(session, request.lineage_subgraph_query_options, request.read_mask.paths)
            return rpc.GetLineageSubgraphResponse(lineage_subgraph=found)

    def _contexts_of(self, kind: AnyKind, make: Callable[[], pb.Context], node_id: int) -> None:
        with self._contexts.reader(make) as contexts:
            found = contexts.linked(LINK_TABLES[kind], "context_id", kind.id_column, [node_id])
        if not found:
            raise NotFoundError(f"No contexts found for {kind.id_column}: {node_id}")

    def _related_contexts(
        self, ids: Sequence[int], *, own_column: str, other_column: str
    ) -> dict[int, list[pb.Context]]:
        with self._database.read(snapshot=False) as session:
            contexts = NodeReader(session, self._catalog, CONTEXT)
            return related_contexts(session, contexts, ids, own_column=own_column, other_column=other_column)


_Paged = TypeVar(
    "_Paged",
    rpc.GetArtifactsResponse,
    rpc.GetExecutionsResponse,
    rpc.GetContextsResponse,
    rpc.GetArtifactsByTypeResponse,
    rpc.GetExecutionsByTypeResponse,
    rpc.GetContextsByTypeResponse,
    rpc.GetArtifactsByContextResponse,
    rpc.GetExecutionsByContextResponse,
)


def _page(response: _Paged, token: str) -> _Paged:
    if token:
        response.next_page_token = token
    return response
