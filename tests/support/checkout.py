"""Where things are in this checkout."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# What tests and make targets download or build, each named by its content.
CACHE = ROOT / ".cache"

# Scripts that run with a public client, in an environment that has nothing of this project.
CLIENT_SCRIPTS = ROOT / "tests" / "contract" / "clients"
