"""The base image that a build starts from."""

from __future__ import annotations

import re
from collections.abc import Iterable

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import catalog
from kubeflow_metadata.installer.images.engines import Engine

_PYTHON = re.compile(r"(?:.*/)?python:.+")


def find(engine: Engine) -> str:
    """Returns the pinned Python image; if no registry gives it, another one of Python that this machine has.

    Raises:
        UserError: there is neither.
    """
    if engine.has(catalog.PYTHON) or not (problem := engine.pull(catalog.PYTHON)):
        return catalog.PYTHON
    if (other := like_python(engine.names())) is not None:
        return other
    raise UserError(
        f"{engine.name} cannot pull the base image {catalog.PYTHON}, and has no other Python image.",
        hint="If no registry is reachable, use an image with Python 3.10 to 3.14: --base-image IMAGE",
        details=problem,
    )


def like_python(references: Iterable[str]) -> str | None:
    """Returns the first reference of an image that is called ``python``; None if there is none."""
    return next((each for each in references if _PYTHON.fullmatch(each)), None)
