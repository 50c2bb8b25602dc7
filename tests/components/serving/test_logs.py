"""Log lines are short, whatever clients send."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

LOGGING = """
import logging, structlog
from kubeflow_metadata.serving.logs import configure_logs
configure_logs("{format}", "info")
structlog.get_logger("ours").info("request", path="/" + "p" * 60_000, status=200)
logging.getLogger("theirs").warning("odd: %s", "x" * 60_000)
try:
    raise ValueError("y" * 60_000)
except ValueError:
    structlog.get_logger("ours").exception("failed")
"""


@pytest.mark.parametrize("form", ["text", "json"])
def test_long_values_are_cut(form):
    done = subprocess.run(
        [sys.executable, "-c", LOGGING.format(format=form)], capture_output=True, text=True, timeout=60, check=True
    )
    first, second, *rest = done.stderr.splitlines()
    assert "(60001 characters)" in first
    assert max(len(first), len(second)) < 1000
    if form == "json":
        assert json.loads(first)["status"] == 200
    # A traceback is whole: it is what an operator looks for.
    assert "ValueError" in "\n".join(rest)
