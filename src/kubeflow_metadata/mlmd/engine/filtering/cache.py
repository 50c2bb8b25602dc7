"""Filter queries, compiled once: a request's ``filter_query`` as joins and a condition with bound values.

``grammar.lark`` says what the language is, ``parsing`` reads it, ``columns`` knows what a query may name, and
``compiler`` makes SQL of it. None of a query's text gets into a statement: what it names is looked up, what it
says is bound.
"""

from __future__ import annotations

from functools import lru_cache

from kubeflow_metadata.mlmd.engine.filters import Filter
from kubeflow_metadata.mlmd.engine.kinds import AnyKind


@lru_cache(maxsize=256)
def compiled(kind: AnyKind, query: str) -> Filter:
    """Returns the filter that ``query`` describes; an empty one selects all nodes.

    Raises:
        InvalidArgumentError: it is not a boolean expression over what nodes of this kind have.
    """
    if not query:
        return Filter()
    # Loaded by the first query: a server without any need not have the parser.
    from kubeflow_metadata.mlmd.engine.filtering.compiler import compile_query

    return compile_query(kind, query)
