"""Images made here where no image registry answers: from Go modules and the distribution's packages.

Each is described by a folder below `stand_ins/`; what is made is kept and named by what it was made from.
Packages are the newest of their suite at the time of the first build.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.cluster import tools, versions
from tests.support.cluster.engine import Engine
from tests.support.cluster.keys import content_key
from tests.support.cluster.locks import alone
from tests.support.cluster.paths import ARCHIVES, STAND_INS
from tests.support.cluster.shell import ClusterError, run, run_visibly, step
from tests.support.cluster.tools import Tool

UNUSED_DAYS = 14
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True)
class RootFs:
    """A minimal Debian with some packages."""

    name: str
    suite: str
    packages: tuple[str, ...]

    @property
    def key(self) -> str:
        return content_key([], self.suite, *self.packages)

    def archive(self) -> Path:
        path = ARCHIVES / f"rootfs-{self.name}-{self.key}.tar"
        if _keep(path):
            return path
        require_mmdebstrap()
        with step(f"Assembling Debian {self.suite} for {self.name}"), _being_written(path) as partial:
            run_visibly(
                [
                    "mmdebstrap",
                    "--variant=minbase",
                    "--format=tar",
                    "--aptopt=Acquire::Check-Valid-Until false",  # mirrors may serve a frozen state
                    *(f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in ("doc", "man", "locale")),
                    f"--include={','.join(self.packages)}",
                    self.suite,
                    partial,
                ]
            )
        return path


@dataclass(frozen=True)
class StandIn:
    """An image that is built from a folder of `stand_ins/`, a root file system and programs."""

    folder: str
    rootfs: RootFs
    programs: tuple[Tool, ...] = ()
    extra_files: tuple[Path, ...] = ()
    arguments: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        files = sorted(path for path in (STAND_INS / self.folder).rglob("*") if path.is_file())
        programs = [f"{program.name}={program.key}" for program in self.programs]
        return content_key([*files, *self.extra_files], self.rootfs.key, *programs, *self.arguments)

    @property
    def tag(self) -> str:
        return f"kubeflow-metadata/{self.folder}:{self.key}"

    def build(self, engine: Engine, target: str = "") -> str:
        """Builds the image, or one target of it, unless the engine has it; gives back its tag."""
        tag = f"{self.tag}-{target}" if target else self.tag
        if engine.has_image(tag):
            return tag
        tools.build(self.programs)
        rootfs = self.rootfs.archive()
        with (
            step(f"Building the {target or self.folder} image"),
            tempfile.TemporaryDirectory(dir=ARCHIVES) as folder,
        ):
            context = Path(folder)
            shutil.copytree(STAND_INS / self.folder, context, dirs_exist_ok=True)
            for file in [*(program.path for program in self.programs), *self.extra_files]:
                _link_or_copy(file, context / file.name)
            _link_or_copy(rootfs, context / "rootfs.tar")
            command = ["build", "--network=host", f"--tag={tag}"]
            command += [f"--target={target}"] if target else []
            command += [part for argument in self.arguments for part in ("--build-arg", argument)]
            engine.run_visibly(*command, context)
        self._remove_older(engine)
        return tag

    def _remove_older(self, engine: Engine) -> None:
        repository = f"kubeflow-metadata/{self.folder}"
        for tag in engine.run("image", "ls", "--format={{.Repository}}:{{.Tag}}", repository).split():
            if not tag.startswith(self.tag):
                engine.succeeds("image", "rm", tag)  # refused while a node uses it


NODE_ROOTFS = RootFs(
    "node",
    "bookworm",
    (
        *("systemd", "systemd-sysv", "dbus", "containerd", "runc", "containernetworking-plugins"),
        *("iproute2", "iptables", "nftables", "ethtool", "socat", "conntrack", "kmod", "mount", "procps"),
        *("util-linux", "ca-certificates"),
    ),
)
PROXY_ROOTFS = RootFs("kube-proxy", "bookworm", ("iptables", "conntrack", "kmod"))
MYSQL_ROOTFS = RootFs("mysql", "sid", ("mysql-server-core", "mysql-client-core"))
# For the tests of the MLMD server alone: no image is made of it.
MARIADB_ROOTFS = RootFs("mariadb", "bookworm", ("mariadb-server-core",))
PYTHON_ROOTFS = RootFs("python", "trixie", ("python3", "python3-venv", "python3-pip", "ca-certificates"))
ROOT_FILE_SYSTEMS = (NODE_ROOTFS, PROXY_ROOTFS, MYSQL_ROOTFS, PYTHON_ROOTFS)

SYSTEM = StandIn(
    "system",
    PROXY_ROOTFS,
    (*tools.KUBERNETES_SERVERS, tools.ETCD, tools.COREDNS, tools.PAUSE, tools.LOCAL_PATH_PROVISIONER),
)
MYSQL = StandIn("mysql", MYSQL_ROOTFS)
PYTHON = StandIn("python", PYTHON_ROOTFS, extra_files=(CERTIFICATES,))

NODE_PROGRAMS = (tools.KUBEADM, tools.KUBELET, tools.KUBECTL, tools.RUNC_WITHIN_BOUNDS)


def require_mmdebstrap() -> None:
    """Refuses to begin without what assembles root file systems."""
    if shutil.which("mmdebstrap") is None:
        raise ClusterError("mmdebstrap is not installed.", "As root on Debian or Ubuntu, run: make e2e-deps")


def check_machine() -> None:
    """Refuses to begin images whose making would fail later."""
    if not all((ARCHIVES / f"rootfs-{each.name}-{each.key}.tar").exists() for each in ROOT_FILE_SYSTEMS):
        require_mmdebstrap()


def node_image(engine: Engine) -> str:
    """The tag of a node image for kind, built if need be."""
    with alone("stand-in-images"):
        _make_parts()
        pause = next(image for image in _kubeadm_images() if "/pause:" in image).rpartition(":")[2]
        node = StandIn(
            "node",
            NODE_ROOTFS,
            NODE_PROGRAMS,
            arguments=(f"KUBERNETES_VERSION={versions.KUBERNETES}", f"PAUSE_VERSION={pause}"),
        )
        return node.build(engine)


def node_archives(engine: Engine) -> list[Path]:
    """Archives for the node's containerd: what Kubernetes itself runs, and what the tests run on it."""
    with alone("stand-in-images"):
        _forget_unused()
        system_key = content_key([], SYSTEM.key, *_kubeadm_images())
        return [
            _archive(engine, f"system-{system_key}", _system_images),
            _archive(engine, f"workload-mysql-{MYSQL.key}", lambda _: {versions.MYSQL_IMAGE: MYSQL.build(engine)}),
            _archive(
                engine,
                f"workload-python-{PYTHON.key}",
                lambda _: {versions.PYTHON_IMAGE: PYTHON.build(engine)},
            ),
        ]


def python_base(engine: Engine) -> str:
    """The tag of the stand-in for the public Python image, for building images from it."""
    with alone("stand-in-images"):
        return PYTHON.build(engine)


def _make_parts() -> None:
    """Programs and root file systems, side by side: one works while the other waits for the network."""
    with ThreadPoolExecutor(1) as beside:
        archives = beside.submit(lambda: [rootfs.archive() for rootfs in ROOT_FILE_SYSTEMS])
        tools.build([*NODE_PROGRAMS, *SYSTEM.programs])
        archives.result()


def _kubeadm_images() -> list[str]:
    tools.build([tools.KUBEADM])
    command: list[str | Path] = [
        tools.KUBEADM.path,
        "config",
        "images",
        "list",
        f"--kubernetes-version={versions.KUBERNETES}",
    ]
    return run(command).stdout.split()


def _system_images(engine: Engine) -> dict[str, str]:
    """The references that a node asks for, each with the image that stands for it."""
    provisioner = f"docker.io/rancher/local-path-provisioner:{versions.LOCAL_PATH_PROVISIONER}"
    images = {reference: reference.rpartition(":")[0].rpartition("/")[2] for reference in _kubeadm_images()}
    images[provisioner] = "kube-proxy"  # the same image holds both programs and a shell
    return {reference: SYSTEM.build(engine, target) for reference, target in images.items()}


def _archive(engine: Engine, name: str, build: Callable[[Engine], dict[str, str]]) -> Path:
    """An archive of images under the references that clusters use; the engine forgets those references."""
    path = ARCHIVES / f"{name}.tar"
    if _keep(path):
        return path
    images = build(engine)
    with step(f"Saving {path.name}"), _being_written(path) as partial:
        borrowed = [reference for reference in images if not engine.has_image(reference)]
        try:
            for reference in borrowed:
                engine.run("tag", images[reference], reference)
            engine.run_visibly("save", f"--output={partial}", *images)
        finally:
            for reference in borrowed:
                engine.succeeds("image", "rm", "--no-prune", reference)
    return path


def _keep(path: Path) -> bool:
    """Whether the file is there; notes that it is still used."""
    if not path.exists():
        return False
    os.utime(path)
    return True


@contextmanager
def _being_written(path: Path) -> Iterator[Path]:
    """A temporary file that takes its name only when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        yield partial
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)


def _forget_unused() -> None:
    oldest = time.time() - UNUSED_DAYS * 24 * 3600
    for path in ARCHIVES.glob("*.tar"):
        if path.stat().st_mtime < oldest:
            path.unlink()


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copy2(source, target)
