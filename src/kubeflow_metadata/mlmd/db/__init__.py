"""Databases: statements and transactions of each kind, behind one small interface (``db.base``)."""
