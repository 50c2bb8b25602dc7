"""The kind cluster that images are loaded into, and the program that does it."""

from __future__ import annotations

import shutil
from pathlib import Path

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.images import engines

_PREFIX = "kind-"


def program(asked: str | None, checkout: Path) -> str:
    """Returns the kind binary: the one that was asked for, that of the PATH, or the one that the checkout built.

    Raises:
        UserError: there is none.
    """
    built = checkout / ".cache" / "bin" / "kind"
    found = shutil.which(asked or "kind") or (str(built) if built.exists() and asked is None else None)
    if found is None:
        raise UserError(
            f"{asked or 'kind'} is not installed.",
            hint="Install it (https://kind.sigs.k8s.io), or, in a checkout, run: make kind-up",
        )
    return found


def choose(kind: str, asked: str | None, context: str) -> str:
    """Returns the cluster that was asked for, else that of the current context, else the only one there is.

    Args:
        kind: path of the binary.
        asked: name of a cluster.
        context: the current one of the kubeconfig; empty if there is none.

    Raises:
        UserError: there is no such cluster, or more than one.
    """
    there = [line for line in engines.run([kind, "get", "clusters"]).stdout.split("\n") if line]
    if asked is not None:
        if asked in there:
            return asked
        raise UserError(f"There is no kind cluster {asked!r}.", hint=_listed(there))
    current = context.removeprefix(_PREFIX) if context.startswith(_PREFIX) else ""
    if current in there:
        return current
    if len(there) == 1 and not context:
        return there[0]
    if context:
        raise UserError(f"The current context {context} is not that of a kind cluster.", hint=_listed(there))
    raise UserError("There are several kind clusters." if there else "There is no kind cluster.", hint=_listed(there))


def _listed(there: list[str]) -> str:
    if not there:
        return "Create one: kind create cluster, or, in a checkout: make kind-up"
    return f"Select one: {', '.join(f'--cluster {name}' for name in there)}"
