"""Source trees of our server, each with an environment of what its locks say, kept in ``.cache/bench``."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
CACHE = ROOT / ".cache" / "bench"

# What pkg-config calls the headers that mysqlclient is built with.
HEADERS = ("mysqlclient", "mariadb", "libmariadb")


@dataclass(frozen=True)
class Tree:
    """A source tree and the Python that runs its server."""

    root: Path
    python: Path
    driver: str  # for MySQL

    def command(self) -> list[str]:
        """Returns the start of the server's command line."""
        return [str(self.python), "-m", "kubeflow_metadata.mlmd" if self._sources() != self.root else "mlmd_server"]

    def environment(self) -> dict[str, str]:
        """Returns the variables that the server runs with."""
        return {**os.environ, "PYTHONPATH": str(self._sources()), "KFM_MLMD_MYSQL_DRIVER": self.driver}

    def _sources(self) -> Path:
        # Packages lay in the root until they got one import root.
        return self.root / "src" if (self.root / "src" / "kubeflow_metadata").is_dir() else self.root


def can_build_mysqlclient() -> bool:
    """Whether a compiler and the headers of a C library for MySQL are here."""
    if not (shutil.which("cc") or shutil.which("gcc")) or shutil.which("pkg-config") is None:
        return False
    return any(subprocess.call(["pkg-config", "--exists", name]) == 0 for name in HEADERS)


def this_checkout(*, fast_driver: bool) -> Tree:
    """Returns this tree, as its files are now."""
    return _tree(ROOT, fast_driver=fast_driver)


def of_commit(ref: str, *, fast_driver: bool) -> Tree:
    """Returns the tree of a commit, unpacked beside the environments."""
    commit = _git("rev-parse", "--verify", f"{ref}^{{commit}}").decode().strip()
    place = CACHE / commit
    if not place.exists():
        partial = place.with_name(f"{commit}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        subprocess.run(["tar", "-x", "-C", partial], input=_git("archive", commit), check=True)
        partial.rename(place)
    return _tree(place, fast_driver=fast_driver)


def _git(*arguments: str) -> bytes:
    done = subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stderr.decode().strip())
    return done.stdout


def _tree(root: Path, *, fast_driver: bool) -> Tree:
    locks = [root / "requirements" / "server.lock"]
    if fast_driver:
        locks.append(root / "requirements" / "fast-mysql.lock")
    return Tree(root, _python(locks), "MySQLdb" if fast_driver else "pymysql")


def _python(locks: list[Path]) -> Path:
    """Returns the Python of an environment that has exactly what these locks say."""
    identity = hashlib.sha256(sys.version.encode())
    for lock in locks:
        identity.update(lock.read_bytes())
    place = CACHE / f"venv-{identity.hexdigest()[:16]}"
    done = place / "installed"
    if not done.exists():
        print(f"Installing {' and '.join(lock.name for lock in locks)} into {place} ...", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", place], check=True)
        pip = [str(place / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
        for lock in locks:
            subprocess.run([*pip, "--require-hashes", "-r", str(lock)], check=True)
        done.touch()
    return place / "bin" / "python"
