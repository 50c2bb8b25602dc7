"""The decision: continue, create the Secret, or stop and say why."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from kubeflow_metadata.database_secret.volume import Volume
from kubeflow_metadata.errors import UserError

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


class StopError(UserError):
    """MySQL must not start before a person has decided."""


class SecretStore(Protocol):
    """Where Secrets are stored."""

    def read(self, name: str) -> dict[str, str] | None:
        """Returns the values of a Secret; None where there is none."""

    def create(self, name: str, values: dict[str, str], labels: dict[str, str]) -> bool:
        """Creates a Secret; returns False where another pod was faster."""


def ensure_secret(
    store: SecretStore, name: str, volume: Volume, *, beside_upstream_data: bool, say: Callable[[str], None]
) -> dict[str, str]:
    """Returns the values of the Secret, which exists afterwards; the volume is then ready for MySQL.

    Raises:
        StopError: a person has to decide.
    """
    values = store.read(name)
    upstream = volume.upstream_data()
    if not volume.has_data() and upstream is not None and not beside_upstream_data:
        raise StopError(
            f"The volume holds data of another MySQL, probably upstream's, in {upstream}. It was left untouched.",
            hint='To migrate it or to start empty: docs/kubernetes.md, "Migrating from upstream\'s manifests".',
        )
    if volume.was_interrupted():
        say("The set-up of MySQL was interrupted before it stored any data: starting over.")
        volume.begin()
    if volume.has_data():
        if values is None:
            raise StopError(
                f"The volume holds a database, but there is no Secret {name}: its passwords "
                "are lost, and new ones would not work.",
                hint="Restore the Secret from a backup, or set a new password: "
                'docs/kubernetes.md, "Recovering from a lost Secret".',
            )
    else:
        volume.begin()
        values = values if values is not None else _create(store, name, say)
    return _checked(values, name)


def write_credentials(values: dict[str, str], directory: Path) -> None:
    """Passes the values to the MySQL container in memory shared by the two containers."""
    for key, file in _FILES.items():
        path = directory / file
        path.unlink(missing_ok=True)
        path.touch(mode=0o400)
        path.chmod(0o600)
        path.write_text(values[key], encoding="utf-8")
        path.chmod(0o400)


def _create(store: SecretStore, name: str, say: Callable[[str], None]) -> dict[str, str]:
    generated = {ROOT_PASSWORD: secrets.token_urlsafe(24), USERNAME: _USER, PASSWORD: secrets.token_urlsafe(24)}
    if store.create(name, generated, _LABELS):
        say(f"Created the Secret {name} with generated passwords.")
        return generated
    say(f"Another pod created the Secret {name}.")
    values = store.read(name)
    if values is None:
        raise StopError(f"The Secret {name} was deleted while this pod was starting.", hint="Restart this pod.")
    return values


def _checked(values: dict[str, str], name: str) -> dict[str, str]:
    missing = [key for key in _FILES if not values.get(key)]
    if missing:
        raise StopError(
            f"The Secret {name} lacks {' and '.join(missing)}; it has {', '.join(sorted(values)) or 'nothing'}.",
            hint=f'{_DOCS}, "The database Secret".',
        )
    if values[USERNAME] == "root":
        raise StopError(
            f"The Secret {name} sets {USERNAME} to root; the servers need a user other than root.", hint=f"{_DOCS}."
        )
    return values
