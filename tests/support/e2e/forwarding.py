"""A way from this machine to a port of a pod or Service."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.cluster import tools
from tests.support.cluster.kind import Cluster


@contextmanager
def forwarded(cluster: Cluster, namespace: str, target: str, port: int) -> Iterator[str]:
    """The URL under which `target` (as in `service/pages`) answers while the context lasts."""
    command = [str(tools.KUBECTL.path), f"--context={cluster.context}", f"--namespace={namespace}"]
    command += ["port-forward", target, f":{port}", "--address=127.0.0.1"]
    environment = {**os.environ, **cluster.environment}
    forward = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert forward.stdout is not None
    try:
        local = re.search(r"127\.0\.0\.1:(\d+)", forward.stdout.readline())
        assert local is not None, f"kubectl does not forward {target}:{port}"
        yield f"http://127.0.0.1:{local[1]}"
    finally:
        forward.terminate()
        forward.wait(20)
        forward.stdout.close()
