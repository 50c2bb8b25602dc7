"""The built pages of the Artifact Store, with the cache rules their names allow."""

from __future__ import annotations

import os
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC_DIR = Path(__file__).parent / "static"


class PagesNotBuiltError(Exception):
    """The built pages are missing; the message says how to make them."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"the pages of the Artifact Store are not built: {folder / 'index.html'} is missing. Run `make ui` first."
        )


def check_built(folder: Path) -> None:
    """Raises PagesNotBuiltError if the folder holds no built pages."""
    if not (folder / "index.html").is_file():
        raise PagesNotBuiltError(folder)


class BuiltFiles(StaticFiles):
    """Static files; those whose name holds a hash of their content stay cached for good.

    The others are never stored: the ETag made from size and time cannot tell two builds apart where the
    packaging clamps file times, and a stale index.html names assets that are gone.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(directory=directory, html=True)

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        hashed = Path(full_path).parent.name == "assets"
        response.headers["cache-control"] = "public, max-age=31536000, immutable" if hashed else "no-store"
        return response
