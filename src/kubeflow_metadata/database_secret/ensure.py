"""The decision: continue, fill the Secret, or stop and say why."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from kubeflow_metadata.database_secret.api import Secret
from kubeflow_metadata.database_secret.volume import Volume
from kubeflow_metadata.errors import UserError

ROOT_PASSWORD, USERNAME, PASSWORD = "MYSQL_ROOT_PASSWORD", "MYSQL_USERNAME", "MYSQL_PASSWORD"
_USER = "metadata"
# What the entrypoint of the mysql image reads, beside its set-up.
_FILES = {ROOT_PASSWORD: "root-password", USERNAME: "user", PASSWORD: "password"}
_DOCS = "See docs/kubernetes.md"
# Somebody else changes the Secret at the same moment: more than a few times in a row is no coincidence.
_ATTEMPTS = 20


class StopError(UserError):
    """MySQL must not start before a person has decided."""


class SecretStore(Protocol):
    """Where Secrets are stored."""

    def read(self, name: str) -> Secret | None:
        """Returns a Secret; None if there is none."""

    def own(self, name: str, values: Mapping[str, str], secret: Secret) -> bool:
        """Sets values that others then leave alone; returns False if the Secret has changed since it was read."""


def ensure_secret(
    store: SecretStore,
    name: str,
    volume: Volume,
    *,
    beside_upstream_data: bool,
    is_theirs: bool = False,
    say: Callable[[str], None],
) -> dict[str, str]:
    """Returns the values of the Secret, which is filled afterwards; the volume is then ready for MySQL.

    Args:
        store: where it is.
        name: of the Secret.
        volume: of MySQL.
        beside_upstream_data: whether to start empty beside data of upstream's MySQL.
        is_theirs: whether the user brings the Secret, which is then only read.
        say: is told what was done.

    Raises:
        StopError: a person has to decide.
    """
    upstream = volume.upstream_data()
    if not volume.has_data() and upstream is not None and not beside_upstream_data:
        raise StopError(
            f"The volume holds data of another MySQL, probably upstream's, in {upstream}. It was left untouched.",
            hint='To migrate it or to start empty: docs/kubernetes.md, "Migrating from upstream\'s manifests".',
        )
    if volume.was_interrupted():
        say("The set-up of MySQL was interrupted before it stored any data: starting over.")
        volume.begin()
    has_data = volume.has_data()
    for _ in range(_ATTEMPTS):
        secret = _usable(store.read(name), name, has_data=has_data, is_theirs=is_theirs)
        values = _checked(secret.values if secret.values or is_theirs else _generated(), name)
        if is_theirs or store.own(name, {key: values[key] for key in _FILES}, secret):
            break
    else:
        raise StopError(f"The Secret {name} keeps changing while it is read.", hint="Find out what changes it.")
    if not secret.values:
        say(f"Filled the Secret {name} with generated passwords.")
    if not has_data:
        volume.begin()
    return values


def write_credentials(values: dict[str, str], directory: Path) -> None:
    """Passes the values to the MySQL container in memory shared by the two containers."""
    for key, file in _FILES.items():
        path = directory / file
        path.unlink(missing_ok=True)
        path.touch(mode=0o400)
        path.chmod(0o600)
        path.write_text(values[key], encoding="utf-8")
        path.chmod(0o400)


def _usable(secret: Secret | None, name: str, *, has_data: bool, is_theirs: bool) -> Secret:
    """Returns a Secret that has values, or may get some."""
    if secret is not None and (secret.values or not (has_data or is_theirs)):
        return secret
    state = f"there is no Secret {name}" if secret is None else f"the Secret {name} is empty"
    if has_data:
        raise StopError(
            f"The volume holds a database, but {state}: its passwords are lost, and new ones would not work.",
            hint="Restore the Secret from a backup, or set a new password: "
            'docs/kubernetes.md, "Recovering from a lost Secret".',
        )
    what = f"{state[0].upper()}{state[1:]}."
    if is_theirs:
        raise StopError(what, hint=f'Create it with {", ".join(_FILES)}: docs/kubernetes.md, "The database Secret".')
    raise StopError(what, hint="The manifests and the chart contain it, empty: apply them again.")


def _generated() -> dict[str, str]:
    return {ROOT_PASSWORD: secrets.token_urlsafe(24), USERNAME: _USER, PASSWORD: secrets.token_urlsafe(24)}


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
