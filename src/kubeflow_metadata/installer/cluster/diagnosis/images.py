"""Images that nodes cannot get, or are still getting."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kubeflow_metadata.installer.cluster.diagnosis import causes, shapes
from kubeflow_metadata.installer.cluster.diagnosis.causes import Cause
from kubeflow_metadata.installer.cluster.diagnosis.finding import Finding
from kubeflow_metadata.installer.cluster.diagnosis.shapes import Container
from kubeflow_metadata.installer.cluster.diagnosis.snapshot import Snapshot
from kubeflow_metadata.installer.cluster.objects import part_of
from kubeflow_metadata.installer.cluster.port import Object

_PULL_REASONS = {"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "ImageInspectError"}

# What container runtimes and registries say, most telling first.
_MEANINGS: tuple[tuple[Cause, re.Pattern[str]], ...] = (
    (
        causes.REGISTRY_AWAY,
        re.compile(
            r"dial tcp|no such host|connection refused|i/o timeout|TLS handshake timeout|network is unreachable|"
            r"no route to host|server misbehaving|proxyconnect|x509:|HTTP response to HTTPS client|"
            r"deadline exceeded|unexpected EOF|50[0234] ",
            re.IGNORECASE,
        ),
    ),
    (
        causes.IMAGE_DENIED,
        re.compile(
            r"denied|unauthorized|authorization|authentication|no basic auth|\b40[13]\b|forbidden", re.IGNORECASE
        ),
    ),
    (causes.IMAGE_NOT_FOUND, re.compile(r"not found|manifest unknown|does not exist|NotFound", re.IGNORECASE)),
)
# What runtimes put before the reason.
_PREFIX = re.compile(
    r'^(?:Back-off pulling image "[^"]*":? ?|ErrImagePull: |Failed to pull image "[^"]*": |'
    r"rpc error: code = \w+ desc = |"
    r'failed to pull and unpack image "[^"]*": |failed to resolve (?:reference|image) "[^"]*": |failed to do request: |'
    r"Error: )"
)


def findings(snapshot: Snapshot) -> Iterator[Finding]:
    """Yields the images for which current pods wait, each once."""
    told = set()
    for pod in shapes.current_pods(snapshot):
        for container in shapes.containers(pod):
            found = _found(snapshot, pod, container)
            if found is not None and (found.code, found.subject) not in told:
                told.add((found.code, found.subject))
                yield found


def subject(image: str) -> str:
    """Returns how findings name an image."""
    return f"Image {image}"


def _found(snapshot: Snapshot, pod: Object, container: Container) -> Finding | None:
    reason, image = container.waiting.get("reason", ""), container.spec.get("image", "")
    seconds = shapes.age(pod, snapshot)
    words = {"image": image, "pod": shapes.name_of(pod)}
    if reason == "InvalidImageName":
        return causes.IMAGE_NAME.found(snapshot, subject(image), part_of(pod), words, seconds=seconds)
    if reason == "ErrImageNeverPull":
        return causes.IMAGE_NEVER.found(snapshot, subject(image), part_of(pod), words, seconds=seconds)
    if reason in _PULL_REASONS:
        return _pull_failed(snapshot, pod, container)
    if reason in {"ContainerCreating", "PodInitializing"}:
        return _still_pulling(snapshot, pod, container)
    return None


def _pull_failed(snapshot: Snapshot, pod: Object, container: Container) -> Finding:
    image = container.spec.get("image", "")
    failed = [each for each in shapes.events_of(snapshot, pod, "Failed") if image in each.get("message", "")]
    said = _reason(container.waiting.get("message", ""))
    if not said and failed:
        said = _reason(failed[-1].get("message", ""))
    cause = next((cause for cause, pattern in _MEANINGS if pattern.search(said)), causes.IMAGE_PULL)
    words = {"image": image, "message": said or "no reason given", "node": pod["spec"].get("nodeName", "?")}
    available = ""
    if cause is causes.IMAGE_DENIED:
        missing = [name for name in shapes.pull_secrets(pod) if snapshot.secrets.get(name, ()) is None]
        if missing:
            cause, words["name"] = causes.PULL_SECRET_MISSING, missing[0]
        else:
            available = _logins(shapes.pull_secrets(pod))
    seconds = shapes.seconds_since(shapes.first_seen(failed[-1]), snapshot) if failed else shapes.age(pod, snapshot)
    about = f"Secret {words['name']}" if "name" in words else subject(image)
    details = "" if cause is causes.IMAGE_PULL else said
    return cause.found(snapshot, about, part_of(pod), words, available=available, details=details, seconds=seconds)


def _logins(secrets: list[str]) -> str:
    return f"login with Secret {', '.join(secrets)}" if secrets else "no login: images.pullSecrets is empty"


def _reason(message: str) -> str:
    """Returns what is left of a message without what says nothing."""
    while (match := _PREFIX.match(message)) and match.end():
        message = message[match.end() :]
    return message.strip()


def _still_pulling(snapshot: Snapshot, pod: Object, container: Container) -> Finding | None:
    image = container.spec.get("image", "")
    events = shapes.events_of(snapshot, pod, "Pulling", "Pulled", "Failed", "BackOff")
    of_image = [each for each in events if f'"{image}"' in each.get("message", "")]
    if not of_image or of_image[-1].get("reason") != "Pulling":
        return None
    seconds = shapes.seconds_since(shapes.last_seen(of_image[-1]), snapshot)
    return causes.PULLING.found(snapshot, subject(image), part_of(pod), {"image": image}, seconds=seconds)
