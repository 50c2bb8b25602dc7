"""Reading a query: text to syntax tree, and errors that show where in the text they are.

The parser works through its text in one pass without recursion, so that no nesting, however deep, stops it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import resources

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from kubeflow_metadata.mlmd.errors import InvalidArgumentError

# Longer queries are refused: reading this much takes some tenths of a second.
MAX_LENGTH = 32 * 1024

# How much of the text an error shows on either side of its place.
_SHOWN = 30
# The longest name that an error repeats.
_LONGEST_ADVICE = 200

# What somebody meant as a property or as an attribute of a neighbour, whose name the language cannot read as it stands.
_PROPERTY = re.compile(
    r"\b(?P<prefix>(?:custom_)?properties)\."
    r"(?P<name>(?:(?!properties\.)[^`'\"\n=<>!(),]){1,1000}?(?=\.(?:int|double|string|bool)_value\b)|[^`'\"\s=<>!(),]{1,1000})"
    r"(?P<field>\.(?:int|double|string|bool)_value\b)?"
)
_NEIGHBOUR = re.compile(
    r"\b(?P<neighbour>(?:parent_|child_)?contexts|artifacts|executions|events)_(?P<alias>[^\s`'\"=<>!(),.]{1,1000})\."
)
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_]+")

_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "?": "?"}
_ESCAPE = re.compile(r"\\([0-3][0-7]{2}|[xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)


class QueryError(Exception):
    """Something in a query is wrong; ``at`` is where."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


def parse(query: str) -> Tree[Token]:
    """Returns the syntax tree of a query.

    Raises:
        QueryError: it is too long or not of the language.
    """
    if len(query) > MAX_LENGTH:
        raise QueryError(f"the query has {len(query)} characters; at most {MAX_LENGTH} are allowed", MAX_LENGTH)
    try:
        return _parser().parse(query)
    except UnexpectedCharacters as error:
        at = error.pos_in_stream or 0
        raise _unexpected(query, query[at:], at) from error
    except UnexpectedToken as error:
        if error.token.type == "$END":
            raise QueryError("unexpected end of the query", len(query)) from error
        raise _unexpected(query, error.token, error.token.start_pos or 0) from error
    except UnexpectedInput as error:
        raise QueryError("this cannot be parsed", error.pos_in_stream or 0) from error


def explain(query: str, error: QueryError) -> InvalidArgumentError:
    """Returns the error that a client gets: what is wrong, in which line and column, and a mark under the place."""
    line = query.count("\n", 0, error.at) + 1
    start_of_line = query.rfind("\n", 0, error.at) + 1
    end_of_line = query.find("\n", error.at)
    column = error.at - start_of_line
    text = query[start_of_line : end_of_line if end_of_line >= 0 else len(query)]
    first = max(0, column - _SHOWN)
    shown = text[first : column + _SHOWN].replace("\t", " ")
    mark = " " * (column - first) + "^"
    return InvalidArgumentError(f"Invalid `filter_query`: {error} [at {line}:{column + 1}]\n  {shown}\n  {mark}")


def read_string(token: Token) -> str:
    """Returns the string that a literal says: with escapes, or raw with an ``r`` before it.

    Raises:
        QueryError: an escape is not one of the language.
    """
    literal = str(token)
    raw = literal[0] in "rR"
    body = literal[1:] if raw else literal
    quotes = 3 if body[:3] in ("'''", '"""') and len(body) >= 6 else 1
    text = body[quotes:-quotes]
    if raw:
        return text
    start = (token.start_pos or 0) + quotes
    return _ESCAPE.sub(lambda match: _unescape(match.group(1), start + match.start()), text)


def _unescape(escape: str, at: int) -> str:
    if escape in _ESCAPES:
        return _ESCAPES[escape]
    if escape in "\\'\"`":
        return escape
    if len(escape) > 1:
        code = int(escape, 8) if escape[0].isdigit() else int(escape[1:], 16)
        if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF:
            return chr(code)
    raise QueryError(f"unknown escape \\{escape} in a string", at)


def _unexpected(query: str, text: str, at: int) -> QueryError:
    """Returns the error for a text that does not belong where it is, with what to type if it is part of a name."""
    unexpected = f"unexpected {_cut(text)}"
    return _unreadable_property(query, at, unexpected) or _unreadable_alias(query, at) or QueryError(unexpected, at)


def _unreadable_property(query: str, at: int, unexpected: str) -> QueryError | None:
    found = _around(_PROPERTY, query, at)
    if found is None:
        return None
    name, field = found["name"], found["field"]
    written = name if _PLAIN_NAME.fullmatch(name) else f"`{name}`"
    typed = f"{found['prefix']}.{written}{field or '.string_value'}"
    if len(typed) > _LONGEST_ADVICE:
        typed = f"{found['prefix']}.`...`{field or '.string_value'}"
    if written == name and field:
        return None
    if written == name:
        return QueryError(
            f"{unexpected}: the kind of the property's value is missing; write {typed}, or int_value ...", at
        )
    return QueryError(f"put the name in backquotes: {typed}", found.start("name"))


def _unreadable_alias(query: str, at: int) -> QueryError | None:
    found = _around(_NEIGHBOUR, query, at)
    if found is None or _PLAIN_NAME.fullmatch(found["alias"]):
        return None
    neighbour = found["neighbour"]
    return QueryError(
        f"what follows {neighbour}_ is an alias of your choice, of letters, digits and _: write {neighbour}_a",
        found.start("alias"),
    )


def _around(pattern: re.Pattern[str], query: str, at: int) -> re.Match[str] | None:
    """Returns the match that the place is in, or right behind."""
    return next((match for match in pattern.finditer(query) if match.start() <= at <= match.end()), None)


def _cut(text: str) -> str:
    word = re.match(r"\w+|.", text, re.DOTALL)
    found = word.group() if word else ""
    return repr(found if len(found) <= _SHOWN else f"{found[:_SHOWN]}...")


@lru_cache(maxsize=1)
def _parser() -> Lark:
    grammar = (
        resources.files("kubeflow_metadata.mlmd.engine.filtering").joinpath("grammar.lark").read_text(encoding="utf-8")
    )
    return Lark(grammar, parser="lalr", propagate_positions=True)
