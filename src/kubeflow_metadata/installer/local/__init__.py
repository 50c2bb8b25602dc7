"""Laptop mode: the three servers as processes of this machine over SQLite, without cluster or containers."""
