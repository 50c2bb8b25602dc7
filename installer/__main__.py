"""``python -m installer``: the installer of this checkout, installed or not."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_SOURCES = str(Path(__file__).resolve().parent.parent / "src")


def main() -> None:
    """Runs the installer from the sources of this checkout, and so do the processes that it starts."""
    sys.path.insert(0, _SOURCES)
    inherited = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([_SOURCES, inherited] if inherited else [_SOURCES])
    try:
        from kubeflow_metadata.installer.cli.main import main as run
    except ModuleNotFoundError as missing:
        sys.exit(f"The installer needs the Python module {missing.name}, which is not installed. Run: make installer")
    run()


if __name__ == "__main__":
    main()
