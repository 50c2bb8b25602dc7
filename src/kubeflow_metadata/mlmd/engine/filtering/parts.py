"""The parts that a query's SQL is put together from, and the rules of how they go together."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from lark import Token
from lark.tree import Meta

from kubeflow_metadata.mlmd.db.values import SqlValue
from kubeflow_metadata.mlmd.engine.filtering.columns import Column, ValueType
from kubeflow_metadata.mlmd.engine.filtering.parsing import QueryError

# How deep operators may be nested (parentheses do not count): databases have such limits, too, and less clear words
# for them.
MAX_DEPTH = 40

# How much of a name an error shows.
_SHOWN = 60


@dataclass(frozen=True)
class Part:
    """A part of the query as SQL.

    Attributes:
        sql: one operand; parenthesised where it has operators.
        params: the values it binds.
        type: what it gives.
        at: where it is in the query.
        depth: how deep its operators are nested.
        column: the attribute, if it is just that.
        complaint: for a name that is no attribute, what to say unless it turns out to be a value's name.
    """

    sql: str
    params: tuple[SqlValue, ...]
    type: ValueType
    at: int
    depth: int = 0
    column: Column | None = None
    complaint: str = ""


def combined(meta: Meta, sql: str, operands: Sequence[Part], result: ValueType, levels: int = 1) -> Part:
    """Returns what an operator makes of its operands; ``levels`` deeper than the deepest of them."""
    depth = max(part.depth for part in operands) + levels
    if depth > MAX_DEPTH:
        raise QueryError(f"operators are nested deeper than {MAX_DEPTH} levels", meta.start_pos)
    return Part(sql, tuple(chain.from_iterable(part.params for part in operands)), result, meta.start_pos, depth)


def column_part(meta: Meta, sql: str, column: Column) -> Part:
    return Part(sql, (), column.type, meta.start_pos, column=column)


def logic(operator: str, meta: Meta, parts: Sequence[Part]) -> Part:
    for part in parts:
        require(part, ValueType.BOOLEAN, operator)
    # Nested in halves: databases nest a flat chain one by one, and have limits on how deep that may get.
    sql = _in_halves(operator, [part.sql for part in parts])
    return combined(meta, sql, parts, ValueType.BOOLEAN, levels=(len(parts) - 1).bit_length())


def _in_halves(operator: str, operands: Sequence[str]) -> str:
    if len(operands) == 1:
        return operands[0]
    middle = len(operands) // 2
    return f"({_in_halves(operator, operands[:middle])} {operator} {_in_halves(operator, operands[middle:])})"


def like(text: Part, negation: str, pattern: Part) -> tuple[str, list[Part]]:
    """Makes LIKE, in which letters match in either case and a backslash takes the meaning from the wildcard after it.

    Both sides are in lower case because some databases, or collations of theirs, tell the cases apart.
    """
    if pattern.sql == "?" and "\\" in str(pattern.params[0]):
        given = str(pattern.params[0]).replace("!", "!!")
        escaped = replace(pattern, params=(re.sub(r"\\(.)", _escape_wildcard, given, flags=re.DOTALL),))
        return f"(LOWER({text.sql}) {negation}LIKE LOWER(?) ESCAPE '!')", [text, escaped]
    return f"(LOWER({text.sql}) {negation}LIKE LOWER({pattern.sql}))", [text, pattern]


def _escape_wildcard(match: re.Match[str]) -> str:
    return f"!{match[1]}" if match[1] in "%_" else match[1]


def or_unset(compared: Part, value: Part, *, negated: bool) -> Part:
    """Adds that a state that is not set differs from every name of a state."""
    if negated and value.column is not None and value.column.value_names is not None:
        return replace(compared, sql=f"({compared.sql} OR {value.sql} IS NULL)")
    return compared


def with_value_of_name(part: Part, other: Part) -> Part:
    """Returns a name that is compared with ``other`` as the value it stands for, such as LIVE beside ``state``."""
    if part.type is not ValueType.WORD or other.column is None or other.column.value_names is None:
        return part
    known = other.column.value_names.values_by_name
    if part.sql not in known:
        raise QueryError(unknown("value", part.sql, known), part.at)
    return replace(part, sql="?", params=(known[part.sql].number,), type=ValueType.INTEGER)


def negation(negated: Token | None) -> str:
    return "NOT " if negated is not None else ""


def common_type(parts: Sequence[Part]) -> ValueType:
    return ValueType.DOUBLE if any(part.type is ValueType.DOUBLE for part in parts) else parts[0].type


def require(part: Part, wanted: ValueType, operator: str) -> None:
    fail_on_word(part)
    if part.type is not wanted:
        raise QueryError(f"{operator} needs {wanted.value}, not {part.type.value}", part.at)


def require_number(part: Part, operator: str) -> None:
    fail_on_word(part)
    if not part.type.is_number:
        raise QueryError(f"{operator} needs a number, not {part.type.value}", part.at)


def require_comparable(parts: Sequence[Part], operator: str) -> None:
    for part in parts:
        fail_on_word(part)
        if part.type is ValueType.NULL:
            raise QueryError("NULL can only be tested with IS NULL", part.at)
    first = parts[0]
    for part in parts[1:]:
        if part.type is not first.type and not (part.type.is_number and first.type.is_number):
            raise QueryError(f"{operator} cannot compare {first.type.value} with {part.type.value}", part.at)


def fail_on_word(part: Part) -> None:
    """Raises QueryError if a name is neither an attribute nor beside one that has such values."""
    if part.type is ValueType.WORD:
        raise QueryError(part.complaint, part.at)


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    choices = list(known)
    close = difflib.get_close_matches(name, choices, n=1)
    hint = f"did you mean {close[0]}?" if close else f"expected one of {', '.join(choices)}"
    shown = name if len(name) <= _SHOWN else f"{name[:_SHOWN]}..."
    return f"unknown {what} {str(shown)!r}; {hint}"
