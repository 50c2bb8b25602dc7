"""The smoke test of an installation, on a laptop or in a cluster: log the demo, read it back through every server."""
