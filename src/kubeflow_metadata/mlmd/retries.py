"""Retrying calls whose transactions were rolled back through no fault of their own.

Deadlocks, lock waits, lost connections and a database that restarts are not a client's business: the call is run
again, with growing waits, for as long as its deadline and ours allow. What is not known to be undone (a COMMIT that was
sent and not answered) is never run again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from kubeflow_metadata.mlmd import metrics
from kubeflow_metadata.mlmd.db import deadlines
from kubeflow_metadata.mlmd.db.base import DuplicateKeyError, TransactionUndoneError
from kubeflow_metadata.mlmd.errors import AbortedError, AlreadyExistsError, StoreError, UnavailableError

R = TypeVar("R")

# Waits grow from about the first to about the second.
_FIRST_WAIT_SECONDS = 0.01
_LONGEST_WAIT_SECONDS = 1.0

# After so long, waiting for a database that is away is no help to a client that set no deadline.
LONGEST_SECONDS = 30.0

# Reasons after which only a lack of luck has kept the call from success.
_CONTENTION = frozenset({"deadlock", "locked"})


def run(call: Callable[[], R]) -> R:
    """Runs a call that is one transaction, until it succeeds, fails for good, or takes too long.

    Raises:
        StoreError: what the call ended with; AbortedError or UnavailableError where it took too long.
    """
    started = time.monotonic()
    attempt = 0
    collided = False
    while True:
        try:
            return call()
        except TransactionUndoneError as error:
            metrics.RETRIES.labels(error.reason).inc()
            wait = 0.0 if error.at_once and attempt == 0 else _wait(attempt)
            if not _time_for(wait, started):
                raise _given_up(error) from error
        except (AlreadyExistsError, AbortedError) as error:
            # Another client may have stored the same between our look-up and our insert. Looking again shows whether
            # that is what the call wants (an event that is sent again, a context to be reused) or an error.
            if collided or not _by_unique_key(error):
                raise
            collided = True
            wait = 0.0
        attempt += 1
        time.sleep(wait)


def _by_unique_key(error: BaseException | None) -> bool:
    """Returns whether it was the database that refused, not our own look."""
    while error is not None:
        if isinstance(error, DuplicateKeyError):
            return True
        error = error.__cause__
    return False


def backoff(attempt: int, first: float, longest: float) -> float:
    """Seconds to wait before another attempt: about twice as long each time, at random so that rivals part."""
    most = min(longest, first * 2.0**attempt)
    return random.uniform(most / 2, most)  # noqa: S311 - not for secrets


def _wait(attempt: int) -> float:
    return backoff(attempt, _FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS)


def _time_for(wait: float, started: float) -> bool:
    if time.monotonic() + wait - started > LONGEST_SECONDS:
        return False
    left = deadlines.seconds_left()
    return left is None or left > wait


def _given_up(error: TransactionUndoneError) -> StoreError:
    if error.reason in _CONTENTION:
        return AbortedError(f"{error} Nothing was written; try again.")
    return UnavailableError(f"{error} Nothing was written; try again later.")
