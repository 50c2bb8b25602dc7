"""`python -m kubeflow_metadata.rest`."""

from kubeflow_metadata.rest.cli import main

if __name__ == "__main__":
    main()
