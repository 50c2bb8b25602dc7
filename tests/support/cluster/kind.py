"""Dedicated clusters: created, used through their own kubeconfig file, deleted; leftovers detected."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.support.checkout import ROOT
from tests.support.cluster import container_images, engine, stand_ins, tools
from tests.support.cluster.engine import Engine
from tests.support.cluster.locks import Lock, alone
from tests.support.cluster.paths import CLUSTERS
from tests.support.cluster.shell import ClusterError, Progress, console, run, run_visibly, step, unnumbered
from tests.support.cluster.tools import Tool

PREFIX = "kfm-e2e-"
READY_SECONDS = 180
TEMPLATES = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Cluster:
    """A cluster and how to reach it; each command names file and context, so none strays."""

    name: str
    kubeconfig: Path
    context: str
    engine: Engine | None = None

    @property
    def environment(self) -> dict[str, str]:
        return {"KUBECONFIG": str(self.kubeconfig)}

    @property
    def node(self) -> str:
        """The container that is the cluster's only node."""
        return f"{self.name}-control-plane"

    def kubectl(
        self, *arguments: str | Path, stdin: str | None = None, check: bool = True, timeout: float = 300
    ) -> str:
        command = [program(tools.KUBECTL), f"--context={self.context}", *arguments]
        return run(command, env=self.environment, stdin=stdin, check=check, timeout=timeout).stdout

    def load(self, *images: str) -> None:
        """Gives the nodes images that the container engine has."""
        if self.engine is None:
            raise ClusterError(
                f"Images cannot be loaded into the foreign cluster {self.context!r}.",
                "Push them to a registry that it reaches: python -m installer images push --help",
            )
        with step(f"Loading {', '.join(images)}"):
            command: list[str | Path] = [
                program(tools.KIND),
                "load",
                "docker-image",
                f"--name={self.name}",
                *images,
            ]
            run_visibly(command, env=self.engine.kind_environment)


_of_this_machine: dict[Tool, Path] = {}


def prefer_programs_of_this_machine() -> None:
    """Uses kind and kubectl from the PATH where they are new enough. Tests do not: theirs are pinned."""
    for tool in (tools.KIND, tools.KUBECTL):
        if path := tools.on_path(tool):
            _of_this_machine[tool] = path


def program(tool: Tool) -> Path:
    """Where a program is."""
    return _of_this_machine.get(tool, tool.path)


def kept_name() -> str:
    """The name of the cluster that `kind-up` keeps for this checkout."""
    return PREFIX + hashlib.sha256(str(ROOT).encode()).hexdigest()[:6]


def unique_name() -> str:
    return PREFIX + secrets.token_hex(4)


class Record:
    """What is known of a cluster of ours. Its lock tells whether a run that uses it still lives."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.folder = CLUSTERS / name
        self.kubeconfig = self.folder / "kubeconfig"
        self._ready = self.folder / "ready"
        self._kept = self.folder / "kept"

    @property
    def kept(self) -> bool:
        return self._kept.exists()

    @property
    def ready(self) -> bool:
        return self._ready.exists()

    def mark_ready(self, kept: bool) -> None:
        self._ready.touch()
        if kept:
            self._kept.touch()

    def lock(self) -> Lock:
        return Lock(CLUSTERS / f"{self.name}.lock")

    def forget(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        (CLUSTERS / f"{self.name}.lock").unlink(missing_ok=True)


def kept_cluster() -> Cluster | None:
    """The cluster that `kind-up` left for this checkout, if it runs."""
    record = Record(kept_name())
    found = engine.find() if record.kept else None
    if found is None or record.name not in _names(found):
        return None
    cluster = _cluster(record, found)
    return cluster if "ok" in cluster.kubectl("get", "--raw=/readyz", check=False, timeout=30) else None


def create(name: str, *, keep: bool = False, progress: Progress = unnumbered) -> Cluster:
    """Creates a cluster whose node is ready. Without `keep` it is a leftover once this process is gone."""
    with alone("clusters"):
        return _create(name, keep, progress)


def join(name: str) -> Cluster:
    """The cluster that several processes share under a name: the first creates it, and `leave` deletes it."""
    with alone("clusters"):
        record = Record(name)
        if not record.ready:
            return _create(name, keep=False)
        _hold(record)
        return _cluster(record, engine.ready())


def leave(name: str) -> None:
    """Deletes a cluster unless another process has joined it."""
    with alone("clusters"):
        _let_go(name)
        lock = Record(name).lock()
        last = lock.try_acquire()
        lock.release()
        if last:
            delete(name)
        elif (container_engine := engine.find()) is not None:
            engine.settle(container_engine)


def _provide(*wanted: Tool) -> None:
    tools.build(tool for tool in wanted if tool not in _of_this_machine)


def _check_machine(container_engine: Engine) -> None:
    """Refuses to begin without what the builds ahead need."""
    to_build = [tool for tool in (tools.KIND, tools.KUBECTL) if tool not in _of_this_machine]
    if not container_images.from_registry(container_engine):
        stand_ins.check_machine()
        to_build += [*stand_ins.NODE_PROGRAMS, *stand_ins.SYSTEM.programs]
    if missing := [tool.name for tool in to_build if not tool.path.exists()]:
        tools.require_go(", ".join(missing[:3]))


def _create(name: str, keep: bool, progress: Progress = unnumbered) -> Cluster:
    # What this machine may lack comes first: nobody should wait for builds to hear of it.
    progress("Container engine")
    container_engine = engine.ready()
    record = Record(name)
    _hold(record)
    try:
        _check_machine(container_engine)
        progress("Programs")
        for tool, path in _of_this_machine.items():
            console.print(f"  {tool.name}: {path}")
        _provide(tools.KIND, tools.KUBECTL)
        remove_leftovers(container_engine)
        if name in _names(container_engine):  # kept, but it does not answer: after a restart of the machine, say
            _delete(container_engine, record)
        shutil.rmtree(record.folder, ignore_errors=True)
        record.folder.mkdir(parents=True)
        progress("Images")
        source = container_images.choose(container_engine)
        config = record.folder / "kind.yaml"
        config.write_text(source.kind_config(record.folder))
        progress("Cluster")
        with step(f"Creating the cluster {name}"):
            run_visibly(
                [
                    *(program(tools.KIND), "create", "cluster", f"--name={name}", f"--image={source.node_image}"),
                    *(f"--kubeconfig={record.kubeconfig}", f"--config={config}", f"--wait={READY_SECONDS}s"),
                    "--verbosity=1",
                ],
                env={**container_engine.kind_environment, "KUBECONFIG": str(record.kubeconfig)},
            )
        cluster = _cluster(record, container_engine)
        with step("Waiting for the node, cluster DNS and storage"):
            timeout = f"--timeout={READY_SECONDS}s"
            cluster.kubectl("wait", "--for=condition=Ready", "nodes", "--all", timeout)
            for namespace, deployment in (
                ("kube-system", "coredns"),
                ("local-path-storage", "local-path-provisioner"),
            ):
                cluster.kubectl("rollout", "status", f"--namespace={namespace}", f"deployment/{deployment}", timeout)
    except BaseException:
        delete(name)
        raise
    record.mark_ready(keep)
    return cluster


def delete(name: str) -> None:
    """Deletes a cluster of ours and everything that was there for it alone."""
    record = Record(name)
    container_engine = engine.find()
    if container_engine is not None:
        if name in _names(container_engine):
            with step(f"Deleting the cluster {name}"):
                _delete(container_engine, record)
        engine.settle(container_engine)
    record.forget()
    _let_go(name)


def remove_leftovers(container_engine: Engine) -> None:
    """Deletes clusters whose run was killed; looks only at those that this user's cache has a record of."""
    names = _names(container_engine)
    for lock_file in sorted(CLUSTERS.glob(f"{PREFIX}*.lock")):
        record = Record(lock_file.stem)
        if record.name in _held or (record.kept and record.name in names):
            continue
        lock = record.lock()
        if lock.try_acquire():
            if record.name in names:
                console.print(f"  {record.name} is left over from a run that was killed")
                _delete(container_engine, record)
            record.forget()
        lock.release()


_held: dict[str, Lock] = {}


def _hold(record: Record) -> None:
    lock = record.lock()
    lock.share()
    _held[record.name] = lock


def _let_go(name: str) -> None:
    lock = _held.pop(name, None)
    if lock is not None:
        lock.release()


def _cluster(record: Record, container_engine: Engine) -> Cluster:
    return Cluster(record.name, record.kubeconfig, f"kind-{record.name}", container_engine)


def _names(container_engine: Engine) -> list[str]:
    _provide(tools.KIND)
    return run([program(tools.KIND), "get", "clusters"], env=container_engine.kind_environment).stdout.split()


def _delete(container_engine: Engine, record: Record) -> None:
    command: list[str | Path] = [
        program(tools.KIND),
        "delete",
        "cluster",
        f"--name={record.name}",
        f"--kubeconfig={record.kubeconfig}",
    ]
    run(command, env={**container_engine.kind_environment, "KUBECONFIG": str(record.kubeconfig)})
