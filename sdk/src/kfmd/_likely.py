"""Which known name a misspelt one was meant to be."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Optional

_SHORT_FORMS = {"desc": "description", "hyperparams": "hyperparameters"}


def likely_name(given: str, known: Iterable[str]) -> Optional[str]:
    """Returns the known name that ``given`` is a misspelling of, or None if it is a different name.

    Words are compared one by one, so that ``model_uri`` is no misspelling of ``model_id``;
    and what ends in a digit, such as ``uri2``, was meant.
    """
    if given[-1:].isdigit():
        return None
    for name in known:
        if name in {given, _SHORT_FORMS.get(_joined(given))} or _is_misspelling(given, name):
            return name
    return None


def _joined(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()


def _is_misspelling(given: str, name: str) -> bool:
    if _joined(given) == _joined(name):
        return True
    given_words, words = given.lower().split("_"), name.lower().split("_")
    if len(given_words) != len(words):
        return _distance(_joined(given), _joined(name)) <= 1 and len(name) > 5
    return all(_distance(ours, theirs) <= _slips(theirs) for ours, theirs in zip(given_words, words))


def _slips(word: str) -> int:
    """How many letters of a word may be wrong."""
    return 0 if len(word) < 3 else 1 if len(word) < 8 else 2


def _distance(first: str, second: str) -> int:
    """How many letters are missing, too many, wrong, or swapped with the next."""
    rows = [list(range(len(second) + 1))]
    for i, letter in enumerate(first, 1):
        row = [i]
        for j, other in enumerate(second, 1):
            cost = min(rows[i - 1][j] + 1, row[j - 1] + 1, rows[i - 1][j - 1] + (letter != other))
            if i > 1 and j > 1 and (letter, first[i - 2]) == (second[j - 2], other):
                cost = min(cost, rows[i - 2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]
