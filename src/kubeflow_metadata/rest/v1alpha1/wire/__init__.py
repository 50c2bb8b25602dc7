"""JSON on the wire: what grpc-gateway 1.8.3 and its jsonpb wrote and accepted, for exactly upstream's fields."""

from __future__ import annotations

from kubeflow_metadata.rest.v1alpha1.wire.decode import DecodeError, Decoder
from kubeflow_metadata.rest.v1alpha1.wire.encode import encode, quote

__all__ = ["DecodeError", "Decoder", "encode", "quote"]
