"""How much memory a process may use, and what follows from it: the largest message, what may wait, the largest answer.

The limit is that of the whole server (a pod's, as a rule). What the processes need to run at all is taken off; the
shares of the rest add up to less than all of it, so that no load that is allowed goes beyond the limit. Without a limit
there are only fixed bounds, which are generous.
"""

from __future__ import annotations

import ctypes
import threading
import time
from dataclasses import dataclass

from kubeflow_metadata.mlmd.db.shares import AnswerLimits, Gate, TooLargeError
from kubeflow_metadata.serving.memory import in_words, resident_bytes

_MIB = 2**20

# What a process takes before the first call, and what the one that only supervises takes.
_PROCESS_BYTES = 80 * _MIB
_SUPERVISOR_BYTES = 32 * _MIB
# A process that has less than this to work with cannot keep to any share.
_LEAST_WORK_BYTES = 48 * _MIB

# What gRPC's clients and servers take unless told otherwise; a server that takes less surprises everybody.
_GRPC_MESSAGE_BYTES = 4 * _MIB

# gRPC's own words for a message that is too large name no flag: up to so many times the size, a message is received and
# refused in ours.
RECEIVED_TIMES = 2

# What an element of a repeated field takes while its call is worked on, at most: an artifact that has a type and
# nothing else takes two of these, for itself and for its only field.
ELEMENT_BYTES = 400
# How much larger than its message a call with little more than elements is, at most: such an artifact has four bytes.
_GROWTH = 200

# Shares of what a process has to work with.
_MESSAGE_SHARE = 16  # one part in so many; a message is held about five times: serialized, parsed, as rows, as SQL
_ELEMENTS_SHARE = 5
_SMALL_SHARE = 6
_READY_SHARE = 8
_ANSWER_SHARE = 3
_UNSENT_SHARE = 8
_RECEIVING_SHARE = 6
# Above this part of its memory, a process is short of it.
_PRESSURE = 0.85

# Without a limit.
_FREE_ELEMENTS = 4_000_000
_FREE_READY_BYTES = 256 * _MIB
_LARGE_BYTES = 256 * 2**10
_FREE_LARGE_AT_ONCE = 4
_FREE_UNSENT_BYTES = 1024 * _MIB
_FREE_RECEIVING = 16

# A look at memory, and returning what was freed to the system, cost something: not more often than this.
_TRIM_SECONDS = 1.0


@dataclass(frozen=True)
class Budget:
    """What one process may hold in memory.

    Attributes:
        limit: bytes that all processes of the server may use together; None for no limit.
        process_bytes: bytes that this process may use; None for no limit.
        message_bytes: the largest request.
        elements: the most fields and elements of a request that is large.
        large_bytes: a request of more bytes is large.
        large_at_once: large requests and answers that are worked on at the same time.
        ready_bytes: requests that are there and not answered yet.
        unsent_bytes: large answers that their clients have not taken yet.
        receiving: requests on their way that may all be of the largest size; above, memory is looked at.
        answer_bytes: what an answer may take until it is sent; None for no bound.
        small_answer_bytes: an answer that takes more than this is large.
    """

    limit: int | None
    process_bytes: int | None
    message_bytes: int
    elements: int
    large_bytes: int
    large_at_once: int
    ready_bytes: int
    unsent_bytes: int
    receiving: int
    answer_bytes: int | None
    small_answer_bytes: int

    def message_too_large(self, size: int) -> TooLargeError:
        """Returns the error of a request that is larger than ``message_bytes``."""
        return TooLargeError(
            f"The request has {size} bytes; this server reads at most {in_words(self.message_bytes)} at once"
            f"{self._because()}. Send it in parts, or raise {self._flag()}.",
            reason="message",
        )

    def too_many_elements(self) -> TooLargeError:
        """Returns the error of a request that has more than ``elements``."""
        return TooLargeError(
            f"The request has more than {self.elements} fields; this server reads no more at once{self._because()}. "
            f"Send it in parts{'' if self.limit is None else f', or raise {self._flag()}'}.",
            reason="fields",
        )

    def answer_limits(self) -> AnswerLimits | None:
        """Returns how answers are bounded, for all calls of the process; None if they are not."""
        if self.answer_bytes is None:
            return None
        return AnswerLimits(
            small=self.small_answer_bytes,
            most=self.answer_bytes,
            gate=Gate(self.large_at_once),
            refuse=lambda: TooLargeError(
                f"The answer needs more than {in_words(self.answer_bytes or 0)} of memory, the most that one call may "
                f"take{self._because()}. Ask for it in pages (max_result_size) or for fewer nodes, or raise "
                f"{self._flag()}.",
                reason="answer",
            ),
        )

    def _because(self) -> str:
        return "" if self.limit is None else f", with the {in_words(self.limit)} of memory it may use"

    def _flag(self) -> str:
        return "--max_receive_message_length" if self.limit is None else "its memory limit (--memory_limit)"


def budget(limit: int | None, *, processes: int, threads: int, most_message_bytes: int) -> Budget:
    """Returns what each of the processes may hold.

    Args:
        limit: bytes that they may use together; None for no limit.
        processes: how many of them answer calls.
        threads: calls that each works on at the same time.
        most_message_bytes: the largest request, however much memory there is.
    """
    if limit is None:
        return Budget(
            limit=None,
            process_bytes=None,
            message_bytes=most_message_bytes,
            elements=_FREE_ELEMENTS,
            large_bytes=_LARGE_BYTES,
            large_at_once=_FREE_LARGE_AT_ONCE,
            ready_bytes=max(_FREE_READY_BYTES, most_message_bytes),
            unsent_bytes=_FREE_UNSENT_BYTES,
            receiving=_FREE_RECEIVING,
            answer_bytes=None,
            small_answer_bytes=0,
        )
    supervisor = _SUPERVISOR_BYTES if processes > 1 else 0
    process = max(limit - supervisor, 0) // processes
    work = max(process - _PROCESS_BYTES, _LEAST_WORK_BYTES)
    message = min(most_message_bytes, max(work // _MESSAGE_SHARE, _GRPC_MESSAGE_BYTES))
    return Budget(
        limit=limit,
        process_bytes=process,
        message_bytes=message,
        elements=min(_FREE_ELEMENTS, work // _ELEMENTS_SHARE // ELEMENT_BYTES),
        large_bytes=min(_LARGE_BYTES, max(work // _SMALL_SHARE // threads // _GROWTH, 1024)),
        large_at_once=1,
        ready_bytes=max(work // _READY_SHARE, message),
        unsent_bytes=work // _UNSENT_SHARE,
        receiving=max(1, work // _RECEIVING_SHARE // (RECEIVED_TIMES * message)),
        answer_bytes=work // _ANSWER_SHARE,
        small_answer_bytes=work // _SMALL_SHARE // threads,
    )


class Pressure:
    """Tells whether this process is short of memory, after it has returned what it does not use."""

    def __init__(self, process_bytes: int | None) -> None:
        self._most = None if process_bytes is None else int(process_bytes * _PRESSURE)
        self._lock = threading.Lock()
        self._trimmed = 0.0

    def __call__(self) -> bool:
        if self._most is None or resident_bytes() <= self._most:
            return False
        with self._lock:
            if time.monotonic() - self._trimmed < _TRIM_SECONDS:
                return True
            self._trimmed = time.monotonic()
        return_free_memory()
        return resident_bytes() > self._most


def return_free_memory() -> None:
    """Returns to the system what the C library keeps for later, if it can."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
