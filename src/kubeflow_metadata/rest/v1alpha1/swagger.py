"""The Swagger 2.0 document of ``/api/v1alpha1``, made from the route table and the messages' descriptors.

Names are those of the published document, for clients are generated from it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from kubeflow_metadata.rest.v1alpha1.routes import PREFIX, ROUTES, Result, Route
from kubeflow_metadata.rest.v1alpha1.wire.fields import descriptor_of, enum_of, fields_of, is_map, is_struct, message_of

Json = dict[str, Any]

_SCALARS: dict[int, Json] = {
    FieldDescriptor.TYPE_INT64: {"type": "string", "format": "int64"},
    FieldDescriptor.TYPE_DOUBLE: {"type": "number", "format": "double"},
    FieldDescriptor.TYPE_STRING: {"type": "string"},
    FieldDescriptor.TYPE_BOOL: {"type": "boolean", "format": "boolean"},
    FieldDescriptor.TYPE_BYTES: {"type": "string", "format": "byte"},
}


@cache
def swagger_json() -> bytes:
    return json.dumps(swagger(), indent=2).encode() + b"\n"


def swagger() -> Json:
    definitions: dict[str, Json] = {}
    paths: dict[str, Json] = {}
    for route in ROUTES:
        path = PREFIX + route.template.replace("**}", "}")
        paths.setdefault(path, {})[route.verb.lower()] = _operation(route, definitions)
    return {
        "swagger": "2.0",
        "info": {"title": "api/service.proto", "version": "version not set"},
        "schemes": ["http", "https"],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "paths": paths,
        "definitions": dict(sorted(definitions.items())),
    }


def _operation(route: Route, definitions: dict[str, Json]) -> Json:
    parameters: list[Json] = [
        {"name": name, "in": "path", "required": True, "type": "string"}
        for name in re.findall(r"{(\w+)", route.template)
    ]
    if route.body is not None:
        schema = _message(descriptor_of(route.body), definitions)
        parameters.append({"name": "body", "in": "body", "required": True, "schema": schema})
    parameters += [{"name": name, "in": "query", "required": False, "type": "string"} for name in route.query]
    operation: Json = {
        "operationId": route.operation,
        "responses": {"200": {"description": "A successful response.", "schema": _response(route, definitions)}},
    }
    if parameters:
        operation["parameters"] = parameters
    return operation | {"tags": ["MetadataService"]}


def _response(route: Route, definitions: dict[str, Json]) -> Json:
    if not route.results:
        return {"type": "object", "properties": {}}
    # ListArtifacts2 is a second way to ask for ListArtifacts.
    name = f"api{route.operation.rstrip('2')}Response"
    properties = {result.name: _result(result, definitions) for result in route.results}
    definitions[name] = {"type": "object", "properties": properties}
    return _reference(name)


def _result(result: Result, definitions: dict[str, Json]) -> Json:
    schema = _message(descriptor_of(result.message), definitions)
    if result.shape == "list":
        return {"type": "array", "items": schema}
    if result.shape == "map":
        return {"type": "object", "additionalProperties": schema}
    return schema


def _message(message: Descriptor, definitions: dict[str, Json]) -> Json:
    if is_struct(message):
        return {"type": "object"}
    name = _name(message)
    if name not in definitions:
        definitions[name] = {"type": "object"}
        properties = _properties(fields_of(message), definitions)
        if properties:
            definitions[name]["properties"] = properties
    return _reference(name)


def _properties(fields: Iterable[FieldDescriptor], definitions: dict[str, Json]) -> Json:
    return {field.name: _field(field, definitions) for field in fields}


def _field(field: FieldDescriptor, definitions: dict[str, Json]) -> Json:
    if is_map(field):
        value = _value(message_of(field).fields_by_name["value"], definitions)
        return {"type": "object", "additionalProperties": value}
    if field.is_repeated:
        return {"type": "array", "items": _value(field, definitions)}
    return _value(field, definitions)


def _value(field: FieldDescriptor, definitions: dict[str, Json]) -> Json:
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return _message(message_of(field), definitions)
    if field.type == FieldDescriptor.TYPE_ENUM:
        return _enum(enum_of(field), definitions)
    return dict(_SCALARS[field.type])


def _enum(enum: EnumDescriptor, definitions: dict[str, Json]) -> Json:
    name = "ml_metadata" + "".join(enum.full_name.split(".")[1:])
    names = [value.name for value in enum.values]
    definitions[name] = {"type": "string", "enum": names, "default": names[0]}
    return _reference(name)


def _name(message: Descriptor) -> str:
    """Returns ``ml_metadataArtifact`` for a message of the package, ``EventPath`` for one inside another."""
    scope = message.full_name.split(".")
    return "".join(scope) if len(scope) == 2 else "".join(scope[-2:])


def _reference(name: str) -> Json:
    return {"$ref": f"#/definitions/{name}"}
