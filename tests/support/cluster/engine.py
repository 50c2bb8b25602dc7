"""The container engine: Docker or Podman if one responds, else a dedicated Docker daemon."""

from __future__ import annotations

import os
import platform
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.cluster import tools
from tests.support.cluster.locks import Lock, alone
from tests.support.cluster.paths import CACHE, ENGINE_DATA, ENGINE_RUN
from tests.support.cluster.shell import ClusterError, console, run, run_visibly, step

SOCKET = ENGINE_RUN / "docker.sock"
PID_FILE = ENGINE_RUN / "dockerd.pid"
LOG = ENGINE_RUN / "dockerd.log"

# Every run that uses an engine shares this lock: the last one stops the daemon.
USERS = CACHE / "container-engine-users.lock"
_uses: list[Lock] = []

# The daemon that this very process started, to be waited for in the end.
_started: list[subprocess.Popen[bytes]] = []

# The clusters' network, so that removing it never touches the one that other kind clusters share.
NETWORK = "kubeflow-metadata-e2e"

# Untagged images, such as the steps of older builds, are removed after that time.
UNUSED_HOURS = 240

START_SECONDS = 60
STOP_SECONDS = 60
CAP_SYS_RESOURCE = 24


@dataclass(frozen=True)
class Engine:
    """A container engine that answers."""

    command: str
    environment: dict[str, str] = field(hash=False)
    own: bool = False

    @property
    def kind_environment(self) -> dict[str, str]:
        """What makes kind use this engine and our network."""
        return {
            **self.environment,
            "KIND_EXPERIMENTAL_PROVIDER": self.command,
            f"KIND_EXPERIMENTAL_{self.command.upper()}_NETWORK": NETWORK,
        }

    def run(self, *arguments: str | Path, check: bool = True, timeout: float = 300) -> str:
        command = [self.command, *arguments]
        return run(command, env=self.environment, check=check, timeout=timeout).stdout.strip()

    def run_visibly(self, *arguments: str | Path) -> None:
        run_visibly([self.command, *arguments], env=self.environment)

    def succeeds(self, *arguments: str | Path, timeout: float = 60) -> bool:
        try:
            done = run([self.command, *arguments], env=self.environment, check=False, timeout=timeout)
        except ClusterError:
            return False
        return done.returncode == 0

    def has_image(self, reference: str) -> bool:
        return self.succeeds("image", "inspect", reference)


def find() -> Engine | None:
    """The engine that answers, if one does: the user's, or one that an earlier run of ours started."""
    for engine in (Engine("docker", {}), Engine("podman", {}), _own()):
        if shutil.which(engine.command) and engine.succeeds("info"):
            return engine
    return None


def ready() -> Engine:
    """An engine that answers, started if need be."""
    with alone("container-engine"):
        users = Lock(USERS)
        users.share()
        _uses.append(users)
        engine = find()
        if engine is None:
            with step("Starting a dedicated Docker daemon: neither Docker nor Podman responds"):
                _start()
            return _own()
        console.print(f"  container engine: {engine.command}{' (our own daemon)' if engine.own else ''}")
        return engine


def settle(engine: Engine) -> None:
    """Removes our network and stops our own daemon, unless a cluster or another run still needs them."""
    with alone("container-engine"):
        while _uses:
            _uses.pop().release()
        users = Lock(USERS)
        others = not users.try_acquire()
        users.release()
        if others or not engine.succeeds("info"):
            return
        engine.succeeds("network", "rm", NETWORK)  # refused while a cluster uses it
        if engine.own and not engine.run("ps", "--quiet"):
            with step("Stopping our Docker daemon"):
                engine.succeeds("image", "prune", "--force", f"--filter=until={UNUSED_HOURS}h", timeout=300)
                _stop()


def _own() -> Engine:
    return Engine("docker", {"DOCKER_HOST": f"unix://{SOCKET}"}, own=True)


def _start() -> None:
    if platform.system() != "Linux" or os.geteuid() != 0 or shutil.which("dockerd") is None:
        raise ClusterError(
            "No container engine answers, and none can be started (that takes Linux, root and `dockerd`).",
            "Start Docker or Podman; or, as root on Debian or Ubuntu, run: make e2e-deps",
        )
    _clean_run_files()
    ENGINE_RUN.mkdir(parents=True, exist_ok=True)
    ENGINE_DATA.mkdir(parents=True, exist_ok=True)
    # The machine stays as it is: no bridge, no packet filter rules, no forwarding. Nodes talk
    # to each other and to this machine; builds use the machine's network.
    command = [
        "dockerd",
        f"--data-root={ENGINE_DATA}",
        f"--exec-root={ENGINE_RUN / 'exec'}",
        f"--pidfile={PID_FILE}",
        f"--host=unix://{SOCKET}",
        "--bridge=none",
        "--iptables=false",
        "--ip6tables=false",
        "--ip-forward=false",
    ]
    if _lacks_capability(CAP_SYS_RESOURCE):
        tools.build([tools.RUNC_WITHIN_BOUNDS])
        command += [
            f"--add-runtime=within-bounds={tools.RUNC_WITHIN_BOUNDS.path}",
            "--default-runtime=within-bounds",
        ]
    with LOG.open("w") as log:
        daemon = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/"
        )
    deadline = time.monotonic() + START_SECONDS
    while not _own().succeeds("info"):
        if daemon.poll() is not None or time.monotonic() > deadline:
            tail = "\n".join(f"  {line}" for line in LOG.read_text().splitlines()[-15:])
            if daemon.poll() is None:
                daemon.terminate()
                daemon.wait(STOP_SECONDS)
            raise ClusterError(f"dockerd did not become ready; it said:\n{tail}")
        time.sleep(0.2)
    _started.append(daemon)


def _stop() -> None:
    pid = _pid()
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while _pid() is not None:
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                break
            time.sleep(0.1)
        while _started:
            _started.pop().wait()
    _clean_run_files()


def _pid() -> int | None:
    """The process number of our daemon, if it lives; a stale file may name a stranger's process."""
    try:
        pid = int(PID_FILE.read_text())
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if f"--pidfile={PID_FILE}".encode() in arguments else None


def _clean_run_files() -> None:
    if _pid() is not None:
        raise ClusterError(f"Our Docker daemon is running but does not respond; its log: {LOG}", f"Run: kill {_pid()}")
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in reversed(mounts):
        if mount.startswith((f"{ENGINE_RUN}/", f"{ENGINE_DATA}/")) or mount == str(ENGINE_DATA):
            run(["umount", "--lazy", mount], check=False)
    shutil.rmtree(ENGINE_RUN, ignore_errors=True)


def _lacks_capability(bit: int) -> bool:
    status = Path("/proc/self/status").read_text()
    bounding = next(line for line in status.splitlines() if line.startswith("CapBnd:"))
    return not int(bounding.split()[1], 16) & (1 << bit)
