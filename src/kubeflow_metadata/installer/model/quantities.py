"""Amounts of CPU and memory, as Kubernetes and MySQL write them, as numbers."""

from __future__ import annotations

from kubeflow_metadata.serving.memory import UNITS

MIB = 2**20
_MYSQL_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}


def millicores(text: str) -> float:
    """Returns an amount of CPU such as ``500m`` or ``2`` in thousandths of a core."""
    return float(text.removesuffix("m")) if text.endswith("m") else float(text) * 1000


def in_bytes(text: str) -> int:
    """Returns an amount of memory such as ``512Mi`` in bytes."""
    return _with_unit(text, UNITS)


def mysql_bytes(text: str) -> int:
    """Returns one of MySQL's sizes such as ``128M`` in bytes."""
    return _with_unit(text, _MYSQL_UNITS)


def _with_unit(text: str, units: dict[str, int]) -> int:
    unit = next((unit for unit in units if text.endswith(unit)), "")
    return int(text.removesuffix(unit)) * units.get(unit, 1)
