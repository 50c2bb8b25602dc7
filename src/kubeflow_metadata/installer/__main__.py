"""``python -m kubeflow_metadata.installer``: the command ``kubeflow-metadata`` where it is not on the PATH."""

from __future__ import annotations

from kubeflow_metadata.installer.cli.main import main

if __name__ == "__main__":
    main()
