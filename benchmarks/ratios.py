"""What a number of turns says about how fast one server is beside another."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

# A server is as fast as another one if the bound of their ratio is no lower.
ENOUGH = 0.95

FEWEST_TURNS = 10
MOST_TURNS = 40


def ratios(own: Sequence[float], other: Sequence[float]) -> list[float]:
    """Returns the ratio of each turn: what slowed the machine down in a turn hit both."""
    return [mine / theirs for mine, theirs in zip(own, other, strict=True)]


def lower_bound(values: Sequence[float], confidence: float = 0.95) -> float:
    """Returns what the median of such values exceeds with this confidence, whatever their distribution; 0 for too few.

    It is one of the values: the k-th smallest is above the median with the probability that fewer than k of the values
    fall below it, as heads do in as many tosses of a coin.
    """
    below, k = 0.0, 0
    for heads in range(len(values)):
        below += math.comb(len(values), heads) / 2 ** len(values)
        if below > 1 - confidence:
            break
        k = heads + 1
    return sorted(values)[k - 1] if k else 0.0


def enough_turns(control: Sequence[float]) -> bool:
    """Whether a server has been compared with itself so often that no difference is found."""
    return len(control) >= MOST_TURNS or (len(control) >= FEWEST_TURNS and lower_bound(control) >= ENOUGH)


def verdict(values: Sequence[float], control: Sequence[float]) -> str:
    """Returns one word on how fast a server is beside an older one, which ``control`` compares with itself."""
    if lower_bound(values) >= ENOUGH:
        return "ok"
    return "slower" if lower_bound(control) >= ENOUGH else "undecided"


def median_ratio(own: Sequence[float], other: Sequence[float]) -> float:
    """Returns the median of the ratios of the turns."""
    return statistics.median(ratios(own, other))
