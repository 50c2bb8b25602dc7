"""``python -m kubeflow_metadata.ui``."""

from __future__ import annotations

from kubeflow_metadata.serving import laptop
from kubeflow_metadata.ui.cli import main

if __name__ == "__main__":
    laptop.follow()
    main(prog_name="python -m kubeflow_metadata.ui")
