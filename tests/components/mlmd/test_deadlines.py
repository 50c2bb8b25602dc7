"""What ends a call: its client's deadline, the server's limit, or its client's going."""

from __future__ import annotations

import threading
import time

import pytest

from kubeflow_metadata.mlmd.db import deadlines
from kubeflow_metadata.mlmd.db.deadlines import CallTime
from kubeflow_metadata.mlmd.errors import CancelledError, DeadlineExceededError

SECONDS = 30


class Statement:
    """Counts its interruptions."""

    def __init__(self):
        self.interrupted = threading.Semaphore(0)

    def interrupt(self):
        self.interrupted.release()

    def ends(self):
        return self.interrupted.acquire(timeout=SECONDS)


def test_a_statement_is_interrupted_when_the_limit_is_over():
    statement = Statement()
    with CallTime(limit=0.05):
        watched = deadlines.watch(statement.interrupt)
        assert statement.ends()
        deadlines.unwatch(watched)
        with pytest.raises(DeadlineExceededError, match="--max_call_seconds"):
            deadlines.check()


def test_a_call_that_was_cancelled_is_interrupted_at_once():
    statement = Statement()
    with CallTime(limit=3600) as call:
        watched = deadlines.watch(statement.interrupt)
        call.cancel()
        assert statement.ends()
        deadlines.unwatch(watched)
        with pytest.raises(CancelledError):
            deadlines.check()


def test_a_call_without_any_limit_can_be_cancelled():
    statement = Statement()
    with CallTime() as call:
        watched = deadlines.watch(statement.interrupt)
        assert deadlines.seconds_left() is None
        threading.Thread(target=call.cancel).start()
        assert statement.ends()
        deadlines.unwatch(watched)


def test_a_statement_that_begins_after_the_client_has_gone_is_interrupted():
    statement = Statement()
    with CallTime(limit=3600) as call:
        call.cancel()
        watched = deadlines.watch(statement.interrupt)
        assert statement.ends()
        deadlines.unwatch(watched)


def test_an_interruption_that_came_too_early_is_repeated():
    statement = Statement()
    with CallTime(limit=0.01):
        watched = deadlines.watch(statement.interrupt)
        assert [statement.ends() for _ in range(3)] == [True] * 3
        deadlines.unwatch(watched)


def test_nothing_is_interrupted_after_its_end():
    first, second = Statement(), Statement()
    with CallTime(limit=3600) as call:
        deadlines.unwatch(deadlines.watch(first.interrupt))
        watched = deadlines.watch(second.interrupt)
        call.cancel()
        assert second.ends()
        deadlines.unwatch(watched)
    assert not first.interrupted.acquire(blocking=False)


def test_an_interruption_that_fails_does_not_end_the_watch():
    statement = Statement()

    def fail():
        statement.interrupt()
        raise RuntimeError

    for _ in range(2):
        with CallTime(limit=0.01):
            watched = deadlines.watch(fail)
            assert statement.ends()
            deadlines.unwatch(watched)


def test_a_shorter_deadline_of_the_client_keeps_its_own_words():
    with CallTime(client_seconds=0.0, limit=3600) as call:
        with pytest.raises(DeadlineExceededError) as caught:
            deadlines.check()
        assert "max_call_seconds" not in str(caught.value)
        call.cancel()  # gRPC cancels what is over
        assert isinstance(call.error(), DeadlineExceededError)


def test_a_call_does_not_wait_for_its_turn_beyond_its_time():
    lock = threading.Lock()
    lock.acquire()
    entered = []
    with CallTime(limit=0.05), pytest.raises(DeadlineExceededError), deadlines.turn(lock):
        entered.append(True)
    assert not entered
    lock.release()
    with CallTime(limit=0.0), deadlines.turn(lock):
        assert lock.locked()
    assert not lock.locked()


def test_each_thread_has_the_time_of_its_own_call():
    with CallTime(limit=3600):
        seen = []
        thread = threading.Thread(target=lambda: seen.append(deadlines.seconds_left()))
        thread.start()
        thread.join(SECONDS)
        assert seen == [None]
        left = deadlines.seconds_left()
        assert left is not None
        assert 0 < left <= 3600 + time.get_clock_info("monotonic").resolution
    assert deadlines.seconds_left() is None
