"""Memory is shared out: work has its turn, and clients that make no progress give way."""

from __future__ import annotations

import asyncio

import pytest

from kubeflow_metadata.serving.budget import (
    BODY_FACTOR,
    IDLE_BYTES,
    MIB,
    RESPONSE_FACTOR,
    Held,
    Pool,
    budget_of,
    relay_budget_of,
)


@pytest.mark.parametrize("limit", [256 * MIB, 384 * MIB, 512 * MIB, 2048 * MIB])
def test_all_parts_together_fit_the_limit(limit):
    budget = budget_of(limit, 32 * MIB, 256 * MIB)
    assert budget.body * BODY_FACTOR <= budget.working
    parts = budget.arriving + budget.working + budget.response * RESPONSE_FACTOR + budget.sending
    assert parts + IDLE_BYTES <= limit


@pytest.mark.parametrize("limit", [1, 64 * MIB, 100 * MIB])
def test_a_tight_limit_still_takes_messages_of_grpcs_own_size(limit):
    budget = budget_of(limit, 32 * MIB, 256 * MIB)
    assert (budget.body, budget.response) == (4 * MIB, 4 * MIB)


def test_without_a_limit_and_under_a_wide_one_the_flags_decide():
    for limit in (None, 64 * 1024 * MIB):
        budget = budget_of(limit, 32 * MIB, 256 * MIB)
        assert (budget.body, budget.response) == (32 * MIB, 256 * MIB)


class TestRelayBudget:
    @pytest.mark.parametrize("limit", [80 * MIB, 96 * MIB, 160 * MIB, 192 * MIB])
    def test_what_clients_may_make_it_hold_fits_beside_an_idle_server(self, limit):
        budget = relay_budget_of(limit)
        # A body that arrives is there twice while it is passed on.
        assert 2 * budget.arriving + budget.relaying <= max(limit - 64 * MIB, limit // 4)
        assert budget.arriving >= 2 * MIB

    def test_a_large_limit_allows_no_more_than_none(self):
        assert relay_budget_of(2**40).arriving == relay_budget_of(None).arriving
        assert relay_budget_of(2**40).relaying == relay_budget_of(None).relaying


class TestPool:
    def test_work_waits_for_its_turn_and_large_work_is_not_overtaken(self):
        async def run() -> list[str]:
            pool, order = Pool(10), []

            async def work(name: str, size: int, done: asyncio.Event) -> None:
                async with pool.take(size):
                    order.append(name)
                    await done.wait()

            events = [asyncio.Event() for _ in range(4)]
            sizes = {"first": 6, "large": 99, "small": 1, "last": 4}
            tasks = [
                asyncio.create_task(work(name, size, event))
                for (name, size), event in zip(sizes.items(), events, strict=True)
            ]
            await asyncio.sleep(0)
            assert order == ["first"]
            for event in events:
                event.set()
            await asyncio.gather(*tasks)
            return order

        assert asyncio.run(run()) == ["first", "large", "small", "last"]

    def test_what_is_cancelled_while_it_waits_or_as_its_turn_comes_leaks_nothing(self):
        async def run() -> None:
            pool = Pool(10)

            async def work() -> None:
                async with pool.take(10):
                    await asyncio.sleep(0)

            for _ in range(50):
                holder, waiting, next_one = (asyncio.create_task(work()) for _ in range(3))
                await asyncio.sleep(0)
                waiting.cancel()
                await asyncio.gather(holder, waiting, next_one, return_exceptions=True)
                holder, waiting = (asyncio.create_task(work()) for _ in range(2))
                await holder
                waiting.cancel()  # it was given its turn and has not begun
                await asyncio.gather(waiting, return_exceptions=True)
            async with pool.take(10):
                pass

        asyncio.run(asyncio.wait_for(run(), 60))


class TestHeld:
    def test_the_one_without_progress_for_the_longest_time_is_given_up(self):
        held, given_up = Held(10), []
        with (
            held.hold(lambda: given_up.append("slow")) as slow,
            held.hold(lambda: given_up.append("quick")) as quick,
            held.hold(lambda: given_up.append("new")) as new,
        ):
            slow.resize(4)
            quick.resize(3)
            new.resize(3)
            assert given_up == []
            quick.resize(4)
            assert given_up == ["slow"]
            new.resize(6)
            quick.resize(5)
            assert given_up == ["slow", "new"]
            slow.resize(9)  # it is over for this one; what it still has is about to go
            assert given_up == ["slow", "new"]

    def test_one_alone_is_never_given_up(self):
        held, given_up = Held(10), []
        with held.hold(lambda: given_up.append("one")) as one, held.hold(lambda: given_up.append("idle")):
            one.resize(100)
        assert given_up == []

    def test_what_ended_counts_no_more(self):
        held, given_up = Held(10), []
        for _ in range(5):
            with held.hold(lambda: given_up.append("one")) as one:
                one.resize(9)
        assert given_up == []
