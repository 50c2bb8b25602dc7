"""A file that records which images were pushed where, for manifests, chart and installer to pin."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import program

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class PushedImage:
    """An image in a registry."""

    name: str
    repository: str
    tag: str
    digest: str

    @property
    def pinned(self) -> str:
        """The reference that always means the very same image."""
        return f"{self.repository}@{self.digest}"


def write(file: Path, images: list[PushedImage]) -> None:
    """Writes the file; replaces an older one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    document = {"images": [{**asdict(image), "pinned": image.pinned} for image in images]}
    file.write_text(json.dumps(document, indent=2) + "\n")


def read(file: Path) -> list[PushedImage]:
    """Reads what ``write`` wrote.

    Raises:
        UserError: the file is missing or malformed.
    """
    try:
        entries = json.loads(file.read_text())["images"]
        fields = ("name", "repository", "tag", "digest")
        images = [PushedImage(**{field: str(entry[field]) for field in fields}) for entry in entries]
    except OSError as error:
        raise UserError(
            f"Cannot read {file}: {error.strerror}.",
            hint=f"To create it, run: {program.command('images push REGISTRY')}",
        ) from None
    except (ValueError, KeyError, TypeError):
        raise UserError(
            f"{file} is not an image digest file.",
            hint=f"To create it again, run: {program.command('images push REGISTRY')}",
        ) from None
    for image in images:
        if not _DIGEST.fullmatch(image.digest):
            raise UserError(f"{file}: {image.digest!r} of {image.name} is not a sha256 digest.")
    return images
