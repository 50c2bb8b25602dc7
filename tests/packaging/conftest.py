"""Tests of the manifests and the chart: what kustomize and Helm make of them, without a cluster.

They need kustomize, Helm and kube-score, which are built once with Go: `make test-packaging`.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from tests.support.cluster import tools
from tests.support.once import Once
from tests.support.packaging.rendered import Rendered, distinct_objects, render_all
from tests.support.packaging.rendering import Object

HERE = Path(__file__).resolve().parent
TOOLS = (tools.KUSTOMIZE, tools.KUSTOMIZE_OLDEST, tools.HELM_4, tools.HELM_3, tools.KUBE_SCORE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leaves these tests to those who ask for them: they build tools."""
    asked_for = (Path(argument.partition("::")[0]).resolve() for argument in config.args)
    return None if any(path.is_relative_to(HERE) for path in asked_for) else True


@pytest.fixture(scope="session", autouse=True)
def built_tools() -> None:
    tools.build(TOOLS)


@pytest.fixture(scope="session")
def rendered(built_tools: None, run_folder: Path, once: Once) -> list[Rendered]:
    """Every configuration that is tried, named ones first; rendered once, whichever process comes first."""
    file = run_folder / "rendered.pickle"
    once("rendered", lambda: file.write_bytes(pickle.dumps(render_all(run_folder / "rendered"))))
    found: list[Rendered] = pickle.loads(file.read_bytes())
    return found


@pytest.fixture(scope="session")
def defaults(rendered: list[Rendered]) -> list[Object]:
    return rendered[0].kustomize


@pytest.fixture(scope="session")
def distinct(rendered: list[Rendered]) -> list[Object]:
    """Each object once that occurs anywhere, whatever its namespace: what is true of these is true of all."""
    return distinct_objects(rendered)
