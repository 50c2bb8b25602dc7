"""Turns JSON Schema files into predefined types.

A file whose constants ``namespace``, ``apiversion`` and ``kind`` are known, its own or inherited by ``allOf``, defines
the type ``{namespace}/{apiversion}/{kind}``; the constant ``category`` says of what. Files without them are there to be
extended. References are looked up among the loaded files by ``$id`` and never fetched.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urldefrag, urljoin

from kubeflow_metadata.proto import metadata_store_pb2 as mlmd

Schema = dict[str, Any]

ALL_META = "__ALL_META__"

# Kept in fields of the node and in the type's name, or of no use there.
_NOT_PROPERTIES = {"category", "namespace", "kind", "apiversion", "id", "uri"}
_SIMPLE_TYPES = {"string": mlmd.STRING, "integer": mlmd.INT, "number": mlmd.DOUBLE}
_MAX_INHERITANCE = 50


class SchemaError(Exception):
    """A file that cannot be used; the message names it and says why."""


@dataclass(frozen=True)
class TypeDefinition:
    """A type to register with the store."""

    category: Literal["artifact", "execution"]
    name: str
    properties: Mapping[str, mlmd.PropertyType]


def packaged_directory() -> Path:
    """Returns the directory of the schemas that are part of this package."""
    return Path(__file__).parent / "schemas"


def load_definitions(user_directory: Path | None) -> Sequence[TypeDefinition]:
    """Returns the packaged types and the user's; a user's file replaces the packaged one of the same ``$id``."""
    files = _read_directory(packaged_directory())
    if user_directory is not None:
        files |= _read_directory(user_directory)
    documents = {file.id: file for file in files.values()}
    definitions: dict[tuple[str, str], tuple[TypeDefinition, Path]] = {}
    for file in documents.values():
        definition = _define(file, documents)
        if definition is None:
            continue
        key = (definition.category, definition.name)
        if key in definitions:
            raise SchemaError(f"{file.path}: {definition.name} is already defined by {definitions[key][1]}")
        definitions[key] = (definition, file.path)
    return [definition for definition, _ in definitions.values()]


@dataclass(frozen=True)
class _File:
    path: Path
    id: str
    schema: Schema


def _read_directory(directory: Path) -> dict[str, _File]:
    if not directory.is_dir():
        raise SchemaError(f"{directory}: no such directory")
    files: dict[str, _File] = {}
    for path in sorted(directory.rglob("*.json")):
        file = _read(path)
        if file.id in files:
            raise SchemaError(f"{path}: its $id {file.id} is already used by {files[file.id].path}")
        files[file.id] = file
    return files


def _read(path: Path) -> _File:
    try:
        schema = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SchemaError(f"{path}: cannot read the file: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise SchemaError(f"{path}: invalid JSON: {error}") from error
    if not isinstance(schema, dict):
        raise SchemaError(f"{path}: a schema must be a JSON object")
    identifier = schema.get("$id")
    if not isinstance(identifier, str) or not identifier:
        raise SchemaError(f'{path}: missing "$id"; add one that ends with the file\'s path')
    return _File(path, urldefrag(identifier).url, schema)


def _define(file: _File, documents: Mapping[str, _File]) -> TypeDefinition | None:
    lineage = list(_lineage(file.schema, file, documents, depth=0))
    parts = [_constant(lineage, key) for key in ("namespace", "apiversion", "kind")]
    if not all(parts):
        return None
    category = _constant(lineage, "category")
    if category is None:
        raise SchemaError(f'{file.path}: missing constant "category"; extend the packaged artifact or execution schema')
    properties = _properties(lineage)
    if category == "artifact":
        return TypeDefinition("artifact", "/".join(map(str, parts)), properties)
    if category == "execution":
        return TypeDefinition("execution", "/".join(map(str, parts)), properties)
    return None


def _lineage(schema: Schema, file: _File, documents: Mapping[str, _File], depth: int) -> Iterator[Mapping[str, Schema]]:
    """Yields the ``properties`` that make up a schema, those that take precedence first.

    Own ones come first, then those of the ``allOf`` entries from the last to the first, then those of ``$ref``.
    """
    if depth > _MAX_INHERITANCE:
        raise SchemaError(f"{file.path}: circular reference")
    own = schema.get("properties", {})
    if not isinstance(own, dict) or not all(isinstance(value, dict | bool) for value in own.values()):
        raise SchemaError(f'{file.path}: "properties" must map names to schemas')
    yield {name: value for name, value in own.items() if isinstance(value, dict)}
    entries = schema.get("allOf", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise SchemaError(f'{file.path}: "allOf" must be a list of schemas')
    for entry in reversed(entries):
        yield from _lineage(entry, file, documents, depth + 1)
    if "$ref" in schema:
        target, target_file = _resolve(schema["$ref"], file, documents)
        yield from _lineage(target, target_file, documents, depth + 1)


def _resolve(reference: Any, file: _File, documents: Mapping[str, _File]) -> tuple[Schema, _File]:
    if not isinstance(reference, str):
        raise SchemaError(f'{file.path}: "$ref" must be a string')
    url, pointer = urldefrag(urljoin(file.id, reference))
    target_file = documents.get(url)
    target: Any = target_file and target_file.schema
    for step in pointer.split("/")[1:]:
        key = unquote(step).replace("~1", "/").replace("~0", "~")
        target = target.get(key) if isinstance(target, dict) else None
    if target_file is None or not isinstance(target, dict):
        raise SchemaError(f'{file.path}: "$ref": "{reference}" matches no loaded schema; references are never fetched')
    return target, target_file


def _constant(lineage: Sequence[Mapping[str, Schema]], key: str) -> str | None:
    for properties in lineage:
        # Published schemas spell the keyword `constant`.
        for keyword in ("const", "constant"):
            value = properties.get(key, {}).get(keyword)
            if isinstance(value, str):
                return value
    return None


def _properties(lineage: Sequence[Mapping[str, Schema]]) -> Mapping[str, mlmd.PropertyType]:
    types: dict[str, mlmd.PropertyType] = {}
    for properties in reversed(lineage):
        for name, schema in properties.items():
            kind = schema.get("type")
            if isinstance(kind, str) and kind in _SIMPLE_TYPES and name not in _NOT_PROPERTIES:
                types[name] = _SIMPLE_TYPES[kind]
    types[ALL_META] = mlmd.STRING
    return types
