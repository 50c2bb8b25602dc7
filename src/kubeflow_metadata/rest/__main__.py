"""``python -m kubeflow_metadata.rest``."""

from __future__ import annotations

from kubeflow_metadata.rest.cli import main

if __name__ == "__main__":
    main(prog_name="python -m kubeflow_metadata.rest")
