"""Log what machine-learning workflows read and make, and read it back: ``from kfmd import metadata``."""

from __future__ import annotations

__version__ = "0.1.0"
