"""What the user typed to run this program, so that hints can be typed as they are shown."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

NAME = "kubeflow-metadata"
_MODULES = ("installer", "kubeflow_metadata.installer")


def command(arguments: str) -> str:
    """Returns the command line that runs this program with other arguments, such as ``up --local``."""
    return f"{_typed(sys.orig_argv)} {arguments}"


def _typed(line: Sequence[str]) -> str:
    for module in _MODULES:
        if "-m" in line and line[line.index("-m") + 1 :][:1] == [module]:
            return shlex.join(line[: line.index("-m") + 2])
    script = next((word for word in line[1:2] if Path(word).name == NAME), "")
    # The kernel hands on the whole path of a script that was found on the PATH.
    return shlex.quote(script) if script and shutil.which(NAME) != script else NAME
