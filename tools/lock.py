"""Writes ``requirements/*.lock``: every package that each purpose needs, with versions and hashes.

The locks hold for every supported Python and platform. They start from the ranges in ``pyproject.toml``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

ALL = ["pyproject.toml", "sdk/pyproject.toml", "--extra=server", "--extra=local", "--extra=cluster"]

# Each lock: what it holds, and the lock that it must agree with.
LOCKS = {
    # The image of the servers; the SDK is in it for the smoke test.
    "server": (["pyproject.toml", "sdk/pyproject.toml", "--extra=server"], None),
    # What the installer can do from a checkout: laptop mode, and clusters.
    "local": (ALL, "server"),
    "dev": ([*ALL, "--group=dev"], "local"),
    "scanners": (["--group=scanners"], None),
    "build": (["--group=build"], None),
    "node": (["--group=node"], None),
    "fast-mysql": (["--group=fast-mysql"], None),
    "pypa-installer": (["--group=pypa-installer"], None),
    "go": (["--group=go"], None),
    "proto": (["--group=proto"], None),
}
OPTIONS = (
    "--quiet",
    "--universal",
    "--python-version=3.10",
    "--generate-hashes",
    # Without its extra in the lock, older pips look for the newest version of a package that another one wants with it.
    "--no-strip-extras",
    "--no-annotate",
    "--no-header",
    "--no-emit-index-url",
    "--no-emit-find-links",
)


def main() -> None:
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    if not Path(uv).exists():
        sys.exit("uv is needed to write the locks. Run: .venv/bin/pip install uv")
    for name, (what, agree_with) in LOCKS.items():
        constraint = ["-c", f"requirements/{agree_with}.lock"] if agree_with else []
        subprocess.run(
            [uv, "pip", "compile", *OPTIONS, *what, *constraint, "-o", f"requirements/{name}.lock"],
            check=True,
            cwd=ROOT,
        )


if __name__ == "__main__":
    main()
