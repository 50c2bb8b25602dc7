"""Where the end-to-end cluster keeps its things.

What is expensive to make lives in the user's cache folder: a fresh clone on the same machine starts warm.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from tests.support.checkout import ROOT

STAND_INS = Path(__file__).resolve().parent / "stand_ins"
COMMANDS_MODULE = Path(__file__).resolve().parent / "commands"

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kubeflow-metadata"
TOOLS = CACHE / "tools"
ARCHIVES = CACHE / "images"
CLUSTERS = CACHE / "clusters"
ENGINE_DATA = CACHE / "docker"

# Sockets have short paths only, so the engine's run-time files are not below the cache.
ENGINE_RUN = Path("/run") / f"kubeflow-metadata-{hashlib.sha256(str(CACHE).encode()).hexdigest()[:8]}"

# The project's own folder of links to the tools, for people and for `make`.
TOOL_LINKS = ROOT / ".cache" / "bin"
