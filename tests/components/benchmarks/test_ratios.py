"""What a run of the benchmarks concludes from its turns."""

from __future__ import annotations

import random

import pytest

from benchmarks.ratios import FEWEST_TURNS, MOST_TURNS, enough_turns, lower_bound, median_ratio, ratios, verdict


def test_ratios_are_of_the_turns_so_that_a_slow_minute_does_not_count():
    own, other = [100.0, 10.0, 100.0], [50.0, 5.0, 50.0]
    assert ratios(own, other) == [2.0, 2.0, 2.0]
    assert median_ratio(own, other) == 2.0


@pytest.mark.parametrize(("count", "rank"), [(5, 1), (10, 2), (20, 6), (40, 15)])
def test_the_bound_is_the_value_of_that_rank_in_the_table_of_the_sign_test(count, rank):
    assert lower_bound([float(number) for number in range(count, 0, -1)]) == rank


def test_too_few_turns_bound_nothing():
    assert lower_bound([1.0] * 4) == 0.0
    assert lower_bound([]) == 0.0


def test_the_bound_lies_below_the_true_median_as_often_as_it_says():
    dice = random.Random(1)
    right = sum(lower_bound([dice.lognormvariate(0, 0.3) for _ in range(10)]) < 1.0 for _ in range(2000))
    assert right / 2000 >= 0.95


def test_one_turn_that_was_disturbed_does_not_change_the_bound_much():
    assert lower_bound([1.0] * 9 + [0.1]) == 1.0


def test_turns_go_on_until_a_server_is_found_as_fast_as_itself():
    noisy = [0.8, 1.25] * 5
    assert not enough_turns([1.0] * (FEWEST_TURNS - 1))
    assert enough_turns([1.0] * FEWEST_TURNS)
    assert not enough_turns(noisy)
    assert enough_turns(noisy * (MOST_TURNS // len(noisy)))


def test_a_verdict_needs_a_control_that_found_nothing():
    same, noisy = [1.0] * 10, [0.8, 1.25] * 5
    assert verdict([1.0] * 10, same) == "ok"
    assert verdict([0.9] * 10, same) == "slower"
    assert verdict([0.9] * 10, noisy) == "undecided"
