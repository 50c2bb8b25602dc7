"""Readers find every page, and no link of a page leads nowhere."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.checkout import ROOT

DOCS = ROOT / "docs"
LISTED = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
# Without Git, as in an archive of the sources: the pages of docs.
PAGES = [ROOT / name for name in LISTED.splitlines()] or sorted(DOCS.glob("*.md"))


def test_the_index_lists_every_page():
    pages = {file.name for file in DOCS.iterdir() if file.suffix in {".md", ".ipynb"}} - {"README.md"}
    assert set(links(DOCS / "README.md")) >= pages


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_that_are_there(page: Path):
    assert [link for link in links(page) if not (page.parent / link).exists()] == []


def links(page: Path) -> list[str]:
    """The files that a page links to."""
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    return [target.partition("#")[0] for target in targets if not re.match(r"\w+:|#", target)]
