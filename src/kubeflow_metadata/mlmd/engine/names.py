"""How long what nodes and types are looked up by may be."""

from __future__ import annotations

from kubeflow_metadata.mlmd.errors import InvalidArgumentError

# In characters. Databases have shorter limits, SQLite apart; nobody means a longer one.
MAX_LENGTH = 65_535


def check_length(what: str, name: str) -> None:
    """Raises InvalidArgumentError for a name that no node or type can have."""
    if len(name) > MAX_LENGTH:
        raise InvalidArgumentError(f"The {what} has {len(name)} characters; at most {MAX_LENGTH} are allowed.")
