"""A process that was told to stop ends within its grace, whatever its threads are doing."""

from __future__ import annotations

import os
import signal
import threading

import structlog

_LOG = structlog.get_logger("kubeflow_metadata.serving.ending")

# What an orderly end may still take once requests have been cancelled.
MARGIN_SECONDS = 3.0
EXIT_CODE = 1


def end_within(seconds: float) -> None:
    """Ends this process after so many seconds and a small margin, unless it has ended by then.

    First by a thread, with a line in the log; where threads do not get to run because one holds the interpreter, by
    an alarm of the operating system a little later.
    """
    timer = threading.Timer(seconds + MARGIN_SECONDS, _end)
    timer.daemon = True
    timer.start()
    if threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, seconds + 2 * MARGIN_SECONDS)


def _end() -> None:
    _LOG.error("ended with requests in progress: they did not stop within --grace_seconds")
    os._exit(EXIT_CODE)
