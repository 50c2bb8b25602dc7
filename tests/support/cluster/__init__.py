"""A kind cluster for the end-to-end tests, on machines with and without an image registry."""
