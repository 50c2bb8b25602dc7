"""The messages of the REST API. Names, fields and their order are those of the public Swagger definition."""

# Annotations are read at run time by `_message`, on Python 3.9 too: hence Optional, never `| None`.
from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from kfmd.openapi_client._message import Int64, Message


class MlMetadataPropertyType:
    """What a property of a type holds."""

    UNKNOWN = "UNKNOWN"
    INT = "INT"
    DOUBLE = "DOUBLE"
    STRING = "STRING"


class MlMetadataExecutionState:
    """How far an execution is."""

    UNKNOWN = "UNKNOWN"
    NEW = "NEW"
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    FAILED = "FAILED"
    CACHED = "CACHED"


class MlMetadataEventType:
    """What an execution did with an artifact."""

    UNKNOWN = "UNKNOWN"
    DECLARED_OUTPUT = "DECLARED_OUTPUT"
    DECLARED_INPUT = "DECLARED_INPUT"
    INPUT = "INPUT"
    OUTPUT = "OUTPUT"


@dataclass(repr=False)
class MlMetadataValue(Message):
    """The value of a property: exactly one of the three is set."""

    int_value: Optional[Int64] = None
    double_value: Optional[float] = None
    string_value: Optional[str] = None


@dataclass(repr=False)
class MlMetadataArtifact(Message):
    """A data set, a model, metrics: something that executions read and make."""

    id: Optional[Int64] = None
    type_id: Optional[Int64] = None
    uri: Optional[str] = None
    properties: Optional[dict[str, MlMetadataValue]] = None
    custom_properties: Optional[dict[str, MlMetadataValue]] = None


@dataclass(repr=False)
class MlMetadataArtifactType(Message):
    """A name and the properties that its artifacts may have."""

    id: Optional[Int64] = None
    name: Optional[str] = None
    properties: Optional[dict[str, str]] = None


@dataclass(repr=False)
class MlMetadataExecution(Message):
    """A step of a workflow that ran."""

    id: Optional[Int64] = None
    type_id: Optional[Int64] = None
    last_known_state: Optional[str] = None
    properties: Optional[dict[str, MlMetadataValue]] = None
    custom_properties: Optional[dict[str, MlMetadataValue]] = None


@dataclass(repr=False)
class MlMetadataExecutionType(Message):
    """A name, the properties that its executions may have, and what they read and make."""

    id: Optional[Int64] = None
    name: Optional[str] = None
    properties: Optional[dict[str, str]] = None
    input_type: Optional[MlMetadataArtifactStructType] = None
    output_type: Optional[MlMetadataArtifactStructType] = None


@dataclass(repr=False)
class PathStep(Message):
    """One step of an event's path: an index in a list or a key in a mapping."""

    index: Optional[Int64] = None
    key: Optional[str] = None


@dataclass(repr=False)
class EventPath(Message):
    """The position of an artifact in the inputs or outputs of an execution."""

    steps: Optional[list[PathStep]] = None


@dataclass(repr=False)
class MlMetadataEvent(Message):
    """An execution read or made an artifact."""

    artifact_id: Optional[Int64] = None
    execution_id: Optional[Int64] = None
    path: Optional[EventPath] = None
    type: Optional[str] = None
    milliseconds_since_epoch: Optional[Int64] = None


@dataclass(repr=False)
class MlMetadataArtifactStructType(Message):
    """The shape of an execution's inputs or outputs: exactly one of these is set."""

    simple: Optional[MlMetadataArtifactType] = None
    union_type: Optional[MlMetadataUnionArtifactStructType] = None
    intersection: Optional[MlMetadataIntersectionArtifactStructType] = None
    list: Optional[MlMetadataListArtifactStructType] = None
    _none: Optional[object] = None
    any: Optional[object] = None
    tuple: Optional[MlMetadataTupleArtifactStructType] = None
    dict: Optional[MlMetadataDictArtifactStructType] = None


@dataclass(repr=False)
class MlMetadataUnionArtifactStructType(Message):
    """One of several shapes."""

    candidates: Optional[list[MlMetadataArtifactStructType]] = None


@dataclass(repr=False)
class MlMetadataIntersectionArtifactStructType(Message):
    """All of several shapes at once."""

    constraints: Optional[list[MlMetadataArtifactStructType]] = None


@dataclass(repr=False)
class MlMetadataListArtifactStructType(Message):
    """A list of one shape."""

    element: Optional[MlMetadataArtifactStructType] = None


@dataclass(repr=False)
class MlMetadataTupleArtifactStructType(Message):
    """A fixed sequence of shapes."""

    elements: Optional[list[MlMetadataArtifactStructType]] = None


@dataclass(repr=False)
class MlMetadataDictArtifactStructType(Message):
    """Named shapes."""

    properties: Optional[dict[str, MlMetadataArtifactStructType]] = None
    none_type_not_required: Optional[bool] = None
    extra_properties_type: Optional[MlMetadataArtifactStructType] = None


@dataclass(repr=False)
class ApiCreateArtifactResponse(Message):
    artifact: Optional[MlMetadataArtifact] = None


@dataclass(repr=False)
class ApiGetArtifactResponse(Message):
    artifact: Optional[MlMetadataArtifact] = None


@dataclass(repr=False)
class ApiListArtifactsResponse(Message):
    artifacts: Optional[list[MlMetadataArtifact]] = None


@dataclass(repr=False)
class ApiCreateArtifactTypeResponse(Message):
    artifact_type: Optional[MlMetadataArtifactType] = None


@dataclass(repr=False)
class ApiUpdateArtifactTypeResponse(Message):
    artifact_type: Optional[MlMetadataArtifactType] = None


@dataclass(repr=False)
class ApiGetArtifactTypeResponse(Message):
    artifact_type: Optional[MlMetadataArtifactType] = None


@dataclass(repr=False)
class ApiListArtifactTypesResponse(Message):
    artifact_types: Optional[list[MlMetadataArtifactType]] = None


@dataclass(repr=False)
class ApiCreateExecutionResponse(Message):
    execution: Optional[MlMetadataExecution] = None


@dataclass(repr=False)
class ApiGetExecutionResponse(Message):
    execution: Optional[MlMetadataExecution] = None


@dataclass(repr=False)
class ApiListExecutionsResponse(Message):
    executions: Optional[list[MlMetadataExecution]] = None


@dataclass(repr=False)
class ApiCreateExecutionTypeResponse(Message):
    execution_type: Optional[MlMetadataExecutionType] = None


@dataclass(repr=False)
class ApiUpdateExecutionTypeResponse(Message):
    execution_type: Optional[MlMetadataExecutionType] = None


@dataclass(repr=False)
class ApiGetExecutionTypeResponse(Message):
    execution_type: Optional[MlMetadataExecutionType] = None


@dataclass(repr=False)
class ApiListExecutionTypesResponse(Message):
    execution_types: Optional[list[MlMetadataExecutionType]] = None


@dataclass(repr=False)
class ApiListEventsResponse(Message):
    """Events, and by id every artifact and execution that they name."""

    events: Optional[list[MlMetadataEvent]] = None
    artifacts: Optional[dict[str, MlMetadataArtifact]] = None
    executions: Optional[dict[str, MlMetadataExecution]] = None
