"""From settings to the kustomize overlay that installs them: base, components, and patches for the rest."""
