"""Hints repeat the command that the user typed, in a checkout as from an installed package."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kubeflow_metadata.installer import program

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("line", "typed"),
    [
        (["python", "-m", "installer", "up", "-n", "a"], "python -m installer"),
        ([".venv/bin/python", "-m", "installer"], ".venv/bin/python -m installer"),
        (
            ["python3", "-W", "error", "-m", "kubeflow_metadata.installer"],
            "python3 -W error -m kubeflow_metadata.installer",
        ),
        (["/a/python", "bin/kubeflow-metadata", "up"], "bin/kubeflow-metadata"),
        (["/a/python", "my tools/kubeflow-metadata", "up"], "'my tools/kubeflow-metadata'"),
        (["python", "-m", "pytest"], "kubeflow-metadata"),
        (["python", "-m"], "kubeflow-metadata"),
        (["python"], "kubeflow-metadata"),
    ],
)
def test_the_program_is_named_as_it_was_typed(line: list[str], typed: str) -> None:
    assert program.typed(line) == typed


def test_a_command_on_the_path_is_named_without_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "kubeflow-metadata"
    script.touch(mode=0o755)
    line = ["/a/python", str(script), "status"]
    assert program.typed(line) == str(script)

    monkeypatch.setenv("PATH", str(tmp_path))
    assert program.typed(line) == "kubeflow-metadata"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def test_a_checkout_without_packages_says_how_to_get_them() -> None:
    done = run("-S", "-m", "installer", "up", PYTHONPATH="")

    assert done.returncode == 1
    assert done.stderr.endswith("Run: make installer\n")
    assert "Traceback" not in done.stderr


def test_a_hint_of_a_checkout_can_be_typed_as_it_is_shown(tmp_path: Path) -> None:
    done = run("-m", "installer", "smoke", "--local", "--data-dir", str(tmp_path))

    assert f"{sys.executable} -m installer up --local" in done.stderr


def test_a_missing_package_is_named_with_what_brings_it(tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['kubernetes'] = None; from kubeflow_metadata.installer.cli.main import main; main()"
    )
    done = run("-c", script, "status", KUBECONFIG=str(tmp_path / "none"))

    assert done.returncode == 1
    assert "kubernetes" in done.stderr
    assert "kubeflow-metadata-server[cluster]" in done.stderr
    assert "Traceback" not in done.stderr
