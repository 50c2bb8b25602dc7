"""What follows from the memory that a server may use."""

from __future__ import annotations

import itertools
import threading

import pytest

from kubeflow_metadata.mlmd import budget as budgets
from kubeflow_metadata.mlmd.budget import Pressure, budget
from kubeflow_metadata.mlmd.db import shares
from kubeflow_metadata.mlmd.db.deadlines import CallTime
from kubeflow_metadata.mlmd.db.shares import AnswerLimits, Gate, Share, TooLargeError
from kubeflow_metadata.mlmd.errors import DeadlineExceededError
from kubeflow_metadata.mlmd.options import ServerOptions
from kubeflow_metadata.mlmd.unsent import UnsentAnswers

MIB = 2**20
SECONDS = 30


def of(limit, most=100 * MIB, processes=2, threads=8):
    return budget(limit, processes=processes, threads=threads, most_message_bytes=most)


@pytest.mark.parametrize("limit", [64 * MIB, 256 * MIB, 512 * MIB, 2048 * MIB, 64 * 1024 * MIB])
@pytest.mark.parametrize("threads", [1, 8, 64])
def test_a_message_is_never_smaller_than_grpc_takes_nor_larger_than_the_flag_says(limit, threads):
    assert 4 * MIB <= of(limit, threads=threads).message_bytes <= 100 * MIB
    assert of(limit, most=MIB, threads=threads).message_bytes == MIB


def test_more_memory_allows_more():
    small, large = of(512 * MIB), of(4096 * MIB)
    assert small.message_bytes < large.message_bytes
    assert small.elements < large.elements
    assert small.answer_bytes < large.answer_bytes


def test_without_a_limit_sizes_are_those_of_the_flags():
    free = of(None)
    assert free.message_bytes == 100 * MIB
    assert free.answer_limits() is None


def test_errors_name_the_limit_and_the_flag():
    known = of(512 * MIB)
    for error in (known.message_too_large(50 * MIB), known.too_many_elements(), known.answer_limits().refuse()):
        assert "512 MiB" in str(error)
        assert "--memory_limit" in str(error)
    assert "max_result_size" in str(known.answer_limits().refuse())


def test_no_channel_argument_raises_a_message_above_the_memory():
    for asked in (-1, 2**31 - 1):
        options = ServerOptions(
            "127.0.0.1:0", memory_limit=512 * MIB, channel_arguments=[("grpc.max_receive_message_length", asked)]
        )
        assert 0 < int(dict(options.grpc_arguments())["grpc.max_receive_message_length"]) < 100 * MIB


def limits(small=10_000, most=100_000, gate=None):
    return AnswerLimits(small, most, gate or Gate(1), lambda: TooLargeError("too large", reason="answer"))


class Rows:
    """A result that counts what is fetched of it."""

    def __init__(self, rows):
        self._rows = iter(rows)
        self.fetched = 0

    def many(self, size):
        some = list(itertools.islice(self._rows, size))
        self.fetched += len(some)
        return some

    def all(self):
        return list(self._rows)


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 50])
def test_an_answer_within_its_share_is_whole(count):
    rows = [(number, "x") for number in range(count)]
    with Share(limits()) as share:
        result = Rows(rows)
        assert shares.collect(result.many, result.all) == rows
    share.close()


def test_an_answer_ends_long_before_its_rows_are_all_there():
    result = Rows((number, "x" * 1000) for number in range(10**9))
    with Share(limits()) as share, pytest.raises(TooLargeError):
        shares.collect(result.many, result.all)
    share.close()
    assert result.fetched < 300


def test_large_cells_count():
    result = Rows([("x" * 100_000,)] * 100)
    with Share(limits()) as share, pytest.raises(TooLargeError):
        shares.collect(result.many, result.all)
    share.close()
    assert result.fetched <= 8


def test_what_several_queries_give_counts_together():
    def collect():
        result = Rows([(1, "x")] * 20)
        return shares.collect(result.many, result.all)

    with Share(limits()) as share:
        for _ in range(4):
            assert len(collect()) == 20
        with pytest.raises(TooLargeError):
            collect()
    share.close()


def test_large_answers_wait_for_each_other_and_small_ones_for_none():
    gate = Gate(1)
    first, second, small = (Share(limits(gate=gate)) for _ in range(3))
    with first:
        first.grow()
    with small:
        small.take([(1,)])
    entered = threading.Event()

    def grow():
        second.grow()
        entered.set()

    thread = threading.Thread(target=grow)
    thread.start()
    with Share(limits(gate=gate)) as late, CallTime(limit=0.05), pytest.raises(DeadlineExceededError):
        late.grow()
    assert not entered.is_set()
    first.close()
    assert entered.wait(SECONDS)
    second.close()
    thread.join(SECONDS)
    late.close()


class Answer:
    def __init__(self):
        self.cancelled = False

    def cancel(self):
        self.cancelled = True


def test_of_answers_that_nobody_reads_the_oldest_goes():
    unsent = UnsentAnswers(100)
    read, old, new = Answer(), Answer(), Answer()
    unsent.add(read, 90)
    unsent.sent(read)
    unsent.add(old, 60)
    unsent.add(new, 60)
    unsent.sent(read)
    assert [read.cancelled, old.cancelled, new.cancelled] == [False, True, False]
    alone = Answer()
    unsent.sent(new)
    unsent.add(alone, 1000)
    assert not alone.cancelled


def test_pressure_is_what_is_left_after_free_memory_is_returned(monkeypatch):
    used = [900, 100]
    monkeypatch.setattr(budgets, "resident_bytes", lambda: used[0])
    monkeypatch.setattr(budgets, "return_free_memory", lambda: used.pop(0))
    pressure = Pressure(1000)
    assert not pressure()
    assert used == [100]
    used[0] = 950
    assert pressure()  # it has just been returned
    assert not Pressure(None)()
