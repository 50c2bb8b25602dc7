"""``python -m kubeflow_metadata.ui``."""

from __future__ import annotations

from kubeflow_metadata.ui.cli import main

if __name__ == "__main__":
    main(prog_name="python -m kubeflow_metadata.ui")
