"""Serves the Artifact Store: its built files, and a proxy to the REST backend beside them."""
