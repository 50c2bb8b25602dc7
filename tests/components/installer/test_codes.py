"""Codes name one thing each, in all that the installer says, and are explained in the docs."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import kubeflow_metadata.installer.cluster
from kubeflow_metadata.installer.cluster import checks, diagnosis, planning
from tests.support.checkout import ROOT

CODE = re.compile(r'"(KFM\d{4})"')
PAGES = ("diagnosis.md", "checks.md", "installer.md")


def codes_of(package):
    return {
        code: folder
        for folder in package.__path__
        for file in sorted(Path(folder).rglob("*.py"))
        for code in CODE.findall(file.read_text())
    }


def test_no_code_names_two_things():
    counted = Counter(code for package in (checks, diagnosis, planning) for code in codes_of(package))

    assert len(counted) > 80
    assert [code for code, count in counted.items() if count > 1] == []
    assert codes_of(kubeflow_metadata.installer.cluster).keys() == counted.keys()


def test_every_code_is_explained():
    pages = "".join((ROOT / "docs" / page).read_text() for page in PAGES)

    assert [code for code in codes_of(kubeflow_metadata.installer.cluster) if code not in pages] == []
