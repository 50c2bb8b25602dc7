"""``dashboard``: our entry in the menu of the Kubeflow central dashboard."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.cluster import dashboard as menu
from kubeflow_metadata.installer.cluster.planning.gitops import manager_of
from kubeflow_metadata.installer.cluster.port import Cluster, Object
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.installer.verbs.target import Target


@dataclass(frozen=True)
class Wish:
    """What is to become of the entry.

    Attributes:
        add: whether it is to be there.
        dry_run: whether to show the change only.
        take_over: whether to change what Argo CD or Flux manages.
    """

    add: bool
    dry_run: bool = False
    take_over: bool = False

    @property
    def verb(self) -> str:
        """What the user typed."""
        return "dashboard add" if self.add else "dashboard remove"


def dashboard(target: Target, wish: Wish, terminal: Terminal) -> None:
    """Adds the entry to the menu, or removes it; anything else in the menu stays as it is.

    Raises:
        UserError: there is no dashboard, its menu cannot be read, or it is managed elsewhere.
    """
    cluster = target.cluster()
    changed = menu.with_entry if wish.add else menu.without_entry

    def allowed(config: Object) -> None:
        manager = manager_of(config)
        if manager and not wish.take_over:
            raise _refusal(cluster, manager, wish)

    if wish.dry_run:
        before = menu.read(cluster)
        after = changed(cluster, before)
        if after is not None:
            allowed(before)
    else:
        before, after = menu.change(cluster, lambda config: changed(cluster, config), allowed)
    change = _difference(before, after) if after else ""
    where = f"the dashboard in namespace {cluster.namespace}"
    entry = f"Artifact Store ({menu.LINK})"
    if after is None:
        text = f"{entry} {'is already in' if wish.add else 'is not in'} {where}."
    elif wish.dry_run:
        text = f"{change}\n\nDry run: nothing was changed."
    else:
        text = f"{'Added' if wish.add else 'Removed'} {entry} {'to' if wish.add else 'from'} {where}."
    document = {
        "context": cluster.context,
        "namespace": cluster.namespace,
        "changed": after is not None and not wish.dry_run,
        "would_change": after is not None,
        "present": wish.add if not wish.dry_run or after is None else not wish.add,
        "difference": change.splitlines(),
    }
    terminal.result(document, text)


def _difference(before: Object, after: Object) -> str:
    old, new = (menu.menu_text(each).splitlines() for each in (before, after))
    name = f"ConfigMap {menu.CONFIG_MAP}: links"
    return "\n".join(difflib.unified_diff(old, new, name, name, lineterm=""))


def _refusal(cluster: Cluster, manager: str, wish: Wish) -> UserError:
    namespace = "" if cluster.namespace == menu.NAMESPACE else f" --dashboard-namespace {cluster.namespace}"
    context = f" --context {cluster.context}" if cluster.context else ""
    return UserError(
        f"{manager} manages ConfigMap {menu.CONFIG_MAP} in namespace {cluster.namespace}, and would undo the change.",
        hint=f"Make the change there, or run: {program.command(wish.verb)}{context}{namespace} --take-over",
    )
