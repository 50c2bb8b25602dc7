"""What the calls mean: types, nodes (artifacts, executions, contexts), events and the links between them.

Functions take the session they work in first; the transaction is the caller's.
"""
