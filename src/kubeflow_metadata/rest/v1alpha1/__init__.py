"""``/api/v1alpha1``, wire-compatible with upstream's REST backend."""
