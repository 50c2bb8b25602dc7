"""The container images: built, loaded into kind, pushed to the user's registry."""
