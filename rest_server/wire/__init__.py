"""JSON on the wire: what grpc-gateway 1.8.3 and its jsonpb wrote and accepted, for exactly upstream's fields."""

from rest_server.wire.decode import DecodeError, Decoder
from rest_server.wire.encode import encode, quote

__all__ = ["DecodeError", "Decoder", "encode", "quote"]
