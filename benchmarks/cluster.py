"""``python -m benchmarks.cluster``: the time of ``up`` beside plain commands that do the same, in turns.

The plain commands: ``kustomize build | kubectl apply``, ``kubectl rollout status`` of every workload, and the same
smoke test's Job. Both begin with an empty namespace of the cluster that ``make kind-up`` keeps, which has the image.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import yaml

from kubeflow_metadata.installer import kinds
from kubeflow_metadata.installer.cluster import smoke
from kubeflow_metadata.installer.model.settings import Settings
from kubeflow_metadata.installer.render.names import SMOKE_JOB
from kubeflow_metadata.installer.render.overlay import Overlay
from tests.support.cluster import kind, tools
from tests.support.e2e.installations import Installation, namespace

# A specification's budget.
MOST = 1.15
SECONDS = 300


def main() -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(description="Compare `up` with kubectl apply, rollout status and the smoke test.")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each (default: %(default)s)")
    rounds = parser.parse_args().rounds
    cluster = kind.kept_cluster()
    if cluster is None:
        raise SystemExit("This needs a cluster that has the image. Type: make kind-up, then the lines that it prints.")
    tools.build([tools.KUBECTL, tools.KUSTOMIZE, tools.HELM_4])
    ours, plain = [], []
    for turn in range(rounds):
        # Who begins alternates: what the first one warms up helps the second.
        contestants = [(_up, ours), (_by_hand, plain)]
        for run, times in contestants if turn % 2 else reversed(contestants):
            with namespace(cluster, "bench") as installation:
                times.append(run(installation))
        print(f"turn {turn + 1}: up {ours[-1]:.1f} s, by hand {plain[-1]:.1f} s", flush=True)
    ratio = statistics.median(mine / theirs for mine, theirs in zip(ours, plain, strict=True))
    print(f"\n| | seconds (median) |\n|---|---|\n| `up` | {statistics.median(ours):.1f} |")
    print(f"| apply, rollout status, smoke | {statistics.median(plain):.1f} |")
    print(f"\nMedian of the ratios: {ratio:.2f} (budget: {MOST})")
    raise SystemExit(ratio > MOST)


def _up(installation: Installation) -> float:
    started = time.monotonic()
    installation.installer("up", "--yes")
    return time.monotonic() - started


def _by_hand(installation: Installation) -> float:
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        Overlay(Settings(), installation.namespace, smoke=True).write(directory)
        started = time.monotonic()
        built = subprocess.run([tools.KUSTOMIZE.path, "build", directory], capture_output=True, text=True, check=True)
        objects = [each for each in yaml.safe_load_all(built.stdout) if each]
        installed = [each for each in objects if not smoke.is_of_the_test(each)]
        _apply(installation, installed)
        for each in installed:
            if kinds.is_workload(each["kind"]):
                name = f"{each['kind'].lower()}/{each['metadata']['name']}"
                installation.kubectl("rollout", "status", name, f"--timeout={SECONDS}s")
        _apply(installation, [each for each in objects if smoke.is_of_the_test(each)])
        installation.kubectl("wait", "--for=condition=complete", f"job/{SMOKE_JOB}", f"--timeout={SECONDS}s")
        return time.monotonic() - started


def _apply(installation: Installation, objects: list[dict[str, object]]) -> None:
    installation.kubectl("apply", "--server-side", "--filename=-", stdin=yaml.safe_dump_all(objects))


if __name__ == "__main__":
    main()
