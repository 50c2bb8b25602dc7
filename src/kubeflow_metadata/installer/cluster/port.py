"""The port to a cluster: the few calls that verbs need, whoever answers them."""

from __future__ import annotations

import shlex
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from kubeflow_metadata.errors import UserError

Object = dict[str, Any]

FIELD_MANAGER = "kubeflow-metadata-installer"


@dataclass(frozen=True)
class LogExtent:
    """How much of a log is read.

    Attributes:
        lines: at most this many of the last lines; None for all.
        seconds: only those of the last seconds; None for all.
        previous: those of the container before its last restart.
    """

    lines: int | None = None
    seconds: int | None = None
    previous: bool = False


class UnknownKindError(UserError):
    """The cluster lacks a kind: its operator or CRD is not installed."""


class UnreachableError(UserError):
    """The cluster does not respond, or cannot answer yet."""


class ForbiddenError(UserError):
    """The identity in use lacks a right."""


class RejectedError(UserError):
    """The cluster read the request and refuses it: a quota, an admission policy, an invalid or immutable field."""


class ConflictError(UserError):
    """Somebody else owns fields that are to be set, has changed the object since it was read, or has created it."""


class Place:
    """A namespace of a context of the kubeconfig, and how commands in hints are pointed at it."""

    context: str
    namespace: str

    @property
    def options(self) -> str:
        """How commands in hints are pointed at this namespace: ours, kubectl's."""
        context = ["--context", self.context] if self.context else []
        return shlex.join([*context, "-n", self.namespace])

    @property
    def kubectl(self) -> str:
        """How hints call kubectl on this namespace."""
        return f"kubectl {self.options}"


class Cluster(Place, ABC):
    """One context of the kubeconfig, and a namespace in it.

    Objects are plain dictionaries, as the API has them. Every call but ``logs`` raises ``UnreachableError``,
    ``ForbiddenError``, ``RejectedError`` or another ``UserError`` that says what was asked.
    """

    def __init__(self, context: str, namespace: str) -> None:
        """Names the context and the namespace."""
        self.context = context
        self.namespace = namespace
        # Of the API server, where there is one.
        self.address = ""
        self.proxy = ""
        self.verifies_certificate = True

    @abstractmethod
    def version(self) -> str:
        """Returns the version of the API server, such as ``v1.34.0``."""

    @abstractmethod
    def serves(self, api_version: str, kind: str) -> bool:
        """Returns whether the cluster has a kind."""

    @abstractmethod
    def allows(self, verb: str, api_version: str, kind: str, name: str = "", *, subresource: str = "") -> bool:
        """Returns whether the identity in use may do something in the namespace (SelfSubjectAccessReview)."""

    @abstractmethod
    def get(self, api_version: str, kind: str, name: str) -> Object | None:
        """Returns an object, or None if it does not exist."""

    @abstractmethod
    def list(
        self, api_version: str, kind: str, selector: str = "", field_selector: str = "", *, everywhere: bool = False
    ) -> list[Object]:
        """Returns the objects of a kind in the namespace that match a label and a field selector.

        Of kinds without namespaces, those of the cluster; of kinds that the cluster lacks, none. With ``everywhere``
        those of all namespaces.
        """

    @abstractmethod
    def apply(
        self, wanted: Object, *, force: bool = False, dry_run: bool = False, manager: str = FIELD_MANAGER
    ) -> Object:
        """Applies an object on the server's side; returns it as the cluster has it, or, in a dry run, would have it.

        The fields become those of ``manager``; fields that it applied before and that are missing now are removed.

        Raises:
            ConflictError: without ``force``, where another manager has set a field to another value.
        """

    @abstractmethod
    def create(self, wanted: Object, *, dry_run: bool = False) -> Object:
        """Creates an object.

        Raises:
            ConflictError: it exists.
        """

    @abstractmethod
    def replace(self, wanted: Object) -> Object:
        """Replaces an object, with its status left as it is.

        Raises:
            ConflictError: it has another ``resourceVersion`` than ``wanted``.
        """

    @abstractmethod
    def delete(
        self,
        api_version: str,
        kind: str,
        name: str,
        *,
        uid: str = "",
        resource_version: str = "",
        dry_run: bool = False,
    ) -> bool:
        """Deletes an object, its pods before itself; returns whether there was one.

        Raises:
            ConflictError: it is another one than that of ``uid``, or was changed since ``resource_version``.
        """

    @abstractmethod
    def logs(self, pod: str, container: str, *, lines: int, previous: bool = False) -> str:
        """Returns the last lines of a container's log; empty where there is none, or it may not be read."""

    @abstractmethod
    def follow(self, pod: str, container: str, *, lines: int) -> Iterator[str]:
        """Yields the last lines of a container's log, then each line as it is written, until the container ends."""

    @abstractmethod
    def log_lines(self, pod: str, container: str, extent: LogExtent, *, follow: bool = False) -> Iterator[str]:
        """Yields the lines of a container's log, each led by its time; with ``follow`` until the container ends.

        Raises:
            RejectedError: there is no such pod, or its container has not started.
        """

    @abstractmethod
    def forward(
        self,
        pod: str | Callable[..., str],
        port: int,
        local_port: int = 0,
        *,
        say: Callable[[str], object] = lambda _text: None,
    ) -> AbstractContextManager[int]:
        """Forwards a port of this machine to a pod's; the context is the local port.

        Args:
            pod: its name, or what chooses a pod for each connection (``forwarding.Pods``).
            port: the port that it listens on.
            local_port: of 127.0.0.1; 0 for a free one.
            say: is told what went wrong with a connection.
        """
