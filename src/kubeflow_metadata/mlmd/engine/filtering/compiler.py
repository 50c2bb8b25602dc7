"""Making SQL of a query: each part of the syntax tree becomes SQL with bound values and a type, from the leaves up.

As the official library does it, whatever a query names is joined to the node: a node is selected if there is a row
of all that for which the expression is true.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from lark import Token
from lark.exceptions import VisitError
from lark.tree import Meta
from lark.visitors import Transformer_NonRecursive, v_args

from kubeflow_metadata.mlmd.db.values import SqlValue
from kubeflow_metadata.mlmd.engine.filtering.columns import (
    ATTRIBUTES,
    NEIGHBOURS,
    PROPERTY_VALUES,
    Column,
    Neighbour,
    ValueType,
)
from kubeflow_metadata.mlmd.engine.filtering.parsing import QueryError, explain, parse, read_string
from kubeflow_metadata.mlmd.engine.filtering.parts import (
    Part,
    column_part,
    combined,
    common_type,
    fail_on_word,
    like,
    logic,
    negation,
    or_unset,
    require,
    require_comparable,
    require_number,
    unknown,
    with_value_of_name,
)
from kubeflow_metadata.mlmd.engine.filters import Filter
from kubeflow_metadata.mlmd.engine.kinds import AnyKind

# How many tables a query may join: databases have such limits, too, and less clear words for them.
MAX_JOINS = 16

_MAX_DIGITS = 40
_TEXT_FUNCTIONS = ("LOWER", "UPPER")
_NULL_FUNCTIONS = ("COALESCE", "IFNULL")
_ARGUMENTS = {"LOWER": (1, 1), "UPPER": (1, 1), "COALESCE": (2, 16), "IFNULL": (2, 2)}


def compile_query(kind: AnyKind, query: str) -> Filter:
    """Returns the filter that a query describes.

    Raises:
        InvalidArgumentError: it is malformed, names what nodes of this kind do not have, or compares what cannot be.
    """
    try:
        compiler = _Compiler(kind)
        condition = compiler.condition(query)
        return Filter(
            joins="".join(compiler.joins),
            join_params=tuple(compiler.join_params),
            condition=condition.sql,
            params=tuple(_bindable(value) for value in condition.params),
            repeats=compiler.repeats,
        )
    except QueryError as error:
        raise explain(query, error) from error


@v_args(meta=True)
class _Compiler(Transformer_NonRecursive[Token, Part]):
    """One method for each rule of the grammar."""

    def __init__(self, kind: AnyKind) -> None:
        super().__init__()
        self._kind = kind
        self._aliases: dict[tuple[str, ...], str] = {}
        self.joins: list[str] = []
        self.join_params: list[SqlValue] = []
        self.repeats = False

    def condition(self, query: str) -> Part:
        tree = parse(query)
        try:
            return self.transform(tree)
        except VisitError as error:
            raise error.orig_exc from error

    def start(self, _: Meta, parts: list[Part]) -> Part:
        (part,) = parts
        if part.type is not ValueType.BOOLEAN:
            fail_on_word(part)
            raise QueryError(f"the query must be a condition, not {part.type.value}", part.at)
        return part

    # Boolean logic

    def disjunction(self, meta: Meta, parts: list[Part]) -> Part:
        return logic("OR", meta, parts)

    def conjunction(self, meta: Meta, parts: list[Part]) -> Part:
        return logic("AND", meta, parts)

    def negation(self, meta: Meta, parts: list[Part]) -> Part:
        (part,) = parts
        require(part, ValueType.BOOLEAN, "NOT")
        return combined(meta, f"(NOT {part.sql})", parts, ValueType.BOOLEAN)

    # Predicates

    def comparison(self, meta: Meta, children: list[Any]) -> Part:
        left, operator, right = children
        left, right = with_value_of_name(left, right), with_value_of_name(right, left)
        require_comparable([left, right], str(operator))
        operator = "<>" if operator == "!=" else str(operator)
        compared = combined(meta, f"({left.sql} {operator} {right.sql})", [left, right], ValueType.BOOLEAN)
        return or_unset(compared, left, negated=operator == "<>")

    def like(self, meta: Meta, children: list[Any]) -> Part:
        text, negated, pattern = children
        for part in (text, pattern):
            require(part, ValueType.STRING, "LIKE")
        return combined(meta, *like(text, negation(negated), pattern), ValueType.BOOLEAN)

    def between(self, meta: Meta, children: list[Any]) -> Part:
        value, negated, low, high = children
        parts = [value, with_value_of_name(low, value), with_value_of_name(high, value)]
        require_comparable(parts, "BETWEEN")
        sql = f"({value.sql} {negation(negated)}BETWEEN {parts[1].sql} AND {parts[2].sql})"
        return combined(meta, sql, parts, ValueType.BOOLEAN)

    def in_list(self, meta: Meta, children: list[Any]) -> Part:
        value, negated, *given = children
        listed = [with_value_of_name(part, value) for part in given]
        require_comparable([value, *listed], "IN")
        sql = f"({value.sql} {negation(negated)}IN ({', '.join(part.sql for part in listed)}))"
        return or_unset(combined(meta, sql, [value, *listed], ValueType.BOOLEAN), value, negated=negated is not None)

    def is_test(self, meta: Meta, children: list[Any]) -> Part:
        part, negated, wanted = children
        fail_on_word(part)
        if wanted.type != "NULL":
            require(part, ValueType.BOOLEAN, f"IS {wanted.upper()}")
        sql = f"({part.sql} IS {negation(negated)}{wanted.type})"
        return combined(meta, sql, [part], ValueType.BOOLEAN)

    # Arithmetic

    def arithmetic(self, meta: Meta, children: list[Any]) -> Part:
        parts, operators = children[::2], [str(operator) for operator in children[1::2]]
        for part in parts:
            require_number(part, operators[0])
        sql = parts[0].sql
        for operator, part in zip(operators, parts[1:], strict=True):
            if operator == "/":  # never the division of integers, which each database does in its own way
                sql = f"({sql} + 0e0)"
            sql = f"({sql} {operator} {part.sql})"
        result = ValueType.DOUBLE if "/" in operators else common_type(parts)
        return combined(meta, sql, parts, result, levels=len(operators))

    def signed(self, meta: Meta, children: list[Any]) -> Part:
        sign: Token = children[0]
        part: Part = children[1]
        require_number(part, str(sign))
        if sign == "+":
            return part
        if part.sql == "?":
            return replace(part, params=(-cast("int | float", part.params[0]),), at=meta.start_pos)
        return combined(meta, f"(- {part.sql})", [part], part.type)

    def call(self, meta: Meta, children: list[Any]) -> Part:
        name, *arguments = children
        function = name.upper()
        if function in _TEXT_FUNCTIONS:
            require(arguments[0], ValueType.STRING, function)
        elif function in _NULL_FUNCTIONS:
            require_comparable(arguments, function)
        else:
            raise QueryError(unknown("function", name, _ARGUMENTS), meta.start_pos)
        fewest, most = _ARGUMENTS[function]
        if not fewest <= len(arguments) <= most:
            raise QueryError(f"{function} takes {fewest} to {most} arguments, not {len(arguments)}", meta.start_pos)
        # COALESCE does what IFNULL does, in every database.
        function = "COALESCE" if function in _NULL_FUNCTIONS else function
        sql = f"{function}({', '.join(part.sql for part in arguments)})"
        return combined(meta, sql, arguments, common_type(arguments))

    # Names

    def name(self, meta: Meta, children: list[Token]) -> Part:
        word = str(children[0])
        if word.lower() in ATTRIBUTES[self._kind]:
            return self._attribute(meta, word)
        complaint = unknown("attribute", word, ATTRIBUTES[self._kind])
        return Part(word, (), ValueType.WORD, meta.start_pos, complaint=complaint)

    def quoted_name(self, meta: Meta, children: list[Token]) -> Part:
        return self._attribute(meta, children[0][1:-1])

    def _attribute(self, meta: Meta, name: str) -> Part:
        return self._column(meta, self._kind, ATTRIBUTES[self._kind], "n", name)

    def property(self, meta: Meta, children: list[Token]) -> Part:
        prefix, _, rest = children[0].partition(".")
        name, _, field = rest.rpartition(".")
        name = name[1:-1] if name.startswith("`") else name
        if field not in PROPERTY_VALUES:
            raise QueryError(unknown("kind of value", field, PROPERTY_VALUES), meta.end_pos - len(field))
        kind, custom = self._kind, "TRUE" if prefix == "custom_properties" else "FALSE"
        alias = self._join(
            meta,
            (prefix, name),
            lambda a: (
                f" JOIN {kind.property_table} {a} ON {a}.{kind.id_column} = n.id"
                f" AND {a}.name = ? AND {a}.is_custom_property = {custom}"
            ),
            name,
        )
        return column_part(meta, f"{alias}.{field}", PROPERTY_VALUES[field])

    def neighbour(self, meta: Meta, children: list[Token]) -> Part:
        mentioned, _, attribute = children[0].partition(".")
        neighbours = NEIGHBOURS[self._kind]
        found = next((name for name in neighbours if mentioned.startswith(f"{name}_")), None)
        if found is None:
            known = ", ".join(f"{name}_..." for name in neighbours)
            raise QueryError(f"{self._kind.name}s have no {mentioned}, only {known}", meta.start_pos)
        neighbour = neighbours[found]
        self.repeats = True
        link = self._join(
            meta, (mentioned,), lambda a: f" JOIN {neighbour.link} {a} ON {a}.{neighbour.own_column} = n.id"
        )
        return self._neighbour_column(meta, neighbour, mentioned, link, attribute)

    def _neighbour_column(self, meta: Meta, neighbour: Neighbour, mentioned: str, link: str, attribute: str) -> Part:
        kind = neighbour.kind
        if kind is None:
            return self._column(meta, self._kind, neighbour.attributes, link, attribute)
        alias = self._join(
            meta, (mentioned, "node"), lambda a: f" JOIN {kind.table} {a} ON {a}.id = {link}.{neighbour.other_column}"
        )
        return self._column(meta, kind, neighbour.attributes, alias, attribute)

    def _column(self, meta: Meta, kind: AnyKind, known: Mapping[str, Column], alias: str, name: str) -> Part:
        column = known.get(name.lower())
        if column is None:
            raise QueryError(unknown("attribute", name, known), meta.end_pos - len(name))
        if name.lower() == "type" and column.type is ValueType.STRING:
            types = self._join(
                meta,
                ("type", alias),
                lambda a: f" JOIN Type {a} ON {a}.id = {alias}.type_id AND {a}.type_kind = {kind.type_kind}",
            )
            return column_part(meta, f"{types}.name", column)
        return column_part(meta, f"{alias}.{name.lower()}", column)

    def _join(self, meta: Meta, key: tuple[str, ...], join: Callable[[str], str], *params: SqlValue) -> str:
        """Returns the alias of what ``key`` names; joins it where it is named for the first time."""
        if key not in self._aliases:
            if len(self._aliases) == MAX_JOINS:
                raise QueryError(f"the query joins more than {MAX_JOINS} tables", meta.start_pos)
            alias = f"j{len(self._aliases) + 1}"
            self._aliases[key] = alias
            self.joins.append(join(alias))
            self.join_params += params
        return self._aliases[key]

    # Literals

    def integer(self, meta: Meta, children: list[Token]) -> Part:
        text = children[0]
        # 2^63 is one too many by itself, but the smallest integer with a minus before it: see ``_bindable``.
        number = int(text, 16 if text[:2] in ("0x", "0X") else 10) if len(text) <= _MAX_DIGITS else math.inf
        if number >= 2**64:
            raise QueryError("the number is too large", meta.start_pos)
        return Part("?", (number,), ValueType.INTEGER, meta.start_pos)

    def float(self, meta: Meta, children: list[Token]) -> Part:
        number = float(children[0])
        if math.isinf(number):
            raise QueryError("the number is too large", meta.start_pos)
        return Part("?", (number,), ValueType.DOUBLE, meta.start_pos)

    def string(self, meta: Meta, children: list[Token]) -> Part:
        return Part("?", (read_string(children[0]),), ValueType.STRING, meta.start_pos)

    def true(self, meta: Meta, _: list[Token]) -> Part:
        return Part("TRUE", (), ValueType.BOOLEAN, meta.start_pos)

    def false(self, meta: Meta, _: list[Token]) -> Part:
        return Part("FALSE", (), ValueType.BOOLEAN, meta.start_pos)

    def null(self, meta: Meta, _: list[Token]) -> Part:
        return Part("NULL", (), ValueType.NULL, meta.start_pos)


def _bindable(value: SqlValue) -> SqlValue:
    """Integers of 64 bits as they are; what is outside of them compares as a double just as well."""
    return float(value) if isinstance(value, int) and not -(2**63) <= value < 2**63 else value
