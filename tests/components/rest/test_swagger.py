"""The Swagger document that clients are generated from."""

from __future__ import annotations

from kubeflow_metadata.rest.v1alpha1.routes import ROUTES
from kubeflow_metadata.rest.v1alpha1.swagger import swagger

# What the API of 2019 published, and clients were generated from.
NODES = ("Create{}", "Get{}", "List{}s", "List{}s2", "Delete{}")
TYPES = ("Create{}Type", "Get{}Type", "List{}Types", "Update{}Type", "Delete{}Type")
PUBLISHED = {name.format(kind) for name in NODES + TYPES for kind in ("Artifact", "Execution")}
PUBLISHED |= {"CreateEvent", "ListEvents", "ListEvents2"}

VERSION = {"name": "version", "in": "query", "required": False, "type": "string"}


def operations(document):
    return {
        operation["operationId"]: (verb, path, operation)
        for path, verbs in document["paths"].items()
        for verb, operation in verbs.items()
    }


def references(part):
    if isinstance(part, dict):
        for key, inner in part.items():
            yield from [inner] if key == "$ref" else references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from references(inner)


def test_is_served_in_two_places(backend):
    assert backend.get("/swagger.json") == backend.client.get("/swagger.json").json() == swagger()


def test_has_every_route_and_all_that_was_published_under_plain_paths():
    found = operations(swagger())
    assert set(found) == {route.operation for route in ROUTES}
    assert set(found) >= PUBLISHED
    assert found["GetArtifact"][:2] == ("get", "/api/v1alpha1/artifact_types/{name}/artifacts/{id}")
    assert found["CreateExecution"][:2] == ("post", "/api/v1alpha1/execution_types/{parent}/executions")
    assert found["UpdateArtifactType"][:2] == ("patch", "/api/v1alpha1/artifact_types")
    assert found["ListEvents2"][:2] == ("get", "/api/v1alpha1/events/artifacts/{id}")


def test_bodies_and_answers_are_those_of_the_wire():
    document = swagger()
    found = operations(document)
    create = found["CreateArtifact"][2]
    assert create["parameters"] == [
        {"name": "parent", "in": "path", "required": True, "type": "string"},
        {"name": "body", "in": "body", "required": True, "schema": {"$ref": "#/definitions/ml_metadataArtifact"}},
        VERSION,
    ]
    assert create["responses"]["200"]["schema"] == {"$ref": "#/definitions/apiCreateArtifactResponse"}
    assert found["CreateEvent"][2]["responses"]["200"]["schema"] == {"type": "object", "properties": {}}
    assert found["ListArtifacts2"][2]["parameters"] == [
        {"name": "name", "in": "query", "required": False, "type": "string"},
        VERSION,
    ]
    assert list(document["definitions"]["ml_metadataArtifact"]["properties"]) == [
        "id",
        "type_id",
        "uri",
        "properties",
        "custom_properties",
        "state",
        "name",
        "type",
        "create_time_since_epoch",
        "last_update_time_since_epoch",
        "external_id",
    ]
    assert document["definitions"]["ml_metadataValue"]["properties"] == {
        "int_value": {"type": "string", "format": "int64"},
        "double_value": {"type": "number", "format": "double"},
        "string_value": {"type": "string"},
        "struct_value": {"type": "object"},
        "proto_value": {"$ref": "#/definitions/protobufAny"},
        "bool_value": {"type": "boolean", "format": "boolean"},
    }
    assert document["definitions"]["protobufAny"]["properties"] == {
        "type_url": {"type": "string"},
        "value": {"type": "string", "format": "byte"},
    }
    assert list(document["definitions"]["apiListEventsResponse"]["properties"]) == ["events", "artifacts", "executions"]


def test_definitions_have_the_published_names_and_every_reference_leads_to_one():
    document = swagger()
    names = set(document["definitions"])
    assert names >= {
        "ml_metadataArtifactType",
        "ml_metadataExecution",
        "ml_metadataExecutionType",
        "ml_metadataEvent",
        "ml_metadataEventType",
        "ml_metadataArtifactState",
        "ml_metadataExecutionState",
        "ml_metadataPropertyType",
        "ml_metadataUnionArtifactStructType",
        "EventPath",
        "PathStep",
    }
    assert {reference.removeprefix("#/definitions/") for reference in references(document)} <= names
