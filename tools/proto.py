"""Generates ``kubeflow_metadata/proto/*_pb2.py`` and their stubs; with ``--check`` tells whether that was done."""

from __future__ import annotations

import filecmp
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "src"
PACKAGE = SOURCES / "kubeflow_metadata" / "proto"


def main() -> None:
    protoc = install_protoc()
    if "--check" not in sys.argv:
        generate(protoc, SOURCES)
        return
    with tempfile.TemporaryDirectory() as scratch:
        generate(protoc, Path(scratch))
        fresh = sorted((Path(scratch) / PACKAGE.relative_to(SOURCES)).iterdir())
        stale = [file.name for file in fresh if not filecmp.cmp(file, PACKAGE / file.name, shallow=False)]
    if stale:
        sys.exit(f"Not up to date: {', '.join(stale)}. Run: make proto")


def install_protoc() -> Path:
    """The Python of an environment with the locked protoc, apart from ``.venv`` because protoc's pins are narrow."""
    environment = ROOT / ".cache" / "proto"
    lock = ROOT / "requirements" / "proto.lock"
    done = environment / "lock.txt"
    python = environment / "bin" / "python"
    if not (done.exists() and done.read_text() == lock.read_text()):
        venv.create(environment, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--require-hashes", "-r", lock], check=True)
        done.write_text(lock.read_text())
    return python


def generate(protoc: Path, out: Path) -> None:
    files = sorted(file.relative_to(SOURCES) for file in PACKAGE.glob("*.proto"))
    subprocess.run(
        [protoc, "-m", "grpc_tools.protoc", f"-I{SOURCES}", f"--python_out={out}", f"--pyi_out={out}", *files],
        check=True,
        cwd=ROOT,
    )


if __name__ == "__main__":
    main()
