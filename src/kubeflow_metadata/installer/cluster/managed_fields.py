"""``metadata.managedFields``: the API server's book of who set which field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def paths_in(fields: Mapping[str, Any], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yields the paths of single fields, in the words of managedFields."""
    inner = {name: value for name, value in fields.items() if name != "."}
    if not inner and before:
        yield before
    for name, value in inner.items():
        yield from paths_in(value if isinstance(value, Mapping) else {}, (*before, name))
