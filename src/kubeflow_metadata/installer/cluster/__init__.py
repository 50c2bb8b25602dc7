"""An installation on a Kubernetes cluster."""
