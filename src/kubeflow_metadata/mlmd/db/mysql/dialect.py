"""MySQL's words."""

from __future__ import annotations

import math
from functools import cache

from kubeflow_metadata.mlmd.db.dialect import Dialect
from kubeflow_metadata.mlmd.db.mysql.capabilities import Capabilities


@cache
def dialect_of(capabilities: Capabilities, path_order: str) -> Dialect:
    """Returns the dialect of a server; ``path_order`` is the column that keeps the order of ``EventPath``, if any."""
    return Dialect(
        refuse_double=_refuse_double,
        for_update=" FOR UPDATE",
        for_share=" LOCK IN SHARE MODE",  # as MariaDB knows it, too
        limits_recursion=capabilities.limits_recursion,
        returning=" RETURNING id" if capabilities.returns_ids else "",
        path_order=path_order,
        # Unless told, it scans the table while its statistics are of the time when that was small.
        index_hint="/*+ JOIN_INDEX({alias} {index}) */ ",
    )


def _refuse_double(value: float) -> str | None:
    return None if math.isfinite(value) else f"MySQL cannot store {value}"
