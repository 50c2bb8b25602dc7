"""What a server does besides where ``up --local`` started it: it ends with the record of it, and bounds its log.

The data directory holds the database and the record of what runs. When it is deleted, a server that went on would
answer from a file that nobody can open any more, and hold a port that nobody knows of.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from kubeflow_metadata.serving.log_rotation import LogRotation

# The environment of such a server: the file of records, its name in it, and the random name of this start.
STATE = "KUBEFLOW_METADATA_LOCAL_STATE"
SERVER = "KUBEFLOW_METADATA_LOCAL_SERVER"
INSTANCE = "KUBEFLOW_METADATA_LOCAL_INSTANCE"
LOG = "KUBEFLOW_METADATA_LOCAL_LOG"

_PAUSE_SECONDS = 1.0
# Whoever starts a server records it at once, unless it was killed in between.
_UNRECORDED_SECONDS = 30.0
# Records are larger than this only if somebody has put something else there.
_RECORDS_BYTES = 64 * 1024


class Tether:
    """The record of a server, and whether it still holds."""

    def __init__(self, state: Path, server: str, instance: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._state = state
        self._server = server
        self._instance = instance
        self._clock = clock
        self._first_look = clock()
        self._was_recorded = False
        self._misses = 0

    def is_cut(self) -> bool:
        """Looks at the record; returns whether the server is to end.

        A single look that finds nothing does not count: a file system over a network may be away for a moment.
        """
        recorded = self._is_recorded()
        if recorded:
            self._was_recorded = True
        self._misses = self._misses + 1 if recorded is False else 0
        waited = self._was_recorded or self._clock() - self._first_look > _UNRECORDED_SECONDS
        return waited and self._misses > 1

    def _is_recorded(self) -> bool | None:
        """Returns whether the record names this start of the server; None if it cannot be told."""
        try:
            with self._state.open("rb") as file:
                records = json.loads(file.read(_RECORDS_BYTES))
        except (FileNotFoundError, NotADirectoryError):
            return False
        except (OSError, ValueError, RecursionError):
            return None
        if not isinstance(records, dict):
            return None
        record = records.get(self._server)
        return isinstance(record, dict) and record.get("instance") == self._instance


def follow() -> None:
    """Begins to look after this process in a thread, where ``up --local`` started it; otherwise does nothing."""
    # Workers inherit the log, but not the tether: they end with the process that started them.
    state, server, instance = (os.environ.pop(name, "") for name in (STATE, SERVER, INSTANCE))
    log = os.environ.get(LOG)
    tether = Tether(Path(state), server, instance) if state else None
    rotation = LogRotation(Path(log)) if log else None
    if tether or rotation:
        threading.Thread(target=_keep_looking, args=(tether, rotation), name="laptop", daemon=True).start()


def _keep_looking(tether: Tether | None, rotation: LogRotation | None) -> None:
    while True:
        if rotation:
            rotation.look()
        if tether and tether.is_cut():
            logging.getLogger("kubeflow_metadata.laptop").warning("the record of this server is gone: stopping")
            os.kill(os.getpid(), signal.SIGTERM)
            tether = None
        time.sleep(_PAUSE_SECONDS)
