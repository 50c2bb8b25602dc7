"""Refuses to build a distribution without the page of the Artifact Store, which Git does not hold."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PAGE = "src/kubeflow_metadata/ui/static/index.html"


class PageHook(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        # An editable install takes the page from the checkout, once it is built.
        if version != "editable" and not (Path(self.root) / PAGE).is_file():
            sys.exit(f"The page of the Artifact Store is not built: {PAGE} is missing. Run: make ui")
