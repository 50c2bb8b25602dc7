"""Parses ``images`` and its verbs."""

from __future__ import annotations

from pathlib import Path

import click

from kubeflow_metadata.installer.cli import options
from kubeflow_metadata.installer.cli.options import Shared

_tag = click.option("--tag", metavar="TAG", help="Image tag. [default: this version]")
_engine = click.option(
    "--engine",
    type=click.Choice(["docker", "podman", "buildah"]),
    help="Container engine. [default: the first that responds]",
)
_base_image = click.option(
    "--base-image",
    metavar="IMAGE",
    help="Base image with Python. [default: python:3.13-slim, or another Python image of this machine]",
)


_on_a_laptop = options.refuse_local("A laptop runs the servers as processes, without images: up --local")


@click.group("images")
def command() -> None:
    """Build, load, push and list container images."""


@command.command("list", cls=options.Verb)
@_on_a_laptop
@_tag
@options.output
@click.pass_obj
def list_images(shared: Shared, tag: str | None) -> None:
    """List the images that an installation uses, and which of them are on this machine."""
    from kubeflow_metadata.installer.verbs import images

    images.show(shared.terminal, tag)


@command.command(cls=options.Verb)
@_on_a_laptop
@_tag
@_engine
@_base_image
@click.option("--network", metavar="NAME", help="Network for the build, for example host.")
@click.option("--platform", metavar="OS/ARCH", help="Platform to build for, for example linux/arm64.")
@options.output
@click.pass_obj
def build(
    shared: Shared,
    tag: str | None,
    engine: str | None,
    base_image: str | None,
    network: str | None,
    platform: str | None,
) -> None:
    """Build the image of the servers from this checkout."""
    from kubeflow_metadata.installer.images.engines import BuildOptions
    from kubeflow_metadata.installer.verbs import images

    images.build(shared.terminal, tag, base_image, engine, BuildOptions({}, network, platform))


@command.command(cls=options.Verb)
@_on_a_laptop
@_tag
@_engine
@click.option(
    "--cluster",
    metavar="NAME",
    help="Name of the kind cluster. [default: that of the current context, or the only one]",
)
@click.option(
    "--kind",
    "kind_program",
    metavar="PATH",
    help="Path to the kind binary. [default: kind on the PATH, or the one that the checkout built]",
)
@_base_image
@options.output
@click.pass_obj
def load(
    shared: Shared,
    tag: str | None,
    engine: str | None,
    cluster: str | None,
    kind_program: str | None,
    base_image: str | None,
) -> None:
    """Load the image into a kind cluster; no registry is needed.

    In a checkout, the image is built first if it is missing, or was built from another commit.
    """
    from kubeflow_metadata.installer.verbs import images

    images.load(shared.terminal, tag, cluster, kind_program, engine, base_image)


@command.command(cls=options.Verb)
@_on_a_laptop
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
    help="File in which to record the digest of the pushed image.",
)
@click.option("--plain-http", is_flag=True, help="The registry does not use TLS (needed by Podman and Buildah).")
@options.output
@click.pass_obj
def push(
    shared: Shared, registry: str, tag: str | None, engine: str | None, digest_file: Path, plain_http: bool
) -> None:
    """Push the image to REGISTRY, for example ghcr.io/your-name."""
    from kubeflow_metadata.installer.verbs import images

    images.push(shared.terminal, registry, tag, engine, digest_file, plain_http=plain_http)
