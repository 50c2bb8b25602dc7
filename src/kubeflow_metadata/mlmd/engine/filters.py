"""Which nodes a query selects, as parts of SQL."""

from __future__ import annotations

from dataclasses import dataclass

from kubeflow_metadata.mlmd.db.values import SqlValue


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
        """Returns this filter with one more condition."""
        conditions = " AND ".join(part for part in (condition, self.condition) if part)
        return Filter(self.joins, self.join_params, conditions, (*params, *self.params), self.repeats)
