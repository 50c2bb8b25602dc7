"""The calls that are measured, as bytes, and the data that they meet. Needs the messages alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

# The data: artifacts with four properties each, and chains of executions, ten a run.
ARTIFACTS = 10_000
RUNS = 100
STEPS = 10

ROWS = ("get by id", "page of 100", "lineage subgraph", "put one", "put of 100")


def calls(pb: Any, rpc: Any, type_id: int) -> dict[str, tuple[str, bytes]]:
    """Method and request of each row; ``pb`` and ``rpc`` are anybody's generated modules."""
    page = rpc.GetArtifactsRequest()
    page.options.max_result_size = 100
    page.options.order_by_field.field = pb.ListOperationOptions.OrderByField.ID
    lineage = rpc.GetLineageSubgraphRequest()
    lineage.lineage_subgraph_query_options.starting_artifacts.filter_query = "id = 21"
    lineage.lineage_subgraph_query_options.max_num_hops = 20
    made = {
        "get by id": ("GetArtifactsByID", rpc.GetArtifactsByIDRequest(artifact_ids=[123])),
        "page of 100": ("GetArtifacts", page),
        "lineage subgraph": ("GetLineageSubgraph", lineage),
        "put one": ("PutArtifacts", rpc.PutArtifactsRequest(artifacts=[artifact(pb, type_id, 0, named=False)])),
        "put of 100": (
            "PutArtifacts",
            rpc.PutArtifactsRequest(artifacts=[artifact(pb, type_id, i, named=False) for i in range(100)]),
        ),
    }
    return {row: (method, request.SerializeToString()) for row, (method, request) in made.items()}


def types(rpc: Any, pb: Any) -> Any:
    return rpc.PutTypesRequest(
        artifact_types=[
            pb.ArtifactType(
                name="Data", properties={"split": pb.STRING, "rows": pb.INT, "accuracy": pb.DOUBLE, "owner": pb.STRING}
            )
        ],
        execution_types=[pb.ExecutionType(name="Step")],
        context_types=[pb.ContextType(name="Run")],
    )


def artifact(pb: Any, type_id: int, number: int, *, named: bool) -> Any:
    made = pb.Artifact(type_id=type_id, uri=f"s3://bucket/{number}", state=pb.Artifact.LIVE)
    if named:
        made.name = f"data-{number}"
    made.properties["split"].string_value = f"s{number % 100}"
    made.properties["rows"].int_value = number
    made.properties["accuracy"].double_value = (number % 1000) / 1000
    made.custom_properties["owner"].string_value = f"u{number % 50}"
    return made


def load(pb: Any, rpc: Any, call: Any) -> int:
    """Stores the data with ``call(method, request)``; returns the type id of the artifacts."""
    put = call("PutTypes", types(rpc, pb))
    type_id: int = put.artifact_type_ids[0]
    ids: list[int] = []
    for start in range(0, ARTIFACTS, 500):
        made = [artifact(pb, type_id, number, named=True) for number in range(start, start + 500)]
        ids += call("PutArtifacts", rpc.PutArtifactsRequest(artifacts=made)).artifact_ids
    for request in _runs(pb, rpc, call, put, ids):
        call(*request)
    return type_id


def _runs(pb: Any, rpc: Any, call: Any, put: Any, ids: list[int]) -> Iterator[tuple[str, Any]]:
    for run in range(RUNS):
        context = pb.Context(type_id=put.context_type_ids[0], name=f"run-{run}")
        (context_id,) = call("PutContexts", rpc.PutContextsRequest(contexts=[context])).context_ids
        steps = [pb.Execution(type_id=put.execution_type_ids[0], name=f"{run}-{step}") for step in range(STEPS)]
        step_ids = list(call("PutExecutions", rpc.PutExecutionsRequest(executions=steps)).execution_ids)
        chain = ids[run * 2 * STEPS : run * 2 * STEPS + STEPS + 1]
        reads = [pb.Event(artifact_id=a, execution_id=e, type=pb.Event.INPUT) for a, e in zip(chain, step_ids)]  # noqa: B905
        writes = [pb.Event(artifact_id=a, execution_id=e, type=pb.Event.OUTPUT) for a, e in zip(chain[1:], step_ids)]  # noqa: B905
        yield "PutEvents", rpc.PutEventsRequest(events=reads + writes)
        yield (
            "PutAttributionsAndAssociations",
            rpc.PutAttributionsAndAssociationsRequest(
                attributions=[pb.Attribution(artifact_id=a, context_id=context_id) for a in chain],
                associations=[pb.Association(execution_id=e, context_id=context_id) for e in step_ids],
            ),
        )
