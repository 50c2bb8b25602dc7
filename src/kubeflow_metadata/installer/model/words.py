"""What is said about a value that a setting cannot have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

# By the type of the problem, as pydantic calls it; `value` is what was given, `limit` what it broke.
_SENTENCES: Mapping[str, str] = {
    "bool_type": "{value} is neither true nor false",
    "dict_type": "{value} is not a group of names and values",
    "greater_than_equal": "{value} is less than {limit}",
    "int_type": "{value} is not an integer",
    "less_than_equal": "{value} is more than {limit}",
    "literal_error": "{value} is not one of {limit}",
    "string_too_long": "{value} is longer than {limit} characters",
    "string_type": "{value} is not text",
    "too_long": "{value} is longer than {limit}",
    "too_short": "at least {limit} is needed",
    "tuple_type": "{value} is not a list, such as [a, b]",
}
_LIMITS = ("ge", "le", "expected", "max_length", "min_length")
_LONGEST_VALUE = 80


def about(problem: Mapping[str, Any], names_in: Callable[[str], list[str]]) -> str:
    """Returns a sentence about a problem that pydantic found.

    Args:
        problem: one of ``ValidationError.errors()``.
        names_in: returns the names of the settings in the group at a path.
    """
    path = ".".join(str(step) for step in problem["loc"])
    if problem["type"] in {"model_type", "model_attributes_type"}:
        names = sorted(names_in(path))
        return f"{path}: {_shown(problem['input'])} is not a group of settings. Settings here: {', '.join(names)}."
    sentence = _SENTENCES.get(problem["type"])
    if sentence is None:
        said = str(problem["msg"]).removeprefix("Value error, ")
    else:
        context = problem.get("ctx") or {}
        limit = next((context[name] for name in _LIMITS if name in context), "")
        said = sentence.format(value=_shown(problem["input"]), limit=limit)
    return f"{path}: {said}" if path else said


def _shown(value: Any) -> str:
    """Returns a value as a file of settings has it."""
    if isinstance(value, bool):
        return str(value).lower()
    shown = "nothing" if value is None else repr(value)
    return shown if len(shown) <= _LONGEST_VALUE else f"{shown[:_LONGEST_VALUE]}..."
