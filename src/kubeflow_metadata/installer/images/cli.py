"""`python -m installer images`: it only parses; `kubeflow_metadata.installer.images.commands` does the work."""

from __future__ import annotations

from pathlib import Path

import click

from kubeflow_metadata.installer.terminal import Terminal

_tag = click.option("--tag", metavar="TAG", help="Another tag than this version's.")
_engine = click.option(
    "--engine",
    type=click.Choice(["docker", "podman", "buildah"]),
    help="What to do it with. [default: the first that answers]",
)
_output = click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", help="How to print the result."
)


@click.group()
def images() -> None:
    """Build the container image, load it into kind, push it to your registry."""


@images.command("list")
@_tag
@_output
def list_images(tag: str | None, output: str) -> None:
    """Show which images an installation runs, and which of them are here."""
    from kubeflow_metadata.installer.images import commands

    commands.show(Terminal(as_json=output == "json"), tag)


@images.command()
@_tag
@_engine
@click.option("--base-image", metavar="IMAGE", help="A Python image to build upon. [default: python:3.13-slim]")
@click.option("--network", metavar="NAME", help="The network during the build, for example: host")
@click.option("--platform", metavar="OS/ARCH", help="Build for another platform, for example: linux/arm64")
@_output
def build(
    tag: str | None,
    engine: str | None,
    base_image: str | None,
    network: str | None,
    platform: str | None,
    output: str,
) -> None:
    """Build the image of the servers from this checkout."""
    from kubeflow_metadata.installer.images import commands
    from kubeflow_metadata.installer.images.engines import BuildOptions

    options = BuildOptions({}, network, platform)
    commands.build(Terminal(as_json=output == "json"), tag, base_image, engine, options)


@images.command()
@_tag
@_engine
@click.option("--cluster", default="kind", show_default=True, metavar="NAME", help="The kind cluster.")
@click.option("--kind", "kind_program", default="kind", metavar="PATH", help="The kind program. [default: kind]")
@_output
def load(tag: str | None, engine: str | None, cluster: str, kind_program: str, output: str) -> None:
    """Give the image to a kind cluster: no registry is needed."""
    from kubeflow_metadata.installer.images import commands

    commands.load(Terminal(as_json=output == "json"), tag, cluster, kind_program, engine)


@images.command()
@click.argument("registry")
@_tag
@_engine
@click.option(
    "--digests",
    "digest_file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("dist/images.json"),
    show_default=True,
    metavar="FILE",
    help="Where to note the digest of what was pushed.",
)
@click.option("--plain-http", is_flag=True, help="The registry speaks no TLS (Podman and Buildah ask to be told).")
@_output
def push(registry: str, tag: str | None, engine: str | None, digest_file: Path, plain_http: bool, output: str) -> None:
    """Push the image to REGISTRY, for example ghcr.io/your-name."""
    from kubeflow_metadata.installer.images import commands

    terminal = Terminal(as_json=output == "json")
    commands.push(terminal, registry, tag, engine, digest_file, plain_http=plain_http)
