"""Where things are in ``tests``: what tests share is in ``tests.support``, and tests never import each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.checkout import ROOT

TESTS = ROOT / "tests"
# Programs that tests run in places where there is nothing of this project.
SCRIPTS = (TESTS / "contract" / "clients", TESTS / "e2e" / "scripts")
FILES = [file for file in sorted(TESTS.rglob("*.py")) if not any(file.is_relative_to(scripts) for scripts in SCRIPTS)]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(TESTS)))
def test_only_support_is_imported(file: Path) -> None:
    others = [name for name in imported(file) if name.partition(".")[0] == "tests"]
    assert [name for name in others if not f"{name}.".startswith("tests.support.")] == []


def test_what_is_not_a_test_is_in_support() -> None:
    elsewhere = [file for file in FILES if not file.is_relative_to(TESTS / "support")]
    helpers = [file.name for file in elsewhere if not file.name.startswith("test_")]
    assert set(helpers) == {"__init__.py", "conftest.py"}


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # `from tests import x` imports the module `tests.x`.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
