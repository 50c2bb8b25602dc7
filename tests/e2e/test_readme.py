"""README's way to a cluster, typed as it is printed, in a fresh clone."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.checkout import ROOT
from tests.support.cluster.locks import Lock

MARK = "<!-- Run as printed by tests/e2e/test_readme.py -->"
SECONDS = 900


@pytest.fixture
def clone(tmp_path: Path, among_others: Lock) -> Iterator[Path]:
    """A clone of what is committed, whose cluster is deleted in the end."""
    del among_others
    folder = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", ROOT, folder], check=True)
    yield folder
    subprocess.run(["make", "--silent", "kind-down"], cwd=folder, check=True, capture_output=True)


@pytest.mark.skipif("E2E_CONTEXT" in os.environ, reason="makes a kind cluster of its own: unset E2E_CONTEXT")
@pytest.mark.timeout(SECONDS)
def test_the_printed_lines_install_on_a_new_cluster(clone: Path) -> None:
    _, _, after = (clone / "README.md").read_text().partition(f"{MARK}\n```sh\n")
    lines = after.partition("```")[0]
    assert "kubeflow-metadata up" in lines

    environment = {name: value for name, value in os.environ.items() if name not in {"KUBECONFIG", "VIRTUAL_ENV"}}
    typed = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", lines],
        cwd=clone,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )

    assert typed.returncode == 0, typed.stdout + typed.stderr
    assert "Kubeflow Metadata is up" in typed.stdout
