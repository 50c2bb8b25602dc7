"""Running checks: each group in its place, whatever becomes of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster.checks import (
    codes,
    connection,
    images,
    installation,
    namespace,
    nodes,
    objects,
    permissions,
    quota,
    references,
    storage,
)
from kubeflow_metadata.installer.cluster.checks.result import Check, Result, Severity
from kubeflow_metadata.installer.cluster.checks.subject import Subject
from kubeflow_metadata.installer.cluster.port import ForbiddenError, UnreachableError


@dataclass(frozen=True)
class Group:
    """Checks that one function answers.

    Attributes:
        check: the first of them, which an error of the function counts for.
        run: answers them.
    """

    check: Check
    run: Callable[[Subject], Iterator[Result]]


CONNECTION = (
    Group(codes.API_SERVER, connection.api_server),
    Group(codes.PROXY, connection.proxy),
)
BEFORE = (
    *CONNECTION,
    Group(codes.PROGRAMS, connection.programs),
    Group(codes.INSTALL_RIGHTS, permissions.to_install),
    Group(codes.READ_RIGHTS, permissions.to_read),
    Group(codes.NAMESPACE_STATE, namespace.state),
    Group(codes.POD_SECURITY, namespace.pod_security),
    Group(codes.QUOTA, quota.room),
    Group(codes.LIMIT_RANGE, quota.limits),
    Group(codes.NODE_ROOM, nodes.room),
    Group(codes.STORAGE_CLASS, storage.claim),
    Group(codes.IMAGE, images.presence),
    Group(codes.PULL_SECRETS, images.pull_secrets),
    Group(codes.KINDS, objects.kinds_are_served),
    Group(codes.DRY_RUN, objects.dry_run),
    Group(codes.NAMES, objects.names),
    Group(codes.MANAGERS, objects.managers),
    Group(codes.REFERENCES, references.provided),
)
AFTER = (
    *CONNECTION,
    Group(codes.READ_RIGHTS, permissions.to_read),
    Group(codes.CAUSES, installation.causes),
    Group(codes.ENDPOINTS, installation.endpoints),
    Group(codes.SECRET, installation.secret),
    Group(codes.CLAIM, installation.claim),
    Group(codes.DRIFT, installation.drift),
    Group(codes.UI_ANSWERS, installation.answers),
    Group(codes.MENU_ENTRY, installation.menu_entry),
)


def run(subject: Subject, groups: Iterable[Group], say: Callable[[str], None] = lambda _text: None) -> list[Result]:
    """Runs checks; without an API server there is nothing more to ask."""
    results: list[Result] = []
    for group in groups:
        say(group.check.title)
        results += _answered(group, subject)
        if any(each.code == codes.API_SERVER.code and each.severity is not Severity.OK for each in results):
            break
    return results


def unreachable(error: UserError) -> Result:
    """Returns what the first check answers where there is no way to the cluster at all."""
    hint = " ".join(filter(None, (error.hint, connection.proxy_hint())))
    return codes.API_SERVER.failed(str(error), hint, error.details)


def _answered(group: Group, subject: Subject) -> list[Result]:
    try:
        return list(group.run(subject))
    except UnreachableError as error:
        if group.check is codes.API_SERVER:
            return [unreachable(error)]
        return [group.check.unknown(f"Not checked: {error}", error.hint, error.details)]
    except ForbiddenError as error:
        return [group.check.unknown(str(error), error.hint, error.details)]
    except UserError as error:
        return [group.check.failed(str(error), error.hint, error.details)]
