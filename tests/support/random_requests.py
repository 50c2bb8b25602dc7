"""Requests that nobody would send: random bytes, and messages whose fields have random values."""

from __future__ import annotations

import random
import struct

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from kubeflow_metadata.proto import metadata_store_service_pb2 as service

RPCS = tuple(service.DESCRIPTOR.services_by_name["MetadataStoreService"].methods)

_TEXTS = ["", "a", "T", "x" * 300, "\x00", "漢字🚀", "%", "'; DROP TABLE Artifact; --"]
_TEXTS += ["id = 1", "(((", "name LIKE '%'", "contexts_a.name = 'x'", "properties.p.int_value > 1"]
_WHOLE = [0, 1, 2, -1, 7, 127, 2**31 - 1, -(2**31)]
_LONG = [*_WHOLE, 2**31, 2**53 + 1, 2**63 - 1, -(2**63)]
_DOUBLES = [0.0, -0.0, 1.5, 1e-7, 1e308, float("inf"), float("-inf"), float("nan")]


def random_request(chance: random.Random) -> tuple[str, bytes]:
    """The name of a call, and what is sent as its request."""
    rpc = chance.choice(RPCS)
    kind = chance.random()
    if kind < 0.15:
        return rpc.name, chance.randbytes(chance.randrange(200))
    message = bytearray(random_message(rpc.input_type, chance))
    if kind < 0.4 and message:
        for _ in range(chance.randint(1, 4)):
            message[chance.randrange(len(message))] = chance.randrange(256)
    return rpc.name, bytes(message)


def random_message(kind: Descriptor, chance: random.Random, depth: int = 0) -> bytes:
    """A message of this kind, serialized; some of its fields are set."""
    parts = []
    for field in kind.fields:
        if chance.random() < (0.5 if depth < 2 else 0.25):
            for _ in range(chance.choice([1, 1, 2, 3]) if field.is_repeated else 1):
                parts.append(_field(field, chance, depth))
    return b"".join(parts)


def _field(field: FieldDescriptor, chance: random.Random, depth: int) -> bytes:
    kind = field.type
    if kind == FieldDescriptor.TYPE_MESSAGE:
        if depth > 6:
            return b""
        assert field.message_type is not None
        return _delimited(field.number, random_message(field.message_type, chance, depth + 1))
    if kind == FieldDescriptor.TYPE_STRING:
        return _delimited(field.number, chance.choice(_TEXTS).encode())
    if kind == FieldDescriptor.TYPE_BYTES:
        return _delimited(field.number, chance.randbytes(chance.randrange(20)))
    if kind == FieldDescriptor.TYPE_DOUBLE:
        return _varint(field.number << 3 | 1) + struct.pack("<d", chance.choice(_DOUBLES))
    if kind == FieldDescriptor.TYPE_FLOAT:
        return _varint(field.number << 3 | 5) + struct.pack("<f", chance.choice([0.0, 1.5, float("nan")]))
    values = _LONG if kind in (FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_UINT64) else _WHOLE
    return _varint(field.number << 3) + _varint(chance.choice(values) & (2**64 - 1))


def _delimited(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
