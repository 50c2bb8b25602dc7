"""The command behind `make kind-up`, `make kind-down`, `make e2e` and `make e2e-tools`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable

import click

from tests.support.cluster import container_images, engine, kind, stand_ins, tools
from tests.support.cluster.paths import TOOL_LINKS
from tests.support.cluster.shell import ClusterError, console, numbered


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """A Kubernetes cluster for the end-to-end tests, never one of yours."""


@main.command()
def up() -> None:
    """Create this checkout's cluster, or find it running."""
    kind.prefer_programs_of_this_machine()
    cluster = kind.kept_cluster() or kind.create(kind.kept_name(), keep=True, progress=numbered(4))
    if cluster.engine and not container_images.from_registry(cluster.engine):
        stand_ins.python_base(cluster.engine)  # for `images load`: no registry gives one
    console.print(f"\nThe cluster {cluster.name} is ready. To install on it, type in this shell:\n")
    reached = {**cluster.environment, **(cluster.engine.kind_environment if cluster.engine else {})}
    lines = [f"export {name}={shlex.quote(value)}" for name, value in reached.items()]
    if TOOL_LINKS.exists():
        lines.append(f'export PATH={shlex.quote(str(TOOL_LINKS))}:"$PATH"')
    for line in lines:
        click.echo(line)
    console.print(
        "\nmake installer && . .venv/bin/activate\n"
        "kubeflow-metadata images load      # builds the image, and gives it to the cluster\n"
        "kubeflow-metadata up\n\n"
        "To delete the cluster, run: make kind-down"
    )


@main.command()
def down() -> None:
    """Delete this checkout's cluster and leftovers of killed runs."""
    kind.prefer_programs_of_this_machine()
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
