"""One read through each server, on a port of this machine that leads to it. Nothing is written."""

from __future__ import annotations

import importlib.util
import json
from http.client import HTTPConnection, HTTPException

from kubeflow_metadata.parts import GRPC, REST
from kubeflow_metadata.smoke import neighbours

_SECONDS = 15.0
_HOST = "127.0.0.1"
_TYPES = "/api/v1alpha1/artifact_types"
_CALL = "/ml_metadata.MetadataStoreService/GetArtifactTypes"
# A request without fields, as gRPC-Web frames it: a byte of flags, four of length.
_EMPTY_FRAME = bytes(5)
_STATUS = "grpc-status:"


class NotReadError(Exception):
    """A server did not answer, or not as it should; the message says how."""


def has_grpc() -> bool:
    """Returns whether a gRPC client is installed here."""
    return importlib.util.find_spec("grpc") is not None


def page(port: int) -> str:
    """Reads the Artifact Store's page."""
    if b'<div id="root"' not in _get(f"http://{_HOST}:{port}/"):
        raise NotReadError("what it serves is not the Artifact Store")
    return "The Artifact Store serves its page."


def rest(port: int) -> str:
    """Reads the types of artifacts, which the REST backend reads from the MLMD gRPC server."""
    try:
        count = len(json.loads(_get(f"http://{_HOST}:{port}{_TYPES}")).get("artifact_types", []))
    except (ValueError, AttributeError) as error:
        raise NotReadError(f"{_TYPES} is not the JSON of a list") from error
    return f"The {REST.title} reads the store: {count} types of artifacts."


def grpc(port: int) -> str:
    """Reads the types of artifacts by gRPC."""
    import grpc as library

    with neighbours.channel(f"{_HOST}:{port}") as channel:
        call = channel.unary_unary(_CALL, request_serializer=bytes, response_deserializer=bytes)
        try:
            call(b"", timeout=_SECONDS)
        except library.RpcError as error:
            raise NotReadError(f"{error.code().name}: {error.details()}") from error
    return f"The {GRPC.title} reads the store."


def grpc_web(port: int) -> str:
    """Reads the types of artifacts by gRPC-Web, where no gRPC client is installed."""
    connection = HTTPConnection(_HOST, port, timeout=_SECONDS)
    headers = {"Content-Type": "application/grpc-web+proto", "X-Grpc-Web": "1"}
    try:
        connection.request("POST", _CALL, _EMPTY_FRAME, headers)
        answer = connection.getresponse()
        # Where there is no message, the status is a header; else it is in the last frame.
        said = answer.getheader("grpc-status") or answer.read().decode(errors="replace").lower().rpartition(_STATUS)[2]
    except (OSError, HTTPException) as error:
        raise NotReadError(str(error) or type(error).__name__) from error
    finally:
        connection.close()
    if not said.strip().startswith("0"):
        raise NotReadError(f"the call ended with the status {said.strip()[:3] or 'unknown'}")
    return f"The {GRPC.title} reads the store, asked by gRPC-Web."


def _get(url: str) -> bytes:
    try:
        return neighbours.get(url, _SECONDS)
    except OSError as error:
        raise NotReadError(str(error)) from error
