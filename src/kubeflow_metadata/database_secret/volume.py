"""What is on the volume before MySQL starts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Our own directory on the volume; the pod mounts it as MySQL's data directory.
OURS = "kubeflow-metadata"
# Exists from before MySQL is set up until it is (metadata-db-setup removes it). MySQL ignores files with a dot.
SETTING_UP = ".setting-up"
# What file systems put there by themselves.
_IGNORED = frozenset({SETTING_UP, "lost+found"})
# Where upstream's manifests had the data of MySQL 8.0, and by what MySQL's data is known.
_UPSTREAM = ("datadir", ".")
_MYSQL_FILES = ("ibdata1", "mysql.ibd", "auto.cnf")


@dataclass(frozen=True)
class Volume:
    """The volume of the claim, mounted whole."""

    root: Path

    @property
    def ours(self) -> Path:
        return self.root / OURS

    def has_data(self) -> bool:
        """Returns whether our directory holds a database."""
        return any(self._entries())

    def was_interrupted(self) -> bool:
        """Returns whether the set-up was interrupted: MySQL never served a client then, and nothing was stored."""
        return self.has_data() and (self.ours / SETTING_UP).exists()

    def upstream_data(self) -> Path | None:
        """Returns where there is data of a MySQL that is not ours."""
        for name in _UPSTREAM:
            place = self.root / name
            if any((place / file).exists() for file in _MYSQL_FILES):
                return place
        return None

    def begin(self) -> None:
        """Prepares our directory for the set-up of MySQL."""
        self.ours.mkdir(mode=0o750, exist_ok=True)
        (self.ours / SETTING_UP).touch()
        for entry in list(self._entries()):
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def _entries(self) -> Iterator[Path]:
        if self.ours.is_dir():
            yield from (entry for entry in self.ours.iterdir() if entry.name not in _IGNORED)
