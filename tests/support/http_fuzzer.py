"""Requests that no client of ours sends: malformed, enormous, ambiguous, or merely odd; the same for the same seed."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator

_METHODS = ["GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS", "TRACE", "CONNECT", "BREW", "get", ""]
_PATHS = [
    "/",
    "*",
    "//",
    "/healthz",
    "/metrics",
    "/metadata",
    "/metadata/",
    "/metadata/api/v1alpha1/artifacts",
    "/api/v1alpha1/artifacts",
    "/api/v1alpha1/artifact_types",
    "/api/v1alpha1/artifact_types/kubeflow.org%2Falpha%2Fmodel/artifacts",
    "/api/v1alpha1/artifact_types/x/artifacts/1",
    "/api/v1alpha1/executions",
    "/api/v1alpha1/events",
    "/api/v1alpha1/events/artifacts/1",
    "/api/v1alpha1/swagger.json",
    "/ml_metadata.MetadataStoreService/GetArtifacts",
    "/ml_metadata.MetadataStoreService/PutArtifactType",
    "/metadata/ml_metadata.MetadataStoreService/GetContexts",
    "/assets/index.js",
    "http://localhost/api/v1alpha1/artifacts",
    "http://[::1/api",
    "localhost:80",
]
_BITS = [
    "%",
    "%00",
    "%zz",
    "%2e%2e",
    "..",
    "%ff%fe",
    "[",
    "]",
    "\\",
    "|",
    "{}",
    "//",
    ";",
    "?",
    "#",
    ":",
    "@",
    "a" * 300,
]
_VERSIONS = ["HTTP/1.0", "HTTP/1.1", "HTTP/2.0", "HTTP/9", "", "http/1.1"]
_HOSTS = ["localhost", "127.0.0.1:8080", "[::1]", "[::1", "", "evil.example", "a b", "localhost@x", "x:99999", "\xff"]
_HEADERS = [
    "Content-Length: 0",
    "Content-Length: 5",
    "Content-Length: -5",
    "Content-Length: 99999999999999999999999999",
    "Content-Length: 1, 1",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: \x0bchunked",
    "Expect: 100-continue",
    "Expect: the unexpected",
    "Connection: close",
    "Connection: upgrade",
    "Connection: content-length, host",
    "Upgrade: websocket",
    "Upgrade: h2c",
    "Accept-Encoding: gzip, br, *;q=0",
    "Accept: application/grpc-web-text",
    "Content-Type: application/grpc-web-text",
    "Content-Type: application/grpc-web+proto",
    "Content-Type: application/json; charset=utf-16",
    "Content-Encoding: gzip",
    "Range: bytes=0-,5-1",
    "If-Modified-Since: never",
    'If-None-Match: W/"\xe9"',
    "Origin: null",
    "Origin: http://[",
    "Sec-Fetch-Site: cross-site",
    "X-Request-Id: \xe4\xf6",
    "grpc-timeout: 1n",
    "grpc-timeout: 99999999999999999999H",
    "traceparent: \xff",
    "Cookie: " + "a=b; " * 500,
    "X-Forwarded-For: \xe9",
    "Referer: \x7f",
    " folded: header",
    "no colon",
    ": no name",
    "Sp ace: 1",
    "",
]
_BODIES = [
    b"",
    b"{}",
    b"[]",
    b"null",
    b'{"name": "fuzz"}',
    b'{"name": "\xff\xfe"}',
    b'{"name": 1e999}',
    b'{"properties": {"a": {"int_value": "9223372036854775808"}}}',
    b'{"custom_properties": {"a": {"struct_value": {"a": [[[[]]]]}}}}',
    b'{"a":' * 200,
    b"[" * 5000,
    b'{"zz":[' + b"0," * 200_000 + b"0]}",
    b'"' + b"\\" * 9999,
    b"\0\0\0\0\0",
    b"\0\xff\xff\xff\xff",
    b"AAAAAAA=",
    b"5\r\nhello\r\n0\r\n\r\n",
    b"5\r\nhello\r\nZZ\r\n",
    b"ffffffffffffffffff\r\n",
    b"0\r\nTrailer: \xff\r\n\r\n",
]


def requests(seed: int, count: int) -> Iterator[bytes]:
    """So many requests, each as it is sent on a connection of its own."""
    chance = random.Random(seed)
    for _ in range(count):
        request = _request(chance)
        if chance.random() < 0.1:
            request += _request(chance)
        yield _damaged(request, chance) if chance.random() < 0.15 else request


def _request(chance: random.Random) -> bytes:
    method = chance.choice(_METHODS if chance.random() < 0.4 else ["GET", "POST"])
    version = chance.choice(_VERSIONS) if chance.random() < 0.1 else "HTTP/1.1"
    host = [f"Host: {chance.choice(_HOSTS)}"] if chance.random() < 0.3 else ["Host: localhost"]
    headers = chance.sample(_HEADERS, chance.randrange(4))
    if chance.random() < 0.05:
        headers.append("X-Long: " + "y" * chance.choice([1_000, 70_000, 200_000]))
    body = chance.choice(_BODIES)
    if chance.random() < 0.6 and not any(line.startswith(("Content-Length", "Transfer")) for line in headers):
        headers.append(f"Content-Length: {len(body)}")
    lines = [f"{method} {_target(chance)} {version}", *(host if chance.random() < 0.97 else []), *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def _target(chance: random.Random) -> str:
    target = chance.choice(_PATHS)
    for _ in range(chance.choice([0, 0, 0, 1, 2, 3])):
        bit = chance.choice([*_BITS, "".join(chance.choices(string.printable[:94], k=5))])
        place = chance.randrange(len(target) + 1)
        target = target[:place] + bit + target[place:]
    if chance.random() < 0.2:
        target += "?" + chance.choice(["name=", "name=%", "name=artifact_types/" + "a" * 500, "&" * 2000, "version=\\"])
    if chance.random() < 0.04:
        target += "a" * chance.choice([65_000, 65_600, 70_000, 150_000])
    return target


def _damaged(request: bytes, chance: random.Random) -> bytes:
    damaged = bytearray(request)
    for _ in range(chance.randrange(1, 5)):
        place = chance.randrange(len(damaged) or 1)
        damaged[place : place + chance.choice([0, 1, 1, 10])] = chance.randbytes(chance.choice([0, 1, 1, 8]))
    return bytes(damaged)
