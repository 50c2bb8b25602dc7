"""The command behind `make kind-up`, `make kind-down`, `make e2e` and `make e2e-tools`."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from tests.support.cluster import container_images, engine, kind, tools
from tests.support.cluster.shell import ClusterError, console


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """A Kubernetes cluster for the end-to-end tests, never one of yours."""


@main.command()
def up() -> None:
    """Create this checkout's cluster, or find it running."""
    cluster = kind.kept_cluster() or kind.create(kind.kept_name(), keep=True)
    console.print(f"The cluster {cluster.name} is ready. To use it, run:")
    reached = {**cluster.environment, **(cluster.engine.environment if cluster.engine else {})}
    for name, value in reached.items():
        click.echo(f"export {name}={value}")


@main.command()
def down() -> None:
    """Delete this checkout's cluster and leftovers of killed runs."""
    found = engine.find()
    if found is not None:
        kind.remove_leftovers(found)
    kind.delete(kind.kept_name())


@main.command()
def prepare() -> None:
    """Build what a first run of the tests has to build: tools and, where no registry answers, images."""
    found = engine.ready()
    try:
        container_images.choose(found)
        tools.build(tools.NEEDED)
    finally:
        engine.settle(found)


@main.command("tools")
@click.argument("names", nargs=-1, type=click.Choice([tool.name for tool in tools.COMMANDS]))
def build_tools(names: tuple[str, ...]) -> None:
    """Build the pinned command-line tools NAMES, or all of them, into .cache/bin."""
    tools.build(tool for tool in tools.COMMANDS if not names or tool.name in names)


def _shown(command: Callable[[], object]) -> int:
    try:
        command()
    except ClusterError as error:
        console.print(f"[red]{error}[/]", markup=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_shown(main))
