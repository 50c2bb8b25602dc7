"""End-to-end tests: against a cluster of their own, or against the one that E2E_CONTEXT names."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.support.cluster import kind, report, tools
from tests.support.cluster.kind import Cluster
from tests.support.cluster.locks import Lock
from tests.support.cluster.shell import console
from tests.support.e2e import images, installations
from tests.support.once import Once

HERE = Path(__file__).resolve().parent
TEST_SECONDS = 300
LAST = "test_node_restart.py"
LONGEST_FIRST = (
    "test_readme.py",
    "test_plan.py",
    "test_diagnosis.py",
    "test_engines.py",
    "test_installer.py",
    "test_kustomize.py",
    "test_databases.py",
    "test_helm.py",
)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leaves these tests to those who ask for them (`make e2e`): they build a cluster."""
    if collection_path.name == "test_leftovers.py" and "PYTEST_XDIST_WORKER" in os.environ:
        return True  # it can tell leftovers only while no other process makes clusters
    asked_for = (Path(argument.partition("::")[0]).resolve() for argument in config.args)
    return None if any(path.is_relative_to(HERE) for path in asked_for) else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def order(item: pytest.Item) -> tuple[bool, int]:
        # What needs no cluster comes first: afterwards this run's own cluster is there, and seen by tests of
        # leftovers. Then the longest, so that several processes end together, and what has to wait for all others.
        needs_cluster = "cluster" in getattr(item, "fixturenames", ())
        name = item.path.name
        place = LONGEST_FIRST.index(name) if name in LONGEST_FIRST else len(LONGEST_FIRST)
        return needs_cluster, place + (name == LAST)

    items.sort(key=order)
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.e2e)
            if item.get_closest_marker("timeout") is None:
                # The first test's fixtures may build a whole cluster: only the test itself is limited.
                item.add_marker(pytest.mark.timeout(TEST_SECONDS, func_only=True))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Adds to a failure what a maintainer would ask for next, while its namespace still exists."""
    outcome = yield
    found = getattr(item, "funcargs", {})
    cluster = found.get("cluster")
    if outcome.failed and isinstance(cluster, Cluster):
        outcome.sections.append(("cluster", report.describe(cluster, found.get("namespace"))))
    return outcome


@pytest.fixture(scope="module", autouse=True)
def among_others(run_folder: Path) -> Iterator[Lock]:
    """What the tests of a file share with those of other processes; one that disturbs them acquires it for itself."""
    lock = Lock(run_folder / "tests.lock")
    lock.share()
    yield lock
    lock.release()


@pytest.fixture(scope="session")
def cluster(testrun_uid: str) -> Iterator[Cluster]:
    """The cluster that E2E_CONTEXT names, else the one of `make kind-up`, else one for this run alone."""
    context = os.environ.get("E2E_CONTEXT")
    if context:
        console.print(f"  using the context {context}: E2E_CONTEXT names it")
        tools.build([tools.KUBECTL])
        default = Path.home() / ".kube" / "config"
        yield Cluster(context, Path(os.environ.get("KUBECONFIG", default)), context)
        return
    kept = kind.kept_cluster()
    if kept is not None:
        console.print(f"  using the cluster {kept.name} of `make kind-up`")
        yield kept
        return
    name = f"{kind.PREFIX}{testrun_uid[:8]}"
    yield kind.join(name)
    kind.leave(name)


@pytest.fixture(scope="session")
def loaded(cluster: Cluster, once: Once) -> str:
    """Our image, built from this checkout and known to the cluster's nodes, also under the tag of the manifests."""
    if cluster.engine is None:
        pytest.skip("builds for a dedicated kind cluster: unset E2E_CONTEXT")
    once("server-image", lambda: images.load_server(cluster))
    return images.REFERENCE


@pytest.fixture(scope="session")
def client_image(cluster: Cluster, loaded: str, once: Once) -> str:
    """An image with the unmodified kfmd 0.1.8."""
    once("client-image", lambda: images.load_client(cluster))
    return images.CLIENT


@pytest.fixture
def own_cluster(cluster: Cluster) -> Cluster:
    """A cluster whose node the test may restart."""
    if cluster.engine is None:
        pytest.skip("needs a dedicated kind cluster: unset E2E_CONTEXT")
    return cluster


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace of its own, as strict as Kubernetes' Pod Security Standards go."""
    with installations.namespace(cluster) as made:
        yield made.namespace
