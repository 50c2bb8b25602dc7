"""``events`` on a cluster: what Kubernetes says about the objects of the installation."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import kinds, program
from kubeflow_metadata.installer.cluster.objects import PART, Identity
from kubeflow_metadata.installer.cluster.port import Cluster, Object, UnreachableError
from kubeflow_metadata.installer.polling import SYSTEM_CLOCK, Clock, seconds_since
from kubeflow_metadata.installer.render.names import CLAIM, SMOKE_JOB
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.installer.verbs.target import Target
from kubeflow_metadata.installer.verbs.times import age
from kubeflow_metadata.parts import PARTS

_INDENT = "    "
_WIDEST = 100  # longer lines are hard to read, however wide the terminal is
# Controllers name what they make after these.
_MAKERS = {"Deployment", "StatefulSet", "Job", "CronJob"}
_MADE = {"Pod", "ReplicaSet", "Job", "PersistentVolumeClaim", "EndpointSlice"}


@dataclass(frozen=True)
class Event:
    """An event.

    Attributes:
        time: when it was last seen, as Kubernetes writes times.
        first_time: when it was first seen.
        count: how often.
        warning: whether it is one.
        object: that it is about, as ``Kind name``.
        reason: in Kubernetes' word.
        message: in Kubernetes' words.
    """

    time: str
    first_time: str
    count: int
    warning: bool
    object: str
    reason: str
    message: str


def events(target: Target, terminal: Terminal, clock: Clock = SYSTEM_CLOCK) -> None:
    """Shows the events about our objects, oldest first."""
    cluster = target.cluster()
    found = about_ours(cluster)
    document = {
        "context": cluster.context,
        "namespace": cluster.namespace,
        "events": [asdict(each) for each in found],
    }
    columns = min(shutil.get_terminal_size((80, 24)).columns, _WIDEST)
    terminal.result(document, _text(cluster, found, clock, columns))


def about_ours(cluster: Cluster) -> list[Event]:
    """Returns the events about objects of the installation, and about what those have made."""
    ours, makers = _names(cluster)
    listed = cluster.list("v1", "Event")
    found = [_event(each) for each in listed if _is_about(each.get("involvedObject") or {}, ours, makers)]
    return sorted(found, key=lambda each: each.time)


def _names(cluster: Cluster) -> tuple[set[str], set[str]]:
    """Returns ``Kind name`` of each object that is ours, and the names of those that make others."""
    ours = {f"{part.workload_kind} {part.workload}" for part in PARTS}
    ours |= {f"Service {service.name}" for part in PARTS for service in part.services}
    ours |= {f"PersistentVolumeClaim {CLAIM}", f"Job {SMOKE_JOB}"}
    for kind in kinds.OURS:
        try:
            listed = cluster.list(kind.api_version, kind.name, PART)
        except UnreachableError:
            raise
        except UserError:
            continue  # what may not be listed is known by its usual name
        ours |= {str(Identity(kind.api_version, kind.name, each["metadata"]["name"])) for each in listed}
    pairs = [each.split(" ", 1) for each in ours]
    return ours, {name for kind, name in pairs if kind in _MAKERS}


def _is_about(involved: Mapping[str, str], ours: set[str], makers: Iterable[str]) -> bool:
    kind, name = involved.get("kind", ""), involved.get("name", "")
    made = kind in _MADE and any(name.startswith(f"{maker}-") for maker in makers)
    return made or f"{kind} {name}" in ours


def _event(event: Object) -> Event:
    series, involved = event.get("series") or {}, event.get("involvedObject") or {}
    first = event.get("firstTimestamp") or event.get("eventTime") or ""
    return Event(
        time=str(series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime") or first),
        first_time=str(first),
        count=int(series.get("count") or event.get("count") or 1),
        warning=event.get("type") == "Warning",
        object=f"{involved.get('kind', '')} {involved.get('name', '')}",
        reason=str(event.get("reason") or ""),
        message=str(event.get("message") or "").strip(),
    )


def _text(cluster: Cluster, found: Iterable[Event], clock: Clock, columns: int) -> str:
    lines = []
    for each in found:
        ago = f"{age(seconds_since(each.time, clock)) if each.time else '-'} ago"
        times = f", {each.count} times" if each.count > 1 else ""
        mark = "Warning: " if each.warning else ""
        head = f"{ago}  {mark}{each.object}: {each.reason}{times}"
        lines += _wrapped(head, columns, "", _INDENT)
        for line in each.message.splitlines():
            lines += _wrapped(line, columns, _INDENT, _INDENT)
    if lines:
        return "\n".join(lines)
    return (
        f"There are no events about the installation in namespace {cluster.namespace} of context {cluster.context}.\n"
        f"Kubernetes keeps them for an hour. How it is now: {program.command('status')} {cluster.options}"
    )


def _wrapped(line: str, columns: int, first: str, others: str) -> list[str]:
    return textwrap.wrap(
        line, columns, initial_indent=first, subsequent_indent=others, break_long_words=False, break_on_hyphens=False
    )
