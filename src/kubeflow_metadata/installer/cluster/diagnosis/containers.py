"""Containers that end, are killed for memory, fail their probes, or are not ready yet."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kubeflow_metadata.installer.cluster.diagnosis import causes, configuration, database, memory, shapes
from kubeflow_metadata.installer.cluster.diagnosis.finding import Finding
from kubeflow_metadata.installer.cluster.diagnosis.shapes import Container
from kubeflow_metadata.installer.cluster.diagnosis.snapshot import Snapshot
from kubeflow_metadata.installer.cluster.objects import part_of
from kubeflow_metadata.installer.cluster.port import Object

_CANNOT_BE_CREATED = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
# The share of the time that a start-up probe allows in which it is normal that it fails.
_NORMAL_START = 0.25
_PROBE = re.compile(r"(?P<probe>Liveness|Startup|Readiness) probe failed: ?(?P<answer>.*)", re.DOTALL)
# The kubelet kills a container that fails these.
_FATAL_PROBES = ("Liveness", "Startup")


def findings(snapshot: Snapshot) -> Iterator[Finding]:
    """Yields what is wrong in containers of current pods."""
    for pod in shapes.current_pods(snapshot):
        found = [] if shapes.is_terminating(pod) else list(_of_pod(snapshot, pod))
        yield from found
        if not shapes.is_ready(pod) and not shapes.is_unschedulable(pod) and all(each.is_over for each in found):
            yield _not_there_yet(snapshot, pod)


def _of_pod(snapshot: Snapshot, pod: Object) -> Iterator[Finding]:
    for container in shapes.containers(pod):
        if found := _found(snapshot, pod, container):
            yield found


def _not_there_yet(snapshot: Snapshot, pod: Object) -> Finding:
    """Returns where a pod is on its way."""
    subject, part, name = _subject(pod), part_of(pod), shapes.name_of(pod)
    if shapes.is_terminating(pod):
        return causes.TERMINATING.found(snapshot, subject, part, {"pod": name})
    listed = shapes.containers(pod)
    if listed and all(each.status.get("ready") for each in listed if not each.is_init):
        return causes.NOT_READY.found(snapshot, subject, part, {"pod": name, "container": listed[-1].name})
    seconds = shapes.age(pod, snapshot)
    for container in listed:
        if reason := container.waiting.get("reason", ""):
            words = _words(pod, container)
            return causes.CONTAINER_STARTING.found(
                snapshot, subject, part, {**words, "reason": reason}, seconds=seconds
            )
    return causes.STARTING.found(snapshot, subject, part, {"pod": name}, seconds=seconds)


def _found(snapshot: Snapshot, pod: Object, container: Container) -> Finding | None:
    reason = container.waiting.get("reason", "")
    if reason in _CANNOT_BE_CREATED and not _waits_for_configuration(container):
        return causes.CONTAINER_CONFIG.found(
            snapshot,
            _subject(pod),
            part_of(pod),
            {
                **_words(pod, container),
                "reason": reason,
                "message": container.waiting.get("message", "no reason given"),
            },
            seconds=shapes.age(pod, snapshot),
        )
    looping = container.ended_before if reason == "CrashLoopBackOff" else {}
    ended = container.ended or looping
    if ended and ended.get("exitCode", 0) != 0:
        return _crashed(snapshot, pod, container, ended)
    if looping:
        # It ended without an error, and should have gone on: its probe had it killed, or its command just ends.
        return _killed_by_probe(snapshot, pod, container) or _ended(snapshot, pod, container, looping)
    is_unready = container.is_running and not container.status.get("ready") and not container.is_init
    return memory.killed_before(snapshot, pod, container) or (
        _running(snapshot, pod, container) if is_unready else None
    )


def _waits_for_configuration(container: Container) -> bool:
    """Returns whether what is missing is a Secret or ConfigMap, of which other rules tell."""
    message = container.waiting.get("message", "")
    return bool(re.search(r"(secret|configmap) \"|couldn't find key", message))


def _subject(pod: Object) -> str:
    return f"Pod {shapes.name_of(pod)}"


def _words(pod: Object, container: Container) -> dict[str, str]:
    return {"pod": shapes.name_of(pod), "container": container.name}


def _last_lines(snapshot: Snapshot, pod: Object, container: Container) -> str:
    return shapes.last_lines(snapshot.logs.get((shapes.name_of(pod), container.name), ""))


def _crashed(snapshot: Snapshot, pod: Object, container: Container, ended: Object) -> Finding | None:
    if killed := memory.killed(snapshot, pod, container, ended):
        return killed
    if probed := _killed_by_probe(snapshot, pod, container):
        return probed
    said = (ended.get("message") or "").strip()
    if said and _is_about_secret(snapshot, pod, container, said):
        return None
    if database.is_told(snapshot, shapes.name_of(pod), container.name):
        return None
    if said:
        return causes.STOPPED.found(
            snapshot,
            _subject(pod),
            part_of(pod),
            {**_words(pod, container), "message": said},
            seconds=shapes.seconds_since(ended.get("finishedAt"), snapshot),
        )
    return _ended(snapshot, pod, container, ended)


def _is_about_secret(snapshot: Snapshot, pod: Object, container: Container, said: str) -> bool:
    """Returns whether MySQL's initContainer stopped for a Secret that other rules look at, or that is there by now."""
    name = shapes.database_secret(pod)
    if not container.is_init or not name or name not in snapshot.secrets:
        return False
    if f"Secret {name} lacks" in said:
        return set(configuration.PASSWORDS) <= set(snapshot.secrets[name] or ())
    missing = (configuration.PASSWORDS_LOST, f"no Secret {name}", f"Secret {name} is empty")
    return any(each in said for each in missing)


def _ended(snapshot: Snapshot, pod: Object, container: Container, ended: Object) -> Finding:
    return causes.CRASHED.found(
        snapshot,
        _subject(pod),
        part_of(pod),
        {**_words(pod, container), "exit": str(ended.get("exitCode", 0)), "reason": ended.get("reason", "Error")},
        details=_last_lines(snapshot, pod, container),
        seconds=shapes.seconds_since(ended.get("finishedAt"), snapshot),
    )


def _killed_by_probe(snapshot: Snapshot, pod: Object, container: Container) -> Finding | None:
    killings = shapes.events_of(snapshot, pod, "Killing")
    ours = [each for each in killings if f"Container {container.name} failed" in each.get("message", "")]
    if not ours:
        return None
    return _failing_probe(snapshot, pod, container, _FATAL_PROBES)


def _running(snapshot: Snapshot, pod: Object, container: Container) -> Finding:
    """Returns why a container that runs is not ready: a probe that would have it killed, or what it waits for."""
    started = bool(container.status.get("started"))
    probes = ("Liveness",) if started else ("Startup",)
    if found := _failing_probe(snapshot, pod, container, probes):
        return found
    if started and (unready := _failing_probe(snapshot, pod, container, ("Readiness",))):
        return unready
    return causes.NOT_READY.found(
        snapshot, _subject(pod), part_of(pod), _words(pod, container), seconds=_seconds_running(snapshot, container)
    )


def _failing_probe(snapshot: Snapshot, pod: Object, container: Container, probes: tuple[str, ...]) -> Finding | None:
    since = (container.status.get("state") or {}).get("running", {}).get("startedAt", "")
    for event in reversed(shapes.events_of(snapshot, pod, "Unhealthy")):
        about = (event.get("involvedObject") or {}).get("fieldPath", "")
        match = _PROBE.match(event.get("message", ""))
        if match is None or match["probe"] not in probes or (about and f"{{{container.name}}}" not in about):
            continue
        if shapes.last_seen(event) < since:
            return None  # of a run before this one
        spec = container.spec.get(f"{match['probe'].lower()}Probe") or {}
        patience = _patience(spec, container)
        cause = causes.PROBE_FAILS if match["probe"] in _FATAL_PROBES else causes.UNREADY_PROBE
        if match["probe"] == "Startup" and (_seconds_running(snapshot, container) or 0.0) < patience * _NORMAL_START:
            cause = causes.SLOW_START
        return cause.found(
            snapshot,
            _subject(pod),
            part_of(pod),
            {
                **_words(pod, container),
                "probe": match["probe"].lower(),
                "answer": match["answer"].strip() or "no answer",
            },
            asked=_asked(spec),
            details=_last_lines(snapshot, pod, container),
            seconds=_seconds_running(snapshot, container),
            patience=patience if cause is causes.PROBE_FAILS else None,
        )
    return None


def _patience(spec: Object, container: Container) -> float:
    """Returns how long a probe may fail: until the kubelet has killed the container once."""
    if container.status.get("restartCount", 0):
        return 0.0
    return float(spec.get("initialDelaySeconds", 0) + spec.get("failureThreshold", 3) * spec.get("periodSeconds", 10))


def _asked(spec: Object) -> str:
    for how in ("httpGet", "tcpSocket", "grpc", "exec"):
        if how in spec:
            what = spec[how]
            port, path = what.get("port", ""), what.get("path", "")
            target = " ".join(what.get("command") or []) or f"port {port} {path}".strip()
            names = {"httpGet": "HTTP", "tcpSocket": "TCP", "grpc": "gRPC", "exec": "command"}
            return f"{names[how]} {target}"
    return ""


def _seconds_running(snapshot: Snapshot, container: Container) -> float | None:
    return shapes.seconds_since((container.status.get("state") or {}).get("running", {}).get("startedAt"), snapshot)
