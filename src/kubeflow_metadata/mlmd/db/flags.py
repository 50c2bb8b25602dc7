"""What a kind of database says on the command line and in the official server's configuration file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kubeflow_metadata.mlmd.db.base import DatabaseSettings
from kubeflow_metadata.mlmd.errors import ConfigurationError

if TYPE_CHECKING:
    from kubeflow_metadata.proto import metadata_store_pb2 as pb

FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
PORT = click.IntRange(0, 65535)

# As the official server's switches: --flag, --flag=true or --flag=false.
SWITCH: dict[str, Any] = {
    "type": bool,
    "is_flag": False,
    "flag_value": "true",
    "default": False,
    "metavar": "[true|false]",
}


@dataclass(frozen=True)
class Flags:
    """One kind of database.

    Attributes:
        kind: its value of ``--metadata_source_config_type``, and its field of ``ConnectionConfig``.
        title: what messages call it.
        example: the flags to type.
        names: flags of which one at least is given where this kind is meant.
        options: all of its flags, as click's decorators.
        settings: checks and combines the flags; raises ConfigurationError.
        read_config: returns the flags that say the same as ``ConnectionConfig``.
    """

    kind: str
    title: str
    example: str
    names: tuple[str, ...]
    options: tuple[Callable[[Any], Any], ...]
    settings: Callable[[Mapping[str, Any]], DatabaseSettings]
    read_config: Callable[[pb.ConnectionConfig], dict[str, Any]]

    def are_given(self, flags: Mapping[str, Any]) -> bool:
        """Returns whether the flags describe a database of this kind."""
        return any(flags[name] is not None for name in self.names)


def require_file(flag: str, path: Path | None) -> None:
    """Raises ConfigurationError if a file that is named cannot be read."""
    if path is None:
        return
    try:
        path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"Cannot read {flag}={path}: {error.strerror}") from error
