"""Durations as tables show them: ``5m``."""

from __future__ import annotations

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


def age(seconds: float | None) -> str:
    """Returns a duration in its largest unit; a dash if it is unknown."""
    if seconds is None:
        return "-"
    size, unit = next((each for each in _UNITS if seconds >= each[0]), _UNITS[-1])
    return f"{int(max(0.0, seconds) // size)}{unit}"
