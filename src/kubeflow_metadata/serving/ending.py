"""The end of a process that does not depend on what its threads do.

A process that has been told to stop is gone after its grace, whatever a call, a driver or a library waits for; and one
whose threads die is gone at once, so that whoever supervises it starts another: half a server answers nobody and stays.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType

import structlog

# The exit code of a process that another one should take the place of.
RESTART = 75

# What a process may take after its grace, to close its connections and files.
MARGIN_SECONDS = 2.0

# How much later than by its own thread a process ends whose threads do not let go of Python; its exit code is then 1.
_WATCHDOG_AFTER_SECONDS = 1.0

log = structlog.get_logger("kubeflow_metadata.serving.ending")


def when_told_to_stop(stop: Callable[[], None]) -> None:
    """Calls ``stop``, from a thread of its own, on each SIGTERM or SIGINT; called by the main thread.

    Python runs handlers in the main thread alone, and where the system gives a signal to another one, a main thread
    that waits for a lock does not notice. What the signal writes to a socket always wakes its reader.
    """
    incoming, outgoing = socket.socketpair()
    outgoing.setblocking(False)
    signal.set_wakeup_fd(outgoing.fileno(), warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _noted)

    def wait() -> None:
        with incoming, outgoing:
            while numbers := incoming.recv(64):
                if signal.SIGTERM in numbers or signal.SIGINT in numbers:
                    stop()

    threading.Thread(target=wait, name="signals", daemon=True).start()


def _noted(_signal: int, _frame: FrameType | None) -> None:
    """Does nothing: without a handler in Python, nothing is written to the socket."""


def surely_within(seconds: float, code: int = 0) -> None:
    """Ends the process after so long unless it has ended before; called by the main thread."""

    def wait() -> None:
        time.sleep(seconds)
        log.warning("ending with work still in progress: it did not stop within --grace_seconds")
        at_once(code)

    threading.Thread(target=wait, name="ending", daemon=True).start()
    # In case a thread does not let go of the interpreter: this watchdog needs nothing of Python's. (An alarm would not
    # do: Linux keeps it from the first process of a container.)
    faulthandler.dump_traceback_later(seconds + _WATCHDOG_AFTER_SECONDS, exit=True)


def at_once(code: int) -> None:
    """Ends the process without waiting for any thread."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # closed, or nobody reads it
            continue
    os._exit(code)


def when_a_thread_dies() -> None:
    """From now on, the process ends when any of its threads ends with an error, out of memory included."""
    threading.excepthook = _end_with


def _end_with(died: threading.ExceptHookArgs) -> None:
    try:
        told: tuple[type[BaseException], BaseException | None, TracebackType | None]
        told = (died.exc_type, died.exc_value, died.exc_traceback)
        name = died.thread.name if died.thread is not None else ""
        log.critical("a thread has died; the process ends to be restarted", thread=name, exc_info=told)
    finally:  # there may be no memory to say so
        os._exit(RESTART)
