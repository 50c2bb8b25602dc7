"""``python -m installer`` in a checkout: leads to ``kubeflow_metadata.installer`` below ``src/``.

Not in the wheel, where ``installer`` would be the import name of another project. A regular package, so that it wins
over one of that name in site-packages.
"""
