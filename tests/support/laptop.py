"""The installer as users run it on a laptop."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Installer:
    """``python -m installer ... --local --data-dir DIR``."""

    def __init__(self, data_dir: Path, environment: Mapping[str, str] | None = None) -> None:
        """Uses this data directory, and these environment variables in place of the test's."""
        self.data_dir = data_dir
        self.environment = environment
        self.endpoints: dict[str, str] = {}

    def command(self, verb: str, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "installer", verb, "--local", "--data-dir", str(self.data_dir), *arguments]

    def run(self, verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = self.command(verb, *arguments)
        return subprocess.run(command, capture_output=True, text=True, check=False, env=self.environment)

    def json(self, verb: str, *arguments: str) -> Any:
        done = self.run(verb, *arguments, "-o", "json")
        assert "Traceback" not in done.stderr
        return json.loads(done.stdout)

    def up(self, *arguments: str) -> Any:
        done = self.run("up", *arguments, "-o", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def pids(self) -> dict[str, int]:
        return {server["name"]: server["pid"] for server in self.json("status")["servers"]}
