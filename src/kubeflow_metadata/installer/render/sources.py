"""Where manifests and chart are: in this checkout, or in the installed package."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent
_CHECKOUT = _PACKAGE.parent


def manifests() -> Path:
    """The folder with ``base`` and ``components``."""
    return _first(_CHECKOUT / "manifests" / "metadata", _PACKAGE / "manifests" / "metadata")


def chart() -> Path:
    """The folder of the Helm chart."""
    return _first(_CHECKOUT / "charts" / "metadata", _PACKAGE / "charts" / "metadata")


def are_of_a_checkout() -> bool:
    """Whether the manifests lie in a checkout, which an overlay may refer to."""
    return manifests().is_relative_to(_CHECKOUT / "manifests")


def _first(*places: Path) -> Path:
    return next((place for place in places if place.is_dir()), places[0])
