"""What every database of schema version 10 holds from its first moment."""

from __future__ import annotations

import enum

SCHEMA_VERSION = 10

# Type.type_kind
EXECUTION_TYPE, ARTIFACT_TYPE, CONTEXT_TYPE = 0, 1, 2

# The built-in types that a type may name as its base, in the order in which the official library makes them.
BUILT_IN_TYPES = (
    ("mlmd.Dataset", ARTIFACT_TYPE),
    ("mlmd.Model", ARTIFACT_TYPE),
    ("mlmd.Metrics", ARTIFACT_TYPE),
    ("mlmd.Statistics", ARTIFACT_TYPE),
    ("mlmd.Train", EXECUTION_TYPE),
    ("mlmd.Transform", EXECUTION_TYPE),
    ("mlmd.Process", EXECUTION_TYPE),
    ("mlmd.Evaluate", EXECUTION_TYPE),
    ("mlmd.Deploy", EXECUTION_TYPE),
)


class TextEncoding(enum.Enum):
    """How text lies in the tables; ``kfm_store`` records it.

    The official server says to MySQL that it sends Latin-1 while it sends UTF-8, so that each of its bytes is
    converted.
    """

    UTF8 = "utf8mb4"
    DOUBLE = "latin1"


def refuse_version(version: int, where: str) -> str:
    """Returns what to do about a database of another version; ``where`` names the database."""
    if version > SCHEMA_VERSION:
        return (
            f"{where} has schema version {version}; this server supports version {SCHEMA_VERSION}. "
            f"It was written by a newer ml-metadata: use a newer release of this server."
        )
    return (
        f"{where} has schema version {version}; this server needs version {SCHEMA_VERSION} and does not upgrade "
        f"databases yet. Upgrade a copy of it with ml-metadata 1.17 and --enable_database_upgrade, then start again."
    )
