"""The configurations that are tried, with the objects that kustomize and Helm make of each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.support.packaging import configurations, rendering
from tests.support.packaging.configurations import Configuration
from tests.support.packaging.rendering import Object


@dataclass(frozen=True)
class Rendered:
    """A configuration, and the objects of both ways."""

    configuration: Configuration
    kustomize: list[Object]
    helm: list[Object]

    def __str__(self) -> str:
        return str(self.configuration)


def distinct_objects(rendered: list[Rendered]) -> list[Object]:
    """Each object once, whatever its namespace."""
    found: dict[str, Object] = {}
    for each in rendered:
        for made in each.kustomize:
            metadata = {**made["metadata"], "namespace": ""}
            found.setdefault(repr({**made, "metadata": metadata}), made)
    return list(found.values())


def render_all(directory: Path) -> list[Rendered]:
    """Every configuration that is tried, named ones first."""

    def render(numbered: tuple[int, Configuration]) -> Rendered:
        number, configuration = numbered
        place = directory / str(number)
        try:
            return Rendered(
                configuration,
                rendering.kustomize(configuration, place),
                rendering.helm(configuration, place),
            )
        except rendering.RenderError as error:
            raise AssertionError(f"{configuration}\n{error}") from error

    wanted = [*configurations.named(), *configurations.drawn()]
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(render, enumerate(wanted)))
