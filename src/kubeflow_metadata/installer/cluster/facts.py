"""What is known of an installation: plain data, read once, from which ``status`` is written."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from kubeflow_metadata.installer.cluster.diagnosis.causes import Rank, rank_of
from kubeflow_metadata.installer.cluster.diagnosis.finding import Diagnosis, Finding
from kubeflow_metadata.installer.cluster.drift import Drift
from kubeflow_metadata.installer.cluster.smoke_record import SmokeRecord

# A container that has run for so long is no longer one that crashes again and again: the kubelet's own measure.
RECENT_SECONDS = 600.0

OUT_OF_MEMORY = "OOMKilled"


class Health(str, enum.Enum):
    """How an installation is."""

    HEALTHY = "healthy"
    UNHEALTHY = "not healthy"
    ABSENT = "not installed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Image:
    """What a container runs; the digest is empty as long as the node has not said it."""

    container: str
    reference: str
    digest: str = ""


@dataclass(frozen=True)
class Ending:
    """How the previous run of a container ended.

    Attributes:
        container: its name.
        reason: the kubelet's word, such as ``OOMKilled``.
        exit_code: of its process.
        seconds: how long ago; None if that is unknown.
        limit: of its memory, as Kubernetes writes it; empty for none.
    """

    container: str
    reason: str
    exit_code: int = 0
    seconds: float | None = None
    limit: str = ""

    @property
    def is_recent_lack_of_memory(self) -> bool:
        """Whether it was killed for its memory, and that may be about to happen again."""
        return self.reason == OUT_OF_MEMORY and (self.seconds is None or self.seconds < RECENT_SECONDS)


@dataclass(frozen=True)
class Replica:
    """A pod.

    Attributes:
        name: its name.
        state: in a word or two: ``running``, ``not ready``, or Kubernetes' reason.
        ready: whether it serves.
        is_left_over: whether it ended for good, as after an eviction; others have taken its place.
        restarts: of all its containers.
        last_ending: how the last run ended of one that was restarted.
        seconds: its age.
        node: where it runs; empty before it is scheduled.
        images: what it runs.
    """

    name: str
    state: str
    ready: bool
    is_left_over: bool = False
    restarts: int = 0
    last_ending: Ending | None = None
    seconds: float | None = None
    node: str = ""
    images: tuple[Image, ...] = ()


@dataclass(frozen=True)
class PartFacts:
    """A part of the installation.

    Attributes:
        name: ``db``, ``grpc``, ``rest`` or ``ui``.
        workload: as ``Kind name``.
        ready: how many replicas are ready.
        wanted: how many there should be.
        done: whether it runs as it was applied.
        replicas: its pods.
    """

    name: str
    workload: str
    ready: int
    wanted: int
    done: bool
    replicas: tuple[Replica, ...] = ()

    @property
    def serves(self) -> bool:
        """Whether it is there and ready: one that was scaled to 0 is as it was asked for, and serves nobody."""
        return self.done and self.wanted > 0


@dataclass(frozen=True)
class ClaimFacts:
    """The claim of the bundled database; how much of it is used, only its node knows."""

    name: str
    phase: str
    capacity: str = ""
    storage_class: str = ""


@dataclass(frozen=True)
class SecretFacts:
    """A Secret that pods need: whether it is there; None where that may not be read."""

    name: str
    present: bool | None


@dataclass(frozen=True)
class DatabaseFacts:
    """The database, as the MLMD server's log tells it.

    Attributes:
        kind: such as ``mysql``; empty if it is not known.
        version: of its software.
        schema_version: of its tables.
        address: as ``host:port/name``.
        refuses_writes: why it takes no writes, as the reason and the database's own words; empty if it does.
    """

    kind: str = ""
    version: str = ""
    schema_version: str = ""
    address: str = ""
    refuses_writes: str = ""


@dataclass(frozen=True)
class Facts:
    """What is known of an installation. What could not be read is None, or empty, and named in ``unread``.

    Attributes:
        context: of the kubeconfig.
        namespace: of the installation.
        options: how commands are pointed at it.
        taken: when it was looked at.
        installer_version: of this program.
        parts: in the order in which they start; None where they may not be read.
        missing: the workloads that were installed and are gone, as ``Kind name``.
        claim: of the bundled database.
        secrets: that its pods need.
        database: what is known of it.
        endpoints: where clients in the cluster reach the servers, by name.
        drift: what others have set in its objects.
        version: that is installed.
        engine: who applied it: ``kustomize``, ``helm``, ``Argo CD``, ``kubectl`` ...
        revision: its number; None if it is unknown.
        smoke: how the last smoke test ended.
        diagnosis: what is wrong.
        unread: what could not be read, as sentences.
    """

    context: str
    namespace: str
    options: str
    taken: datetime
    installer_version: str
    parts: tuple[PartFacts, ...] | None = None
    missing: tuple[str, ...] = ()
    claim: ClaimFacts | None = None
    secrets: tuple[SecretFacts, ...] = ()
    database: DatabaseFacts = DatabaseFacts()
    endpoints: Mapping[str, str] = field(default_factory=dict)
    drift: tuple[Drift, ...] = ()
    version: str = ""
    engine: str = ""
    revision: int | None = None
    smoke: SmokeRecord | None = None
    diagnosis: Diagnosis = field(default_factory=Diagnosis)
    unread: tuple[str, ...] = ()

    @property
    def health(self) -> Health:
        """How it is: what is ready counts, not what might come."""
        if self.parts is None:
            return Health.UNKNOWN
        if not self.parts and not self.missing:
            return Health.ABSENT
        runs = all(each.serves for each in self.parts) and not self.missing
        return Health.HEALTHY if runs and not self.killed_for_memory else Health.UNHEALTHY

    @property
    def killed_for_memory(self) -> tuple[tuple[PartFacts, Ending], ...]:
        """The containers that were killed for their memory a short while ago."""
        return tuple(
            (part, replica.last_ending)
            for part in self.parts or ()
            for replica in part.replicas
            if replica.last_ending and replica.last_ending.is_recent_lack_of_memory
        )

    @property
    def root(self) -> Finding | None:
        """Why it is not healthy, as far as the diagnosis says."""
        if self.health is not Health.UNHEALTHY:
            return None
        return next(iter([*self._now(), *self.diagnosis.findings]), None)

    @property
    def others(self) -> tuple[Finding, ...]:
        """What else is wrong, for reasons of its own."""
        return tuple(self._now()[1:]) if self.root else ()

    def _now(self) -> list[Finding]:
        return [each for each in self.diagnosis.findings if not each.is_over]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What keeps nothing from running now, and should be looked at."""
        return (
            *self._refused_writes(),
            *self._lost_secrets(),
            *self._evictions(),
            *self._former_lacks_of_memory(),
            *self._remembered(),
        )

    def _refused_writes(self) -> list[str]:
        why = self.database.refuses_writes
        return [f"The database {self.database.address} refuses writes: {why}."] if why else []

    def _lost_secrets(self) -> list[str]:
        if not any(each.ready for each in self.parts or ()):
            return []
        return [
            f"Secret {each.name} is gone, and what runs still has it. Restore it before a pod restarts."
            for each in self.secrets
            if each.present is False and not self._is_told(f"Secret {each.name}")
        ]

    def _evictions(self) -> list[str]:
        return [
            f"Pod {replica.name} of {part.name} ended for good: {replica.state}."
            for part in self.parts or ()
            for replica in part.replicas
            if replica.is_left_over and not self._is_told(f"Pod {replica.name}")
        ]

    def _former_lacks_of_memory(self) -> list[str]:
        if self.health is not Health.HEALTHY:
            return []
        return [
            f"Pod {replica.name}: {replica.last_ending.container} was killed for its memory before"
            f"{_with_limit(replica.last_ending)}."
            for part in self.parts or ()
            for replica in part.replicas
            if replica.last_ending and replica.last_ending.reason == OUT_OF_MEMORY
            if not self._is_told(f"Pod {replica.name}")
        ]

    def _remembered(self) -> list[str]:
        shown = [self.root, *self.others]
        healthy = self.health is Health.HEALTHY
        # Of what is ready, a symptom only says that something is on its way.
        told = [each for each in self.diagnosis.findings if each.is_over or (healthy and not _is_symptom(each))]
        return [f"{each.sentence} [{each.code}]" for each in told if each not in shown]

    def _is_told(self, subject: str) -> bool:
        return any(each.subject == subject for each in self.diagnosis.findings)


def _is_symptom(finding: Finding) -> bool:
    return rank_of(finding) is Rank.SYMPTOM


def _with_limit(ending: Ending) -> str:
    return f" (limit {ending.limit})" if ending.limit else ""
