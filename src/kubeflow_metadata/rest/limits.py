"""What a request may ask for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What a request may ask for.

    Attributes:
        body_bytes: the largest body; a tight memory limit allows less.
        json_depth: how deeply a body may nest.
        name_length: the longest name of a type or property, in characters.
        concurrent_requests: how many are worked on at once.
        json_values: how many values a body may have, objects and arrays included.
    """

    body_bytes: int = 32 * 2**20
    json_depth: int = 100
    name_length: int = 255
    concurrent_requests: int = 100
    json_values: int = 100_000
