"""Why pods are not ready, in one table: a stable code, how long to wait, a sentence and what to do about it."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """One cause.

    Attributes:
        code: names it in messages, documents and scripts; never reused for another one.
        sentence: what is so, with ``{container}``, ``{reason}`` and ``{message}``.
        patience: seconds to wait for it to resolve by itself; infinite for a normal intermediate state.
        hint: what to do, with ``{program}``, ``{options}``, ``{kubectl}``, ``{namespace}`` and ``{pod}``.
        has_log: whether the last log lines of the container explain it.
    """

    code: str
    sentence: str
    patience: float = 0.0
    hint: str = "For details, run: {kubectl} describe pod {pod}"
    has_log: bool = False


_IMAGE_HINT = (
    "No node can pull the image. For a kind cluster, run: {program} images build, then {program} images load. "
    "For a registry: {program} images push REGISTRY, then "
    "{program} up {options} --set images.server.repository=REGISTRY/..."
)

TERMINATING = Cause("KFM0201", "terminating", math.inf)
STARTING = Cause("KFM0202", "starting", math.inf)
CONTAINER_STARTING = Cause("KFM0203", "{container}: {reason}", math.inf)
NOT_READY = Cause("KFM0204", "running, not ready", math.inf)
UNSCHEDULABLE = Cause(
    "KFM0205",
    "unschedulable: {message}",
    120.0,
    "Free up resources on the nodes, or request less: {program} up {options} --set small.enabled=true",
)
IMAGE_PULL = Cause("KFM0206", "{container}: {reason}: {message}", 20.0, _IMAGE_HINT)
IMAGE_UNUSABLE = Cause("KFM0207", "{container}: {reason}: {message}", hint=_IMAGE_HINT)
CONTAINER_CONFIG = Cause("KFM0208", "{container}: {reason}: {message}", 30.0, has_log=True)
MOUNT = Cause("KFM0209", "{message}", 40.0, "Create the missing object in {namespace}, or change the settings.")
# The container wrote why it stopped.
STOPPED = Cause("KFM0210", "{container}: {message}")
CRASHED = Cause("KFM0211", "{container} exited with code {message} ({reason})", has_log=True)
PODS_REJECTED = Cause(
    "KFM0212",
    "The cluster rejected the pods of {container}.",
    hint="Check quotas, admission policies and the Pod Security level of the namespace {namespace}.",
)

# By the reason for which the kubelet lets a container wait.
BY_WAITING_REASON = {
    "ErrImagePull": IMAGE_PULL,
    "ImagePullBackOff": IMAGE_PULL,
    "InvalidImageName": IMAGE_UNUSABLE,
    "ErrImageNeverPull": IMAGE_UNUSABLE,
    "CreateContainerConfigError": CONTAINER_CONFIG,
    "CreateContainerError": CONTAINER_CONFIG,
    "RunContainerError": CONTAINER_CONFIG,
}
