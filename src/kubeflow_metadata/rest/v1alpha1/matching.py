"""Paths to routes: the first route that fits wins.

A path is cut at its slashes as they were sent, so that an encoded one (``%2F``) belongs to a name, whatever words of
the API that name holds, and so does an encoded colon. A path that fits no route like that is decoded first and then
cut, as grpc-gateway 1.8.3 does it: some clients encode every slash.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote_to_bytes

from kubeflow_metadata.rest.v1alpha1.routes import PREFIX, Route

Segments = list[str]


@dataclass(frozen=True)
class Found:
    """The route of a request, and what its path says."""

    route: Route
    parameters: dict[str, str]


@dataclass(frozen=True)
class NotFound:
    """No route has this path."""


@dataclass(frozen=True)
class OtherVerb:
    """Routes have this path, all with other verbs."""

    allowed: Sequence[str]


class BadPathError(ValueError):
    """The request line holds a percent sign that starts no escape."""


class Matcher:
    """Finds routes; the first that fits wins."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._templates = [(route, Template(PREFIX + route.template)) for route in routes]

    def find(self, verb: str, raw_path: bytes) -> Found | NotFound | OtherVerb:
        """Returns the route of a path as it stands in a request line.

        Raises:
            BadPathError: a percent sign starts no escape.
        """
        raw_segments = _checked(raw_path).split(b"/")
        found: Found | NotFound | OtherVerb = NotFound()
        if b":" not in raw_segments[-1]:
            found = self._match(verb, [_decode(segment) for segment in raw_segments])
        if isinstance(found, Found) or b"%" not in raw_path:
            return found
        decoded = self.match(verb, decode_path(raw_path))
        return found if isinstance(decoded, NotFound) else decoded

    def match(self, verb: str, path: str) -> Found | NotFound | OtherVerb:
        """Returns the route of a decoded path."""
        segments = path.split("/")
        # What follows a colon in the last segment would be a custom verb; no route has one.
        return NotFound() if ":" in segments[-1] else self._match(verb, segments)

    def _match(self, verb: str, segments: Segments) -> Found | NotFound | OtherVerb:
        allowed = []
        for route, template in self._templates:
            parameters = template.match(segments)
            if parameters is None:
                continue
            if route.verb == verb:
                return Found(route, parameters)
            allowed.append(route.verb)
        return OtherVerb(sorted(set(allowed))) if allowed else NotFound()


@dataclass(frozen=True)
class Template:
    """``/a/{x**}/b/{y}``: ``{x**}`` takes as many segments as it can, even none; ``{y}`` one, even an empty one."""

    text: str

    @cached_property
    def _head_and_tail(self) -> tuple[Segments, str | None, Segments]:
        segments = self.text.split("/")
        for index, segment in enumerate(segments):
            if segment.endswith("**}"):
                return segments[:index], segment[1:-3], segments[index + 1 :]
        return segments, None, []

    def match(self, segments: Segments) -> dict[str, str] | None:
        """Returns the parameters if the segments fit."""
        head, greedy, tail = self._head_and_tail
        rest = len(segments) - len(head) - len(tail)
        if rest < 0 or (rest > 0 and greedy is None):
            return None
        end = len(head) + rest
        parameters = {} if greedy is None else {greedy: "/".join(segments[len(head) : end])}
        fixed = zip(head + tail, segments[: len(head)] + segments[end:], strict=True)
        for expected, segment in fixed:
            if expected.startswith("{"):
                parameters[expected[1:-1]] = segment
            elif expected != segment:
                return None
        return parameters


def decode_path(raw_path: bytes) -> str:
    """Returns the path of a request line, in which ``%2F`` becomes a slash like any other.

    Raises:
        BadPathError: a percent sign starts no escape.
    """
    return _decode(_checked(raw_path))


def _checked(raw_path: bytes) -> bytes:
    if not raw_path.startswith(b"/"):
        # The absolute form, as a client behind a forward proxy sends it.
        _, _, after_scheme = raw_path.partition(b"://")
        raw_path = b"/" + after_scheme.partition(b"/")[2]
    for escape in raw_path.split(b"%")[1:]:
        if len(escape) < 2 or not all(digit in b"0123456789abcdefABCDEF" for digit in escape[:2]):
            raise BadPathError(f"invalid URL escape {('%' + escape[:2].decode('latin-1'))!r}")
    return raw_path


def _decode(raw: bytes) -> str:
    return unquote_to_bytes(raw).decode("utf-8", errors="replace")
