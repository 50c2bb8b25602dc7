"""Filters: a request's ``filter_query`` as joins and a condition with bound values.

``grammar.lark`` says what the language is, ``parsing`` reads it, ``columns`` knows what a query may name, and
``compiler`` makes SQL of it. None of a query's text gets into a statement: what it names is looked up, what it
says is bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from kubeflow_metadata.mlmd.db.base import SqlValue
from kubeflow_metadata.mlmd.engine.kinds import NodeKind


@dataclass(frozen=True)
class Filter:
    """Which nodes ``n`` to select.

    Attributes:
        joins: what to join to ``n``; empty or starting with a space.
        join_params: the values that ``joins`` binds.
        condition: what must be true of a row; empty for all.
        params: the values that ``condition`` binds.
        repeats: the joins may give a node more than one row.
    """

    joins: str = ""
    join_params: tuple[SqlValue, ...] = ()
    condition: str = ""
    params: tuple[SqlValue, ...] = ()
    repeats: bool = False

    def where(self, condition: str, params: tuple[SqlValue, ...]) -> Filter:
        """This filter and one more condition."""
        conditions = " AND ".join(part for part in (condition, self.condition) if part)
        return Filter(self.joins, self.join_params, conditions, (*params, *self.params), self.repeats)


@lru_cache(maxsize=256)
def compiled(kind: NodeKind, query: str) -> Filter:
    """The filter that ``query`` describes; an empty one selects all nodes.

    Raises:
        InvalidArgumentError: it is not a boolean expression over what nodes of this kind have.
    """
    if not query:
        return Filter()
    # Loaded by the first query: a server without any need not have the parser.
    from kubeflow_metadata.mlmd.engine.filtering.compiler import compile_query

    return compile_query(kind, query)
