"""Names for built things by what they are made from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def content_key(files: Iterable[Path], *facts: str) -> str:
    """A short hash of files (name, content, whether executable) and of facts, in the given order."""
    digest = hashlib.sha256()
    for file in files:
        executable = file.stat().st_mode & 0o100
        digest.update(f"{file.name}\0{executable}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    for fact in facts:
        digest.update(f"{fact}\0".encode())
    return digest.hexdigest()[:12]
