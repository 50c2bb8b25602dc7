"""Folders that are made once and kept: environments, downloads."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from tests.support.cluster.locks import alone


def made_once(place: Path, make: Callable[[Path], None]) -> Path:
    """Returns ``place``, which ``make`` fills where it is not there yet.

    It is made under another name, so that what was interrupted is never taken for finished.
    """
    if place.exists():
        return place
    with alone(f"{place.parent.name}-{place.name}"):
        if not place.exists():
            making = place.with_name(f"{place.name}.{uuid4()}")
            making.mkdir(parents=True)
            try:
                make(making)
                making.rename(place)
            finally:
                shutil.rmtree(making, ignore_errors=True)
    return place
