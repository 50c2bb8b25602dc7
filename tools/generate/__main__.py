"""Writes what is generated; with ``--check`` tells whether it is up to date."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from tools.generate import chart, diagnoses, manifests, overlays, tables, variables
from tools.generate.helm import HelmError
from tools.generate.places import CHART, DOCS, MODEL, ROOT

Files = Mapping[Path, str]


def main() -> None:
    check = "--check" in sys.argv[1:]
    # Before all else: the model reads it.
    settle({MODEL / "variables.json": variables.text()}, check=check)
    from_the_model: Files = {
        CHART / "values.yaml": chart.values(),
        CHART / "values.schema.json": chart.schema(),
        CHART / "files" / "model.yaml": chart.model(),
        CHART / "README.md": tables.with_settings(CHART / "README.md"),
        DOCS / "configuration.md": tables.with_settings(DOCS / "configuration.md"),
        DOCS / "diagnosis.md": diagnoses.with_causes(DOCS / "diagnosis.md"),
        **overlays.all_overlays(),
        **overlays.small_component(),
    }
    settle(from_the_model, check=check)
    # Helm reads what was just written.
    try:
        from_the_chart = manifests.all_objects()
    except HelmError as error:
        sys.exit(str(error))
    settle(from_the_chart, manifests.existing() - from_the_chart.keys(), check=check)


def settle(made: Files, left_over: frozenset[Path] | set[Path] = frozenset(), *, check: bool) -> None:
    """Writes what is not up to date and deletes what is no longer made, or stops and names it."""
    stale = [file for file, text in made.items() if not (file.exists() and file.read_text(encoding="utf-8") == text)]
    if check:
        if stale or left_over:
            names = ", ".join(str(file.relative_to(ROOT)) for file in [*stale, *sorted(left_over)])
            sys.exit(f"Not up to date: {names}. Run: make generate")
        return
    for file in stale:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(made[file], encoding="utf-8")
        print(f"wrote {file.relative_to(ROOT)}")
    for file in sorted(left_over):
        file.unlink()
        print(f"deleted {file.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
