"""``get settings``: what was set, as a file that ``-f`` takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.cluster.engines import choice
from kubeflow_metadata.installer.cluster.port import Cluster
from kubeflow_metadata.installer.cluster.state import revisions
from kubeflow_metadata.installer.cluster.state.revision import UNREADABLE, Revision
from kubeflow_metadata.installer.cluster.state.settings import with_defaults
from kubeflow_metadata.installer.model.masking import masked
from kubeflow_metadata.installer.render.yaml_text import dump
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.installer.verbs.target import Target


def settings(target: Target, terminal: Terminal, *, number: int | None, with_all: bool, show_secrets: bool) -> None:
    """Shows the settings of a revision.

    Args:
        target: the installation.
        terminal: where.
        number: of the revision; None for the last one.
        with_all: also those at their defaults.
        show_secrets: as they are, in place of masks.
    """
    cluster = target.cluster()
    revision = _revision(cluster, number)
    document: Mapping[str, Any] = with_defaults(revision.settings) if with_all else revision.settings
    shown = dict(document) if show_secrets else masked(document)
    lines = [f"# Settings of revision {revision.number} ({revision.engine}, {revision.outcome})."]
    if shown != document:
        lines.append("# Secrets are masked, and must be written out before this file is used: --show-secrets")
    terminal.result(shown, "\n".join([*lines, dump(shown)]))


def _revision(cluster: Cluster, number: int | None) -> Revision:
    known = revisions.history(cluster)
    where = f"namespace {cluster.namespace}"
    if not known:
        owner = choice.owner(cluster)
        if owner is None:
            raise UserError(f"Nothing is installed in {where}.", hint=f"Run: {program.command('up')} {cluster.options}")
        raise UserError(
            f"The settings in {where} are unknown: {owner.name} installed it before settings were kept.",
            hint=f"They are kept from the next time on: {program.command('up')} {cluster.options} -f FILE",
        )
    found = known[0] if number is None else next((each for each in known if each.number == number), None)
    if found is None:
        numbers = ", ".join(str(each.number) for each in known)
        raise UserError(f"There is no revision {number} in {where}.", hint=f"Those that are kept: {numbers}")
    if found.outcome == UNREADABLE:
        raise UserError(
            f"Revision {found.number} in {where} cannot be read: {found.reason} is damaged.",
            hint=f"For the others, run: {program.command('history')} {cluster.options}",
        )
    return found
