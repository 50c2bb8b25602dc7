"""Kubernetes' amounts as numbers."""

from __future__ import annotations

_UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def cpu(text: str) -> float:
    """Cores."""
    return int(text[:-1]) / 1000 if text.endswith("m") else float(text)


def memory(text: str) -> int:
    """Bytes."""
    unit = next((unit for unit in _UNITS if text.endswith(unit)), "")
    return int(text.removesuffix(unit)) * _UNITS.get(unit, 1)
