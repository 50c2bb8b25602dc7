"""The kinds of database that this server knows: one line each."""

from __future__ import annotations

from kubeflow_metadata.mlmd.db.flags import Flags
from kubeflow_metadata.mlmd.db.mysql.flags import FLAGS as MYSQL
from kubeflow_metadata.mlmd.db.sqlite.flags import FLAGS as SQLITE

KINDS: tuple[Flags, ...] = (SQLITE, MYSQL)
