"""The Lease by which one command at a time changes an installation.

Clocks of two machines are never compared: a holder is gone when its record did not change for as long as it promised
to renew it within, by the clock of the command that waits. Whoever writes the record does so only over the version
that it read, so that of two commands that take it over one succeeds.
"""

from __future__ import annotations

import getpass
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, Protocol

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import exit_codes
from kubeflow_metadata.installer.cluster.port import (
    Cluster,
    ConflictError,
    ForbiddenError,
    Object,
    UnreachableError,
)
from kubeflow_metadata.installer.polling import SYSTEM_CLOCK, Clock
from kubeflow_metadata.installer.terminal import Terminal

NAME = "metadata-installer"
API_VERSION, KIND = "coordination.k8s.io/v1", "Lease"
# A holder that did not renew for so long is gone.
SECONDS = 30
_RENEWED_EVERY = 10.0
_LOOKED_AT_EVERY = 1.0
# What a Role has to allow.
ROLE = """\
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [get, create, update, delete]"""
_LABELS = {"app.kubernetes.io/name": "kubeflow-metadata", "app.kubernetes.io/part-of": "kubeflow"}

Say = Callable[[str], None]


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


@contextmanager
def held(cluster: Cluster, verb: str, clock: Clock = SYSTEM_CLOCK, say: Say | None = None) -> Iterator[Lease]:
    """Holds the Lease for as long as the block runs, renewing it; the namespace must exist.

    Args:
        cluster: where.
        verb: what this command is, for those who find the Lease taken.
        clock: tells the time.
        say: is told what is waited for; by default shown as a note.

    Raises:
        LeaseHeldError: another command holds it; says who.
        ForbiddenError: the identity in use may not use Leases; says what to ask for.
    """
    lease = _Held(cluster, f"{_user()}@{socket.gethostname()}/{os.getpid()}/{verb}", clock)
    try:
        with _explained(cluster):
            lease.acquire(say or Terminal().note)
    except BaseException:
        # It may have been taken just before, as by Ctrl-C while the response was on its way.
        with suppress(UserError):
            lease.release()
        raise
    done = threading.Event()
    renewing = threading.Thread(target=lease.renew_until, args=(done,), name="lease", daemon=True)
    renewing.start()
    try:
        yield lease
    finally:
        done.set()
        # A renewal that hangs must not keep the command from ending; the Lease then expires.
        renewing.join(timeout=5)
        with suppress(UserError):
            lease.release()


def holder(cluster: Cluster) -> str:
    """Returns who holds the Lease, and since when; empty where nobody does, as far as may be read.

    A command that was killed holds it until another one takes it over.
    """
    try:
        spec = _spec(cluster.get(API_VERSION, KIND, NAME))
    except ForbiddenError:
        return ""
    return _described(spec) if spec.get("holderIdentity") else ""


class _Held:
    """The record of this command's Lease."""

    def __init__(self, cluster: Cluster, holder: str, clock: Clock) -> None:
        self._cluster = cluster
        self._holder = holder
        self._clock = clock
        self._record: Object = {}
        self._renewed = 0.0  # by our clock, when the last request that renewed it was sent
        self._lost: LeaseHeldError | None = None
        self._lock = threading.RLock()

    def acquire(self, say: Say) -> None:
        """Takes the Lease where nobody holds it, or its holder is gone."""
        watched: Object | None = None
        since = self._clock.monotonic()
        while True:
            record = self._cluster.get(API_VERSION, KIND, NAME)
            spec = _spec(record)
            holder = str(spec.get("holderIdentity") or "")
            if watched and holder and spec != watched:
                raise self._held_by(spec)
            if not watched and holder:
                watched, since = spec, self._clock.monotonic()
                say(f"Another command works on this installation: {_described(spec)}. Waiting to see if it is alive.")
            is_gone = self._clock.monotonic() - since >= _promised(spec)
            if not holder or is_gone:
                with suppress(ConflictError):  # somebody was faster; the next look shows who
                    self._take(record)
                    if holder:
                        say(f"Took over: {holder} did not renew its Lease for {_promised(spec)} s.")
                    return
            self._clock.sleep(_LOOKED_AT_EVERY)

    def check(self) -> None:
        with self._lock:
            if self._lost is None and self._is_stale():
                # Nobody may have taken it over, as when this machine slept; the API server knows.
                self._renew()
            if self._lost is not None:
                raise self._lost

    def renew_until(self, done: threading.Event) -> None:
        """Renews it now and then, until it is lost or no longer needed."""
        while self._lost is None and not done.wait(_RENEWED_EVERY):
            # Whatever keeps it from being renewed: it is tried again, and ``check`` decides when it is too late.
            with suppress(Exception):
                self._renew()

    def release(self) -> None:
        """Deletes the record, unless it is somebody else's by now."""
        with self._lock:
            if self._lost is not None or not (self._is_known() or self._adopt()):
                return
            metadata = self._record["metadata"]
            version, uid = metadata.get("resourceVersion", ""), metadata.get("uid", "")
            try:
                self._cluster.delete(API_VERSION, KIND, NAME, uid=uid, resource_version=version)
            except ForbiddenError:
                spec = {key: value for key, value in self._record["spec"].items() if key != "holderIdentity"}
                self._cluster.replace({**self._record, "spec": spec})

    def _take(self, record: Object | None) -> None:
        sent, now = self._clock.monotonic(), _timestamp(self._clock.now())
        spec = {
            "holderIdentity": self._holder,
            "leaseDurationSeconds": SECONDS,
            "acquireTime": now,
            "renewTime": now,
            "leaseTransitions": int(_spec(record).get("leaseTransitions") or 0) + 1,
        }
        self._record = {"spec": spec}  # as it will be, if the request arrives
        try:
            self._record = self._write(record, spec)
        except ConflictError:
            self._record = {}
            raise
        except UnreachableError:
            if not self._adopt():
                raise
        self._renewed = sent

    def _write(self, record: Object | None, spec: Object) -> Object:
        if record is None:
            metadata: Object = {"name": NAME, "namespace": self._cluster.namespace, "labels": _LABELS}
            return self._cluster.create({"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec})
        return self._cluster.replace({**record, "apiVersion": API_VERSION, "kind": KIND, "spec": spec})

    def _is_known(self) -> bool:
        """Returns whether the record is as the cluster has it."""
        return "metadata" in self._record

    def _adopt(self) -> bool:
        """Returns whether the cluster has the record that was sent, whose response was lost; keeps it then."""
        if not self._record:
            return False
        present = self._cluster.get(API_VERSION, KIND, NAME)
        if present is None or not self._is_ours(present):
            return False
        self._record = present
        return True

    def _renew(self) -> None:
        with self._lock:
            sent = self._clock.monotonic()
            spec = {**self._record["spec"], "renewTime": _timestamp(self._clock.now())}
            try:
                self._record = self._cluster.replace({**self._record, "spec": spec})
            except ConflictError:
                # Either it is somebody else's, or an earlier renewal of ours arrived and its response did not.
                if not self._adopt():
                    self._lost = self._taken_by(_spec(self._cluster.get(API_VERSION, KIND, NAME)))
                return
            self._renewed = sent

    def _is_stale(self) -> bool:
        return self._clock.monotonic() - self._renewed >= SECONDS

    def _is_ours(self, record: Object | None) -> bool:
        ours = self._record["spec"]
        return all(_spec(record).get(key) == ours[key] for key in ("holderIdentity", "acquireTime", "leaseTransitions"))

    def _held_by(self, spec: Object) -> LeaseHeldError:
        return LeaseHeldError(
            f"Another command works on the installation in namespace {self._cluster.namespace}: {_described(spec)}.",
            hint=f"Try again when it has ended. To see it, run: {self._cluster.kubectl} get lease {NAME} -o yaml",
        )

    def _taken_by(self, spec: Object) -> LeaseHeldError:
        by = f"to {_described(spec)}" if spec.get("holderIdentity") else "(somebody deleted it)"
        return LeaseHeldError(
            f"Stopped: this command lost the Lease {NAME} in namespace {self._cluster.namespace} {by}.",
            hint="What it had begun is finished by the other command, or by running this one again.",
        )


@contextmanager
def _explained(cluster: Cluster) -> Iterator[None]:
    try:
        yield
    except ForbiddenError as error:
        raise ForbiddenError(
            f"Permission denied: cannot use the Lease {NAME} in namespace {cluster.namespace}, "
            "by which one command at a time changes an installation.",
            details=f"{error.details}\n\nA Role needs this rule:\n{ROLE}".strip(),
            hint="Ask an administrator of the cluster for it.",
        ) from error


def _spec(record: Object | None) -> Object:
    spec: Object = (record or {}).get("spec") or {}
    return spec


def _promised(spec: Object) -> int:
    """Returns how long a holder may take to renew; ours where the record says nothing sensible."""
    seconds: Any = spec.get("leaseDurationSeconds")
    return seconds if isinstance(seconds, int) and 0 < seconds <= 10 * SECONDS else SECONDS


def _described(spec: Object) -> str:
    """Returns who holds it, and since when by that one's clock."""
    since = str(spec.get("acquireTime") or "").partition(".")[0].rstrip("Z").replace("T", " ")
    return f"{spec['holderIdentity']}, since {since} UTC" if since else str(spec["holderIdentity"])


def _timestamp(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in a container
        return str(os.getuid())
