"""Running the engines' programs, and reading the objects that they print."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import yaml

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster.port import Object

# The parser in C, where PyYAML has it, is ten times as fast.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def run(command: Sequence[str | Path]) -> str:
    """Returns what a command prints.

    Raises:
        UserError: it failed; with what it said.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"{Path(command[0]).name} {command[1]} failed.", details=done.stderr.strip())
    return done.stdout


def documents(text: str) -> list[Object]:
    """Returns the objects of a stream of YAML documents."""
    return [document for document in yaml.load_all(text, Loader=_LOADER) if document]
