"""The workflows run code of others by commit, and tags, which can be moved, nowhere."""

from __future__ import annotations

import re

import pytest

from tests.support.checkout import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


def test_there_are_workflows():
    assert WORKFLOWS


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_every_action_is_pinned_by_its_commit_and_says_its_version(file):
    used = re.findall(r"\buses:\s*(.+)", file.read_text(encoding="utf-8"))
    assert used
    assert [each for each in used if not PINNED.fullmatch(each.strip())] == []


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_every_image_is_pinned_by_its_digest(file):
    images = re.findall(r"docker\.io/.+", file.read_text(encoding="utf-8"))
    assert [image for image in images if "@" not in image] == []
