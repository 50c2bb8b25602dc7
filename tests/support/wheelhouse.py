"""The wheels that an installation needs, downloaded once: what is installed from them needs no network."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.support.checkout import CACHE, ROOT
from tests.support.keeping import made_once

# What `[server,cluster,local]` and the SDK need, and PyPA's library that has the name of our installer.
LOCKS = [ROOT / "requirements" / name for name in ("local.lock", "pypa-installer.lock")]


def wheelhouse() -> Path:
    """Returns the folder of the locked wheels for this Python."""
    identity = f"{sys.version_info[:2]} {sysconfig.get_platform()}".encode()
    digest = hashlib.sha256(b"\0".join([identity, *(lock.read_bytes() for lock in LOCKS)]))
    return made_once(CACHE / "wheels" / digest.hexdigest()[:16], _download)


def _download(place: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    locks = [word for lock in LOCKS for word in ("-r", str(lock))]
    options = ["--require-hashes", "--no-deps", "--only-binary=:all:", f"--dest={place}"]
    subprocess.run([*pip, "download", *options, *locks], check=True)
