"""The pod of a part that serves; another one, once that is replaced."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.cluster.objects import PART
from kubeflow_metadata.installer.cluster.port import Cluster, Object
from kubeflow_metadata.parts import Part


class ReadyPods:
    """Chooses a ready pod of a part, and stays with it for as long as it is ready."""

    def __init__(self, cluster: Cluster, part: Part, say: Callable[[str], object] = lambda _text: None) -> None:
        """Looks at nothing yet.

        Args:
            cluster: where the part runs.
            part: of the installation.
            say: is told when the pod is gone, and which one takes its place.
        """
        self._cluster, self._part, self._say = cluster, part, say
        self._lock = threading.Lock()
        self._selector = ""
        self.pod = ""
        self._is_lost = False

    def __call__(self, lost: str = "") -> str:
        """Returns the name of the pod in use; with ``lost``, looks whether that is still it.

        Raises:
            UserError: no pod is ready.
        """
        with self._lock:
            if not self.pod or lost == self.pod or self._is_lost:
                self._look()
            return self.pod

    def look(self) -> None:
        """Looks whether the pod in use is still ready, and for another one where it is not."""
        with self._lock:
            try:
                self._look()
            except UserError:
                return  # told already, and looked for again

    def _look(self) -> None:
        ready = [
            each["metadata"]["name"] for each in self._cluster.list("v1", "Pod", self._selected()) if is_ready(each)
        ]
        if self.pod in ready:
            self._is_lost = False
            return
        if not ready:
            if self.pod and not self._is_lost:
                self._say(f"Pod {self.pod} is gone; waiting for another one.")
            self._is_lost = bool(self.pod)
            raise UserError(
                f"No pod of the {self._part.title} is ready in namespace {self._cluster.namespace}.",
                hint=f"For the reason, run: {program.command('status')} {self._cluster.options}",
            )
        if self.pod:
            self._say(f"Pod {self.pod} was replaced.\nForwarding to pod {ready[0]}.")
        self.pod, self._is_lost = ready[0], False

    def _selected(self) -> str:
        """Returns the selector of the part's Service, behind which may be another server, as that of KFP."""
        if not self._selector:
            self._selector = f"{PART}={self._part.name}"
            with suppress(UserError):
                service = self._cluster.get("v1", "Service", self._part.services[0].name) or {}
                labels = service.get("spec", {}).get("selector") or {}
                self._selector = ",".join(f"{name}={value}" for name, value in labels.items()) or self._selector
        return self._selector


def is_ready(pod: Object) -> bool:
    """Returns whether a pod serves, and is not about to end."""
    if pod["metadata"].get("deletionTimestamp"):
        return False
    conditions = pod.get("status", {}).get("conditions") or []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
