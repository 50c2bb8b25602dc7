"""The installer: brings Kubeflow Metadata up, shows how it is, checks it and takes it down.

``cli`` only parses; what the verbs do is in plain functions, for a laptop in ``installer.local``. Modules that are
slow to import are imported where they are used, so that ``--help`` answers at once.
"""
