"""Where manifests and chart are: in this checkout, or in the installed package."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent
# src/kubeflow_metadata/installer in a checkout.
_CHECKOUT = _PACKAGE.parents[2]


def manifests() -> Path:
    """Returns the folder with ``base`` and ``components``."""
    return _first(_CHECKOUT / "manifests" / "metadata", _PACKAGE / "manifests" / "metadata")


def chart() -> Path:
    """Returns the folder of the Helm chart."""
    return _first(_CHECKOUT / "charts" / "metadata", _PACKAGE / "charts" / "metadata")


def are_of_a_checkout() -> bool:
    """Returns whether the manifests lie in a checkout, which an overlay may refer to."""
    return manifests().is_relative_to(_CHECKOUT / "manifests")


def _first(*places: Path) -> Path:
    return next((place for place in places if place.is_dir()), places[0])
