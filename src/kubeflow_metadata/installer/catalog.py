"""Which images an installation runs."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version

SERVER_NAME = "kubeflow-metadata-server"
MYSQL = "docker.io/library/mysql:9.7"
PYTHON = "docker.io/library/python:3.13-slim"


@dataclass(frozen=True)
class Image:
    """An image, and what it is for."""

    reference: str
    purpose: str


def server_reference(tag: str | None = None) -> str:
    """Returns the image of the three servers, as it is called on the machine that builds it."""
    return f"docker.io/library/{SERVER_NAME}:{tag or version(SERVER_NAME)}"


def in_registry(registry: str, repository: str) -> str:
    """Returns where an image is in a registry that holds all of them; without one, its repository as it is."""
    return f"{registry}/{repository.rpartition('/')[2]}" if registry else repository


def images(tag: str | None = None) -> list[Image]:
    """Returns all images of an installation."""
    return [
        Image(server_reference(tag), "the three servers"),
        Image(MYSQL, "the database"),
    ]
