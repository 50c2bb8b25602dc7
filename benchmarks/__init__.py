"""How fast the MLMD server is beside the official one: ratios of calls per second, measured in one run."""
