"""How large JSON is, before it is parsed: a body of a few megabytes can hold millions of values."""

from __future__ import annotations

import re

_STRING = re.compile(r'"[^"]*"?')
_BRACKET = re.compile(r"[\[\]{}]")
# Of a member whose value is a string.
_QUOTES_PER_VALUE = 4


def excess_of(text: str, max_depth: int, max_values: int) -> str:
    """Returns what there is too much of, in words; empty if the text is within its bounds.

    Args:
        text: what is going to be parsed as JSON; need not be valid.
        max_depth: how many objects and arrays may enclose a value.
        max_values: how many values there may be, objects and arrays included.
    """
    brackets = text.count("{") + text.count("[")
    if brackets <= max_depth and 1 + text.count(",") + brackets <= max_values:
        return ""
    # What strings hold does not count. Without escapes, quotes come in pairs; outside of strings there are no escapes.
    unescaped = text.replace("\\\\", "").replace('\\"', "")
    if unescaped.count('"') > _QUOTES_PER_VALUE * max_values:
        return _too_many(max_values)
    structure = _STRING.sub("", unescaped)
    depth = 0
    for number, match in enumerate(_BRACKET.finditer(structure)):
        if match.group() in "{[":
            depth += 1
            if depth > max_depth:
                return f"nested deeper than {max_depth} levels"
        else:
            depth -= 1
            if depth == 0:
                # Only the first value is read.
                break
        if number > 2 * max_values:
            return _too_many(max_values)
    values = 1 + structure.count(",") + structure.count("{") + structure.count("[")
    return _too_many(max_values) if values > max_values else ""


def _too_many(max_values: int) -> str:
    return f"more than {max_values} values (--max_json_values)"
