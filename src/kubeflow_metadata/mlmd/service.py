"""The service: one method for each call of ``ml_metadata.MetadataStoreService``, each in one transaction.

Methods are named as the calls and take and return the calls' messages. Errors are ``StoreError``; the gRPC layer turns
them into statuses.
"""

# Methods carry the calls' own names.
# ruff: noqa: N802

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from google.protobuf.message import Message

from kubeflow_metadata.mlmd import retries
from kubeflow_metadata.mlmd.any_kind import AnyKind, by_external_ids, put_options
from kubeflow_metadata.mlmd.engine.events import get_events, put_events
from kubeflow_metadata.mlmd.engine.executions import put_execution
from kubeflow_metadata.mlmd.engine.kinds import ARTIFACT, CONTEXT, EXECUTION
from kubeflow_metadata.mlmd.engine.lineage import get_lineage_graph, get_lineage_subgraph
from kubeflow_metadata.mlmd.engine.links import put_links, put_parent_contexts
from kubeflow_metadata.mlmd.engine.nodes import UpdateOptions
from kubeflow_metadata.mlmd.engine.subgraphs import put_lineage_subgraph
from kubeflow_metadata.mlmd.engine.types import Types
from kubeflow_metadata.proto import metadata_store_pb2 as pb
from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc

METHODS = tuple(rpc.DESCRIPTOR.services_by_name["MetadataStoreService"].methods)


class MetadataStore(AnyKind):
    """The metadata store over one database."""

    def handler(self, method: str) -> Callable[[Any], Message]:
        """The function that answers a call."""
        answer: Callable[[Any], Message] = getattr(self, method)
        return lambda request: retries.run(lambda: answer(request))

    # Types

    def PutArtifactType(self, request: rpc.PutArtifactTypeRequest) -> rpc.PutArtifactTypeResponse:
        return rpc.PutArtifactTypeResponse(type_id=self._put_type(ARTIFACT, request.artifact_type, request))

    def PutExecutionType(self, request: rpc.PutExecutionTypeRequest) -> rpc.PutExecutionTypeResponse:
        return rpc.PutExecutionTypeResponse(type_id=self._put_type(EXECUTION, request.execution_type, request))

    def PutContextType(self, request: rpc.PutContextTypeRequest) -> rpc.PutContextTypeResponse:
        return rpc.PutContextTypeResponse(type_id=self._put_type(CONTEXT, request.context_type, request))

    def PutTypes(self, request: rpc.PutTypesRequest) -> rpc.PutTypesResponse:
        options = put_options(request)
        with self._database.write() as session:
            artifact_types: Types[pb.ArtifactType] = Types(session, ARTIFACT)
            execution_types: Types[pb.ExecutionType] = Types(session, EXECUTION)
            context_types: Types[pb.ContextType] = Types(session, CONTEXT)
            return rpc.PutTypesResponse(
                artifact_type_ids=[artifact_types.put(given, options) for given in request.artifact_types],
                execution_type_ids=[execution_types.put(given, options) for given in request.execution_types],
                context_type_ids=[context_types.put(given, options) for given in request.context_types],
            )

    def GetArtifactType(self, request: rpc.GetArtifactTypeRequest) -> rpc.GetArtifactTypeResponse:
        with self._types(ARTIFACT, pb.ArtifactType) as types:
            found = types.get(request.type_name, request.type_version)
            return rpc.GetArtifactTypeResponse(artifact_type=found)

    def GetExecutionType(self, request: rpc.GetExecutionTypeRequest) -> rpc.GetExecutionTypeResponse:
        with self._types(EXECUTION, pb.ExecutionType) as types:
            found = types.get(request.type_name, request.type_version)
            return rpc.GetExecutionTypeResponse(execution_type=found)

    def GetContextType(self, request: rpc.GetContextTypeRequest) -> rpc.GetContextTypeResponse:
        with self._types(CONTEXT, pb.ContextType) as types:
            found = types.get(request.type_name, request.type_version)
            return rpc.GetContextTypeResponse(context_type=found)

    def GetArtifactTypes(self, _: rpc.GetArtifactTypesRequest) -> rpc.GetArtifactTypesResponse:
        with self._types(ARTIFACT, pb.ArtifactType) as types:
            return rpc.GetArtifactTypesResponse(artifact_types=types.all())

    def GetExecutionTypes(self, _: rpc.GetExecutionTypesRequest) -> rpc.GetExecutionTypesResponse:
        with self._types(EXECUTION, pb.ExecutionType) as types:
            return rpc.GetExecutionTypesResponse(execution_types=types.all())

    def GetContextTypes(self, _: rpc.GetContextTypesRequest) -> rpc.GetContextTypesResponse:
        with self._types(CONTEXT, pb.ContextType) as types:
            return rpc.GetContextTypesResponse(context_types=types.all())

    def GetArtifactTypesByID(self, request: rpc.GetArtifactTypesByIDRequest) -> rpc.GetArtifactTypesByIDResponse:
        with self._types(ARTIFACT, pb.ArtifactType) as types:
            return rpc.GetArtifactTypesByIDResponse(artifact_types=types.by_ids(request.type_ids))

    def GetExecutionTypesByID(self, request: rpc.GetExecutionTypesByIDRequest) -> rpc.GetExecutionTypesByIDResponse:
        with self._types(EXECUTION, pb.ExecutionType) as types:
            return rpc.GetExecutionTypesByIDResponse(execution_types=types.by_ids(request.type_ids))

    def GetContextTypesByID(self, request: rpc.GetContextTypesByIDRequest) -> rpc.GetContextTypesByIDResponse:
        with self._types(CONTEXT, pb.ContextType) as types:
            return rpc.GetContextTypesByIDResponse(context_types=types.by_ids(request.type_ids))

    def GetArtifactTypesByExternalIds(
        self, request: rpc.GetArtifactTypesByExternalIdsRequest
    ) -> rpc.GetArtifactTypesByExternalIdsResponse:
        with self._types(ARTIFACT, pb.ArtifactType) as types:
            found = by_external_ids(types.by_external_ids, request.external_ids)
            return rpc.GetArtifactTypesByExternalIdsResponse(artifact_types=found)

    def GetExecutionTypesByExternalIds(
        self, request: rpc.GetExecutionTypesByExternalIdsRequest
    ) -> rpc.GetExecutionTypesByExternalIdsResponse:
        with self._types(EXECUTION, pb.ExecutionType) as types:
            found = by_external_ids(types.by_external_ids, request.external_ids)
            return rpc.GetExecutionTypesByExternalIdsResponse(execution_types=found)

    def GetContextTypesByExternalIds(
        self, request: rpc.GetContextTypesByExternalIdsRequest
    ) -> rpc.GetContextTypesByExternalIdsResponse:
        with self._types(CONTEXT, pb.ContextType) as types:
            found = by_external_ids(types.by_external_ids, request.external_ids)
            return rpc.GetContextTypesByExternalIdsResponse(context_types=found)

    # Putting nodes and what ties them

    def PutArtifacts(self, request: rpc.PutArtifactsRequest) -> rpc.PutArtifactsResponse:
        options = UpdateOptions(
            mask=request.update_mask.paths,
            abort_if_changed=request.options.abort_if_latest_updated_time_changed,
        )
        with self._database.write() as session:
            ids = self._nodes(session, ARTIFACT, pb.Artifact).put(request.artifacts, options)
            return rpc.PutArtifactsResponse(artifact_ids=ids)

    def PutExecutions(self, request: rpc.PutExecutionsRequest) -> rpc.PutExecutionsResponse:
        options = UpdateOptions(mask=request.update_mask.paths)
        with self._database.write() as session:
            ids = self._nodes(session, EXECUTION, pb.Execution).put(request.executions, options)
            return rpc.PutExecutionsResponse(execution_ids=ids)

    def PutContexts(self, request: rpc.PutContextsRequest) -> rpc.PutContextsResponse:
        options = UpdateOptions(mask=request.update_mask.paths)
        with self._database.write() as session:
            ids = self._nodes(session, CONTEXT, pb.Context).put(request.contexts, options)
            return rpc.PutContextsResponse(context_ids=ids)

    def PutEvents(self, request: rpc.PutEventsRequest) -> rpc.PutEventsResponse:
        with self._database.write() as session:
            put_events(session, request.events)
        return rpc.PutEventsResponse()

    def PutExecution(self, request: rpc.PutExecutionRequest) -> rpc.PutExecutionResponse:
        with self._database.write() as session:
            return put_execution(session, self._stores(session), request)

    def PutLineageSubgraph(self, request: rpc.PutLineageSubgraphRequest) -> rpc.PutLineageSubgraphResponse:
        with self._database.write() as session:
            return put_lineage_subgraph(session, self._stores(session), request)

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
        return _page(response, self._list(ARTIFACT, response.artifacts.add, request))

    def GetExecutions(self, request: rpc.GetExecutionsRequest) -> rpc.GetExecutionsResponse:
        response = rpc.GetExecutionsResponse()
        return _page(response, self._list(EXECUTION, response.executions.add, request))

    def GetContexts(self, request: rpc.GetContextsRequest) -> rpc.GetContextsResponse:
        response = rpc.GetContextsResponse()
        return _page(response, self._list(CONTEXT, response.contexts.add, request))

    def GetArtifactsByID(self, request: rpc.GetArtifactsByIDRequest) -> rpc.GetArtifactsByIDResponse:
        response = rpc.GetArtifactsByIDResponse()
        with self._read() as session:
            found = self._nodes(session, ARTIFACT, response.artifacts.add).by_ids(request.artifact_ids)
            if request.populate_artifact_types:
                types: Types[pb.ArtifactType] = Types(session, ARTIFACT)
                response.artifact_types.extend(types.by_ids(sorted({artifact.type_id for artifact in found})))
        return response

    def GetExecutionsByID(self, request: rpc.GetExecutionsByIDRequest) -> rpc.GetExecutionsByIDResponse:
        response = rpc.GetExecutionsByIDResponse()
        self._by_ids(EXECUTION, response.executions.add, request.execution_ids)
        return response

    def GetContextsByID(self, request: rpc.GetContextsByIDRequest) -> rpc.GetContextsByIDResponse:
        response = rpc.GetContextsByIDResponse()
        self._by_ids(CONTEXT, response.contexts.add, request.context_ids)
        return response

    def GetArtifactsByType(self, request: rpc.GetArtifactsByTypeRequest) -> rpc.GetArtifactsByTypeResponse:
        response = rpc.GetArtifactsByTypeResponse()
        return _page(response, self._list_of_type(ARTIFACT, response.artifacts.add, request))

    def GetExecutionsByType(self, request: rpc.GetExecutionsByTypeRequest) -> rpc.GetExecutionsByTypeResponse:
        response = rpc.GetExecutionsByTypeResponse()
        return _page(response, self._list_of_type(EXECUTION, response.executions.add, request))

    def GetContextsByType(self, request: rpc.GetContextsByTypeRequest) -> rpc.GetContextsByTypeResponse:
        response = rpc.GetContextsByTypeResponse()
        return _page(response, self._list_of_type(CONTEXT, response.contexts.add, request))

    def GetArtifactByTypeAndName(
        self, request: rpc.GetArtifactByTypeAndNameRequest
    ) -> rpc.GetArtifactByTypeAndNameResponse:
        found = self._by_type_and_name(ARTIFACT, pb.Artifact, request, request.artifact_name)
        return rpc.GetArtifactByTypeAndNameResponse(artifact=found)

    def GetExecutionByTypeAndName(
        self, request: rpc.GetExecutionByTypeAndNameRequest
    ) -> rpc.GetExecutionByTypeAndNameResponse:
        found = self._by_type_and_name(EXECUTION, pb.Execution, request, request.execution_name)
        return rpc.GetExecutionByTypeAndNameResponse(execution=found)

    def GetContextByTypeAndName(
        self, request: rpc.GetContextByTypeAndNameRequest
    ) -> rpc.GetContextByTypeAndNameResponse:
        found = self._by_type_and_name(CONTEXT, pb.Context, request, request.context_name)
        return rpc.GetContextByTypeAndNameResponse(context=found)

    def GetArtifactsByURI(self, request: rpc.GetArtifactsByURIRequest) -> rpc.GetArtifactsByURIResponse:
        response = rpc.GetArtifactsByURIResponse()
        uris = [*request.uris, *([request.uri] if request.HasField("uri") else [])]
        with self._read() as session:
            self._nodes(session, ARTIFACT, response.artifacts.add).matching_any("uri", uris)
        return response

    def GetArtifactsByExternalIds(
        self, request: rpc.GetArtifactsByExternalIdsRequest
    ) -> rpc.GetArtifactsByExternalIdsResponse:
        response = rpc.GetArtifactsByExternalIdsResponse()
        self._nodes_by_external_ids(ARTIFACT, response.artifacts.add, request.external_ids)
        return response

    def GetExecutionsByExternalIds(
        self, request: rpc.GetExecutionsByExternalIdsRequest
    ) -> rpc.GetExecutionsByExternalIdsResponse:
        response = rpc.GetExecutionsByExternalIdsResponse()
        self._nodes_by_external_ids(EXECUTION, response.executions.add, request.external_ids)
        return response

    def GetContextsByExternalIds(
        self, request: rpc.GetContextsByExternalIdsRequest
    ) -> rpc.GetContextsByExternalIdsResponse:
        response = rpc.GetContextsByExternalIdsResponse()
        self._nodes_by_external_ids(CONTEXT, response.contexts.add, request.external_ids)
        return response

    # Getting events and following links

    def GetEventsByArtifactIDs(self, request: rpc.GetEventsByArtifactIDsRequest) -> rpc.GetEventsByArtifactIDsResponse:
        with self._read() as session:
            found = get_events(session, ARTIFACT, request.artifact_ids)
        return rpc.GetEventsByArtifactIDsResponse(events=found)

    def GetEventsByExecutionIDs(
        self, request: rpc.GetEventsByExecutionIDsRequest
    ) -> rpc.GetEventsByExecutionIDsResponse:
        with self._read() as session:
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
        return _page(response, self._list_of_context(ARTIFACT, response.artifacts.add, request))

    def GetExecutionsByContext(self, request: rpc.GetExecutionsByContextRequest) -> rpc.GetExecutionsByContextResponse:
        response = rpc.GetExecutionsByContextResponse()
        return _page(response, self._list_of_context(EXECUTION, response.executions.add, request))

    def GetParentContextsByContext(
        self, request: rpc.GetParentContextsByContextRequest
    ) -> rpc.GetParentContextsByContextResponse:
        response = rpc.GetParentContextsByContextResponse()
        with self._read() as session:
            self._nodes(session, CONTEXT, response.contexts.add).linked(
                "ParentContext", "parent_context_id", "context_id", [request.context_id]
            )
        return response

    def GetChildrenContextsByContext(
        self, request: rpc.GetChildrenContextsByContextRequest
    ) -> rpc.GetChildrenContextsByContextResponse:
        response = rpc.GetChildrenContextsByContextResponse()
        with self._read() as session:
            self._nodes(session, CONTEXT, response.contexts.add).linked(
                "ParentContext", "context_id", "parent_context_id", [request.context_id]
            )
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
            artifacts = self._nodes(session, ARTIFACT, pb.Artifact)
            executions = self._nodes(session, EXECUTION, pb.Execution)
            found = get_lineage_graph(session, artifacts, executions, request.options)
            return rpc.GetLineageGraphResponse(subgraph=found)

    def GetLineageSubgraph(self, request: rpc.GetLineageSubgraphRequest) -> rpc.GetLineageSubgraphResponse:
        with self._database.read() as session:
            found = get_lineage_subgraph(session, request.lineage_subgraph_query_options, request.read_mask.paths)
            return rpc.GetLineageSubgraphResponse(lineage_subgraph=found)


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
