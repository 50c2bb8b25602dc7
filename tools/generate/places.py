"""Where generated files are, and what stands at their beginning."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "metadata"
MANIFESTS = ROOT / "manifests" / "metadata"
DOCS = ROOT / "docs"

MADE = "Made by `make generate` from src/kubeflow_metadata/installer/model; change it there."
MADE_FROM_PARTS = (
    "# Made by make generate from src/kubeflow_metadata/parts.py and installer/model/sizes.py; change it there."
)
# The name of the template follows.
MADE_FROM_CHART = "# Made by make generate from charts/metadata/templates/"
