"""MySQL 8.0 to 9.7, and what speaks its protocol: connections, statements, failures and the tables.

``database`` is what the rest of the server uses; ``driver`` is the only module that knows the drivers' names.
"""
