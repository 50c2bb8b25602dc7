"""Carries out what is planned for one object."""

from __future__ import annotations

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.cluster.planning import gitops, managers, recreation
from kubeflow_metadata.installer.cluster.planning.plan import Action, Change
from kubeflow_metadata.installer.cluster.port import Cluster, ConflictError
from kubeflow_metadata.installer.polling import Clock


def prepare(cluster: Cluster, change: Change, manager: str, clock: Clock) -> None:
    """Does what comes before an object is applied: deletes one that cannot change, hands over one of others."""
    if change.action is Action.RECREATE:
        recreation.remove(cluster, change.identity, change.uid, clock)
    elif change.taken_from:
        _hand_over(cluster, change, manager)


def apply(cluster: Cluster, change: Change, manager: str, clock: Clock) -> None:
    """Creates, updates or recreates an object as planned.

    Raises:
        UserError: somebody else has changed it since.
    """
    if change.wanted is None:
        return
    prepare(cluster, change, manager, clock)
    try:
        cluster.apply(change.wanted, force=change.force or bool(change.taken_from), manager=manager)
    except ConflictError as error:
        raise UserError(
            f"{change.identity} was changed by somebody else since it was planned.",
            details=error.details,
            hint=f"To see what would change now, run: {program.command('plan')} {cluster.options}",
        ) from error


def _hand_over(cluster: Cluster, change: Change, manager: str) -> None:
    """Makes a manager the owner of what other programs applied, so that what is no longer wanted goes.

    Of what holds data nothing goes: a password may have been applied by hand.
    """
    identity = change.identity
    present = cluster.get(identity.api_version, identity.kind, identity.name)
    if present is not None:
        mine = present if identity.holds_data else managers.handed_over(present, manager)
        mine = gitops.without_marks(mine)
        if mine != present:
            cluster.replace(mine)
