"""What SQL of the engine says differently from database to database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kubeflow_metadata.mlmd.db.values import SqlValue


@dataclass(frozen=True)
class Dialect:
    """One database's words.

    Attributes:
        refuse_double: says why the database could not give a double back unchanged; None if it can.
        booleans: what is bound to a boolean column for False and for True.
        for_update: ends a query whose rows this transaction is about to change, so that nobody else changes them.
        for_share: ends a query whose rows must stay as they are until this transaction ends.
        limits_recursion: a recursive query may have a LIMIT that ends it.
        returning: ends an INSERT that answers with the new ids; empty where only the driver tells the first one.
        path_order: orders the rows of ``EventPath``, which has no key, as they were stored; empty where only a scan
            can, which keeps that order.
        index_hint: names the index of a table ``{alias}`` to use; empty if the planner finds it by itself.
    """

    refuse_double: Callable[[float], str | None]
    booleans: tuple[SqlValue, SqlValue] = (0, 1)
    for_update: str = ""
    for_share: str = ""
    limits_recursion: bool = True
    returning: str = ""
    path_order: str = ""
    index_hint: str = ""

    def use_index(self, alias: str, index: str) -> str:
        """Returns what follows SELECT for a table to be read by this index, with a space after it."""
        return self.index_hint.format(alias=alias, index=index)
