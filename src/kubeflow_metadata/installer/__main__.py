"""``python -m installer``."""

from kubeflow_metadata.installer.cli import main

if __name__ == "__main__":
    main()
