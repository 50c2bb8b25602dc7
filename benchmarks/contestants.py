"""The servers that are measured."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.databases import Place
from benchmarks.trees import Tree
from tests.support import public_clients
from tests.support.official_library import plugins

OFFICIAL, REUSED, OURS = "official", "official, reused", "ours"


@dataclass(frozen=True)
class Contestant:
    """A server to measure: how it is started on a port over a database."""

    name: str
    command: Callable[[int, Place], list[str]]
    environment: dict[str, str] = field(repr=False)


def ours(tree: Tree, name: str = OURS) -> Contestant:
    """Returns our server, of this checkout or of an older commit."""
    return Contestant(
        name, lambda port, place: [*tree.command(), f"--grpc_port={port}", *place.flags], tree.environment()
    )


def official(*, reused: bool) -> Contestant:
    """Returns the official library behind gRPC, with a connection for each call or with open stores."""

    def command(port: int, place: Place) -> list[str]:
        python = str(public_clients.python(public_clients.OFFICIAL_PINS, public_clients.OFFICIAL_PYTHONS))
        mode = str(place.processes) if reused else "connect"
        return [python, str(Path(__file__).parent / "official_server.py"), mode, str(port), place.config]

    folder = plugins()
    plugin_folder = {"MARIADB_PLUGIN_DIR": folder} if folder else {}
    return Contestant(REUSED if reused else OFFICIAL, command, {**os.environ, **plugin_folder})
