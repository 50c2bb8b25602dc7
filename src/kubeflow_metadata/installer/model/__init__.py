"""Every setting of an installation on a cluster, described once.

From it come the chart's ``values.yaml`` and schema, the reference page, and the overlay that ``render`` writes.
"""
