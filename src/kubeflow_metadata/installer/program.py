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
    return f"{typed()} {arguments}"


def typed(line: Sequence[str] | None = None) -> str:
    """Returns how this program was called, without its arguments.

    Args:
        line: the words of the command line that Python was started with; by default this process's.
    """
    words = list(sys.orig_argv if line is None else line)
    if "-m" in words:
        end = words.index("-m") + 2
        if words[end - 1 : end] and words[end - 1] in _MODULES:
            return shlex.join(words[:end])
    script = next((word for word in words[1:2] if Path(word).name == NAME), "")
    # The kernel hands on the whole path of a script that was found on the PATH.
    return shlex.quote(script) if script and shutil.which(NAME) != script else NAME
