"""``python -m kubeflow_metadata.mlmd``."""

from __future__ import annotations

from kubeflow_metadata.mlmd.cli import main
from kubeflow_metadata.serving import laptop

if __name__ == "__main__":
    laptop.follow()
    main(prog_name="python -m kubeflow_metadata.mlmd")
