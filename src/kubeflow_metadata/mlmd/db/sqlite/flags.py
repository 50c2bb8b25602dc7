"""SQLite's flags, named as the official server's, and its part of that server's configuration file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kubeflow_metadata.mlmd.db.flags import FILE, Flags
from kubeflow_metadata.mlmd.db.sqlite.settings import SqliteSettings
from kubeflow_metadata.mlmd.errors import ConfigurationError

if TYPE_CHECKING:
    from kubeflow_metadata.proto import metadata_store_pb2 as pb


def _settings(flags: Mapping[str, Any]) -> SqliteSettings:
    if flags["sqlite_config_filename_uri"] is None:
        raise ConfigurationError("SQLite requires a file: --sqlite_config_filename_uri=metadata.db")
    return SqliteSettings(flags["sqlite_config_filename_uri"])


def _read(config: pb.ConnectionConfig) -> dict[str, Any]:
    return {"sqlite_config_filename_uri": Path(config.sqlite.filename_uri)}


FLAGS = Flags(
    kind="sqlite",
    title="SQLite",
    example="--sqlite_config_filename_uri=metadata.db",
    names=("sqlite_config_filename_uri",),
    options=(
        click.option(
            "--sqlite_config_filename_uri",
            type=FILE,
            metavar="FILE",
            help="SQLite database file, created if missing.",
        ),
    ),
    settings=_settings,
    read_config=_read,
)
