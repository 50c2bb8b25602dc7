"""The decision: go on, make the Secret, or stop and say why."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from kubeflow_metadata.database_secret.volume import Volume

ROOT_PASSWORD, USERNAME, PASSWORD = "MYSQL_ROOT_PASSWORD", "MYSQL_USERNAME", "MYSQL_PASSWORD"
_USER = "metadata"
# What the entrypoint of the mysql image reads, beside its set-up.
_FILES = {ROOT_PASSWORD: "root-password", USERNAME: "user", PASSWORD: "password"}
_LABELS = {
    "app.kubernetes.io/name": "kubeflow-metadata",
    "app.kubernetes.io/instance": "metadata",
    "app.kubernetes.io/component": "database",
    "app.kubernetes.io/part-of": "kubeflow",
    "metadata.kubeflow.org/part": "db",
}
_DOCS = "See docs/kubernetes.md"


class StopError(Exception):
    """MySQL must not start; the message says why, and what to do."""


class SecretStore(Protocol):
    """Where Secrets are."""

    def read(self, name: str) -> dict[str, str] | None: ...

    def create(self, name: str, values: dict[str, str], labels: dict[str, str]) -> bool: ...


def ensure_secret(
    store: SecretStore, name: str, volume: Volume, *, beside_upstream_data: bool, say: Callable[[str], None]
) -> dict[str, str]:
    """The values of the Secret, which exists afterwards; the volume is ready for MySQL.

    Raises:
        StopError: a person has to decide.
    """
    found = store.read(name)
    upstream = volume.upstream_data()
    if not volume.has_data() and upstream is not None and not beside_upstream_data:
        raise StopError(
            f"The volume holds data of another MySQL, in {upstream}: upstream's, most likely. It was left untouched. "
            'To bring it along, or to begin anew beside it: docs/kubernetes.md, "Coming from upstream\'s manifests".'
        )
    if volume.was_cut_off():
        say("MySQL was cut off while it was set up, before it held anything: setting it up again.")
        volume.begin()
    if volume.has_data():
        if found is None:
            raise StopError(
                f"There is a database on the volume but no Secret {name}: its passwords are lost, and new ones would "
                "not open it. Put the Secret back from a backup, or set a new password: "
                'docs/kubernetes.md, "When the Secret is lost".'
            )
    else:
        volume.begin()
        found = found if found is not None else _create(store, name, say)
    return _checked(found, name)


def write_credentials(values: dict[str, str], directory: Path) -> None:
    """Hands the values to MySQL's own container, in memory that the two share."""
    for key, file in _FILES.items():
        path = directory / file
        path.unlink(missing_ok=True)
        path.touch(mode=0o400)
        path.chmod(0o600)
        path.write_text(values[key], encoding="utf-8")
        path.chmod(0o400)


def _create(store: SecretStore, name: str, say: Callable[[str], None]) -> dict[str, str]:
    made = {ROOT_PASSWORD: secrets.token_urlsafe(24), USERNAME: _USER, PASSWORD: secrets.token_urlsafe(24)}
    if store.create(name, made, _LABELS):
        say(f"Created the Secret {name} with generated passwords.")
        return made
    say(f"Another pod created the Secret {name}.")
    found = store.read(name)
    if found is None:
        raise StopError(f"The Secret {name} was there and is gone again: start this pod anew.")
    return found


def _checked(found: dict[str, str], name: str) -> dict[str, str]:
    missing = [key for key in _FILES if not found.get(key)]
    if missing:
        raise StopError(
            f"The Secret {name} has no {' and no '.join(missing)}; it has {', '.join(sorted(found)) or 'nothing'}. "
            f'{_DOCS}, "The Secret of the database".'
        )
    if found[USERNAME] == "root":
        raise StopError(f"The Secret {name} names root as {USERNAME}; our servers need a user of their own. {_DOCS}.")
    return found
