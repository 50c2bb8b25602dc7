"""Docker, Podman and Buildah behind one interface."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kubeflow_metadata.errors import UserError

NAMES = ("docker", "podman", "buildah")
_TAIL_LINES = 20


@dataclass(frozen=True)
class BuildOptions:
    """What a build takes besides its folder."""

    arguments: Mapping[str, str]
    network: str | None = None
    platform: str | None = None


@dataclass(frozen=True)
class Engine:
    """A program that builds and moves images."""

    name: str

    def build(self, reference: str, folder: Path, dockerfile: Path, options: BuildOptions) -> None:
        """Builds an image from a folder."""
        command = [self.name, "build", f"--tag={reference}", f"--file={dockerfile}"]
        command += [part for name, value in options.arguments.items() for part in ("--build-arg", f"{name}={value}")]
        command += [f"--network={options.network}"] if options.network else []
        command += [f"--platform={options.platform}"] if options.platform else []
        run([*command, str(folder)])

    def has(self, reference: str) -> bool:
        """Returns whether the image is on this machine."""
        kind = [] if self.name == "buildah" else ["image"]
        arguments = ["--type=image"] if self.name == "buildah" else []
        return run([self.name, *kind, "inspect", *arguments, reference], check=False).returncode == 0

    def pull(self, reference: str) -> str:
        """Pulls an image; returns why it cannot be had, or nothing if it can."""
        done = run([self.name, "pull", "--quiet", reference], check=False)
        return f"{done.stdout}\n{done.stderr}".strip() if done.returncode else ""

    def names(self) -> list[str]:
        """Returns the references of all images on this machine, newest first."""
        if self.name == "buildah":
            command = ["buildah", "images", "--format={{.Name}}:{{.Tag}}"]
        else:
            command = [self.name, "image", "ls", "--format={{.Repository}}:{{.Tag}}"]
        return [name for name in run(command, check=False).stdout.split() if "<none>" not in name]

    def label(self, reference: str, name: str) -> str:
        """Returns a label of an image; empty if it has none."""
        if self.name == "buildah":
            command = ["buildah", "inspect", "--type=image", f'--format={{{{index .OCIv1.Config.Labels "{name}"}}}}']
        else:
            command = [self.name, "image", "inspect", f'--format={{{{index .Config.Labels "{name}"}}}}']
        return run([*command, reference], check=False).stdout.strip()

    def build_network(self) -> str | None:
        """Returns the network that a build needs: the machine's, if the engine has no bridge."""
        if self.name != "docker" or run(["docker", "network", "inspect", "bridge"], check=False).returncode == 0:
            return None
        return "host"

    def save(self, reference: str, archive: Path) -> None:
        """Writes an image to a file that ``docker load`` and kind read."""
        if self.name == "buildah":
            run(["buildah", "push", reference, f"docker-archive:{archive}:{reference}"])
        else:
            run([self.name, "save", f"--output={archive}", reference])

    def push(self, reference: str, target: str, *, plain_http: bool = False) -> str:
        """Pushes an image under another reference; returns its digest there."""
        if self.name == "docker":
            run(["docker", "tag", reference, target])
            run(["docker", "push", target])
            digests = run(["docker", "image", "inspect", '--format={{join .RepoDigests "\\n"}}', target]).stdout
            repository = target.rpartition(":")[0]
            for line in digests.split():
                name, _, digest = line.partition("@")
                if name == repository:
                    return digest
            raise UserError(f"docker pushed {target} but reported no digest for it.")
        with tempfile.TemporaryDirectory() as folder:
            digest_file = Path(folder) / "digest"
            insecure = ["--tls-verify=false"] if plain_http else []
            run([self.name, "push", *insecure, f"--digestfile={digest_file}", reference, f"docker://{target}"])
            return digest_file.read_text().strip()


def find(name: str | None = None) -> Engine:
    """Returns the engine of that name, or the first one that works on this machine.

    Raises:
        UserError: there is none.
    """
    for candidate in [name] if name else NAMES:
        if shutil.which(candidate) and run([candidate, "info"], check=False).returncode == 0:
            return Engine(candidate)
    if name:
        raise UserError(f"{name} does not respond.", hint=f"Start it, then check with: {name} info")
    raise UserError(
        "None of Docker, Podman or Buildah is responding on this machine.",
        hint="Install or start one of them, then run the same command again.",
    )


def run(command: Sequence[str], *, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Runs a command; an error shows the end of its output."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise UserError(
            f"{command[0]} is not installed.", hint="Install it, then run the same command again."
        ) from None
    if check and done.returncode:
        output = f"{done.stdout}\n{done.stderr}".strip().splitlines()
        raise UserError(
            f"`{' '.join(command[:3])} ...` failed with exit code {done.returncode}.",
            details="\n".join(output[-_TAIL_LINES:]),
        )
    return done
