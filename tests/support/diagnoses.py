"""Recorded looks at clusters, and the diagnoses expected of them.

Those in ``recorded`` are made by hand, of a whole installation, so that they can be mixed; their ``source`` is
``constructed``. Those in ``recorded/kind`` are of a real cluster, whose version is their source.

After a change of the wording, ``python -m tests.support.diagnoses`` rewrites what is expected; read the difference.
"""

from __future__ import annotations

import json
from pathlib import Path

from kubeflow_metadata.installer.cluster.diagnosis import diagnose, text
from kubeflow_metadata.installer.cluster.diagnosis.snapshot import Snapshot
from tests.support.checkout import ROOT

RECORDED = ROOT / "tests" / "components" / "installer" / "recorded"
GOLDEN = ROOT / "tests" / "components" / "installer" / "golden"


def names() -> list[str]:
    """The names of all recordings, each that of a cause, or of two joined by a hyphen."""
    return sorted(str(path.relative_to(RECORDED).with_suffix("")) for path in RECORDED.rglob("*.json"))


def load(name: str) -> Snapshot:
    """A recording."""
    return Snapshot.from_json((RECORDED / f"{name}.json").read_text())


def golden(name: str, suffix: str) -> Path:
    """Where the diagnosis expected of a recording is."""
    return GOLDEN / f"{name}.{suffix}"


def shown(snapshot: Snapshot) -> dict[str, str]:
    """The diagnosis of a snapshot by the suffix of its file."""
    found = diagnose.of(snapshot)
    return {"txt": text.as_text(found) + "\n", "json": json.dumps(text.as_document(found), indent=2) + "\n"}


def write_golden() -> None:
    """Writes what is expected from what is."""
    for name in names():
        golden(name, "txt").parent.mkdir(parents=True, exist_ok=True)
        for suffix, written in shown(load(name)).items():
            golden(name, suffix).write_text(written)


if __name__ == "__main__":
    write_golden()
