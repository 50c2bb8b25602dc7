"""A version of the API, as the application mounts it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from starlette.types import ASGIApp

from kubeflow_metadata.rest.admission import Admission
from kubeflow_metadata.rest.settings import Settings
from kubeflow_metadata.rest.store import Store


@dataclass(frozen=True)
class Version:
    """A version of the API.

    Attributes:
        prefix: what its paths begin with.
        make_app: makes the application that answers them.
        documents: JSON documents about it, by path.
        links: what the index page says of it.
    """

    prefix: str
    make_app: Callable[[Store, Admission, Settings], ASGIApp]
    documents: Mapping[str, Callable[[], bytes]] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)

    def answers(self, path: str) -> bool:
        """Returns whether a path is one of this version."""
        return path == self.prefix or path.startswith(f"{self.prefix}/")
