"""Logs of containers: read, and followed through restarts and replacements of their pods."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from typing import Any

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster.objects import PART, part_of
from kubeflow_metadata.installer.cluster.port import Cluster, ForbiddenError, LogExtent, Object, UnreachableError
from kubeflow_metadata.installer.polling import SYSTEM_CLOCK, Clock
from kubeflow_metadata.parts import BY_NAME

_SIDECARS = ("istio-", "linkerd-")
_CONNECT_SECONDS = 30
# A connection that was cut without a word is noticed after as long a silence, and made again.
_SILENCE_SECONDS = 300
_LOOK_SECONDS = 1.0
# Lines of several containers that come within this time are put in order.
_TOGETHER_SECONDS = 0.1
# What is asked for again after a connection was cut, beyond the time since the last line.
_MARGIN_SECONDS = 60


@dataclass(frozen=True, order=True)
class Line:
    """A line of a log.

    Attributes:
        time: when it was written, as Kubernetes writes times in logs; they sort as texts do.
        part: of the installation.
        pod: that wrote it.
        text: of the line.
        container: that wrote it.
    """

    time: str
    part: str
    pod: str
    text: str
    container: str = ""


@dataclass(frozen=True)
class Container:
    """The container of a part in a pod, as it is now.

    Attributes:
        part: of the installation.
        pod: its name.
        name: of the container.
        restarts: how often it was restarted.
        is_running: whether it runs.
        has_log: whether it has started at all.
    """

    part: str
    pod: str
    name: str
    restarts: int
    is_running: bool
    has_log: bool


def opened(client: Any, namespace: str, pod: str, container: str, extent: LogExtent, *, follow: bool) -> Any:
    """Asks for a container's log; returns the answer, whose lines are led by their times.

    Args:
        client: a ``kubernetes.client.ApiClient``.
        namespace: of the pod.
        pod: its name.
        container: in the pod.
        extent: how much of it.
        follow: whether lines are waited for.

    Raises:
        kubernetes.client.exceptions.ApiException: the server refuses.
        urllib3.exceptions.HTTPError: it does not respond.
    """
    from kubernetes.client import CoreV1Api

    limits: dict[str, Any] = {"tail_lines": extent.lines, "since_seconds": extent.seconds}
    return CoreV1Api(client).read_namespaced_pod_log(
        pod,
        namespace,
        container=container,
        follow=follow,
        previous=extent.previous,
        timestamps=True,
        _preload_content=False,
        _request_timeout=(_CONNECT_SECONDS, _SILENCE_SECONDS if follow else _CONNECT_SECONDS),
        **{name: value for name, value in limits.items() if value is not None},
    )


def lines(answer: Any) -> Iterator[str]:
    """Yields the lines of an answer of ``opened``."""
    try:
        yield from _lines(answer.stream(64 * 1024, decode_content=False))
    finally:
        answer.close()


def _lines(pieces: Iterator[bytes]) -> Iterator[str]:
    beginning = b""
    for piece in pieces:
        *whole, beginning = (beginning + piece).split(b"\n")
        yield from (line.decode(errors="replace") for line in whole)
    if beginning:
        yield beginning.decode(errors="replace")


def without_times(lines: Iterator[str]) -> Iterator[str]:
    """Yields lines as they were written, without the times that lead them."""
    return (line.partition(" ")[2] for line in lines)


def containers(cluster: Cluster, parts: Sequence[str]) -> list[Container]:
    """Returns the containers of parts, initContainers first; those of pods that are about to end included."""
    pods = [each for each in cluster.list("v1", "Pod", PART) if part_of(each) in parts]
    pods.sort(key=lambda pod: (parts.index(part_of(pod)), str(pod["metadata"]["name"])))
    return [each for pod in pods for each in _containers(pod, part_of(pod))]


def _containers(pod: Object, part: str) -> Iterator[Container]:
    status = pod.get("status", {})
    known = {
        each["name"]: each for kind in ("initContainerStatuses", "containerStatuses") for each in status.get(kind) or []
    }
    own = BY_NAME[part].container
    for name in [*(name for name in known if name != own and not name.startswith(_SIDECARS)), own]:
        each = known.get(name, {})
        state, restarts = each.get("state") or {}, int(each.get("restartCount", 0))
        has_log = "running" in state or "terminated" in state or restarts > 0
        yield Container(part, pod["metadata"]["name"], name, restarts, "running" in state, has_log)


def read(cluster: Cluster, wanted: Sequence[Container], extent: LogExtent, say: Callable[[str], object]) -> list[Line]:
    """Returns the lines of containers in the order in which they were written.

    Args:
        cluster: where they run.
        wanted: the containers.
        extent: how much of each.
        say: is told which log could not be read.

    Raises:
        ForbiddenError: logs may not be read.
    """
    lines: list[Line] = []
    for each in wanted:
        try:
            lines += (_line(each, text) for text in cluster.log_lines(each.pod, each.name, extent))
        except ForbiddenError:
            raise
        except UserError as error:
            say(f"{each.part}: no log of pod {each.pod}: {error.details or error}")
    return sorted(lines, key=lambda line: line.time)


def _line(container: Container, text: str) -> Line:
    time, _, rest = text.partition(" ")
    return Line(time, container.part, container.pod, rest, container.name)


@dataclass
class _Progress:
    """How far the log of a container was read."""

    restarts: int
    last: str = ""  # time of the last line
    received: float | None = None  # when that was, by this machine's clock
    is_followed: bool = False
    has_ended: bool = False


class Follower:
    """Follows the logs of parts, each container in a thread of its own.

    The threads end with this process: a read that waits for a line cannot be given up.
    """

    def __init__(
        self, cluster: Cluster, parts: Sequence[str], say: Callable[[str], object], clock: Clock = SYSTEM_CLOCK
    ) -> None:
        """Follows nothing yet; ``say`` is told of restarts, and of pods that come and go."""
        self._cluster, self._parts, self._say, self._clock = cluster, parts, say, clock
        self._news: queue.SimpleQueue[Line | UserError] = queue.SimpleQueue()
        self._progress: dict[tuple[str, str], _Progress] = {}

    def lines(self, extent: LogExtent) -> Iterator[Line]:
        """Yields lines for ever: those there are, in their order, then each as it is written.

        Raises:
            ForbiddenError: logs may not be read.
        """
        present = containers(self._cluster, self._parts)
        now = self._clock.monotonic()
        history = read(self._cluster, [each for each in present if each.has_log], extent, self._say)
        for each in present:
            own = [line.time for line in history if (line.pod, line.container) == (each.pod, each.name)]
            # Of a log that is empty, or was cut, nothing older is wanted either.
            received = now if each.has_log else None
            self._progress[each.pod, each.name] = _Progress(each.restarts, max(own, default=""), received)
        yield from history
        while True:
            self._look()
            yield from self._come(_LOOK_SECONDS)

    def _come(self, seconds: float) -> Iterator[Line]:
        """Yields the lines that come within some seconds; those of about the same moment in order."""
        deadline = self._clock.monotonic() + seconds
        while (left := deadline - self._clock.monotonic()) > 0:
            batch: list[Line] = []
            with suppress(queue.Empty):
                batch.append(self._checked(self._news.get(timeout=left)))
                while True:
                    batch.append(self._checked(self._news.get(timeout=_TOGETHER_SECONDS)))
            yield from sorted(batch, key=lambda line: line.time)

    @staticmethod
    def _checked(news: Line | UserError) -> Line:
        if isinstance(news, UserError):
            raise news
        return news

    def _look(self) -> None:
        """Begins to follow what has started meanwhile."""
        try:
            present = containers(self._cluster, self._parts)
        except UnreachableError:
            return  # asked again
        for gone in sorted({pod for pod, _ in self._progress} - {each.pod for each in present}):
            self._progress = {key: progress for key, progress in self._progress.items() if key[0] != gone}
            self._say(f"Pod {gone} is gone.")
        for each in present:
            progress = self._progress.get((each.pod, each.name))
            if progress is None:
                if not each.has_log:
                    continue
                if each.pod not in {pod for pod, _ in self._progress}:
                    self._say(f"Pod {each.pod} started.")
                progress = self._progress[each.pod, each.name] = _Progress(each.restarts)
            elif each.restarts > progress.restarts:
                self._say(f"The container {each.name} of pod {each.pod} was restarted.")
                progress.restarts, progress.has_ended = each.restarts, False
            if each.has_log and not progress.is_followed and (each.is_running or not progress.has_ended):
                progress.is_followed = True
                threading.Thread(target=self._follow, args=(each, progress), daemon=True).start()

    def _follow(self, container: Container, progress: _Progress) -> None:
        # Seconds by the clock of this machine alone: it need not agree with the node's.
        since = (
            None if progress.received is None else ceil(self._clock.monotonic() - progress.received) + _MARGIN_SECONDS
        )
        try:
            for text in self._cluster.log_lines(container.pod, container.name, LogExtent(seconds=since), follow=True):
                line = _line(container, text)
                if line.time > progress.last:
                    progress.last, progress.received = line.time, self._clock.monotonic()
                    self._news.put(line)
        except ForbiddenError as error:
            self._news.put(error)
        except UserError:
            pass  # the pod is gone, or the connection: looked for again
        finally:
            progress.has_ended, progress.is_followed = True, False
