"""The menu of the Kubeflow central dashboard: our entry in it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster.port import Cluster, ConflictError, Object

NAMESPACE = "kubeflow"
CONFIG_MAP = "centraldashboard-config"
LINK = "/metadata/"
ENTRY = {"type": "item", "link": LINK, "text": "Artifact Store", "icon": "assignment"}
_KEY, _MENU = "links", "menuLinks"
_TRIES = 5


def is_present(cluster: Cluster) -> bool | None:
    """Returns whether the menu has our entry; None where there is no dashboard, or it cannot be read.

    Args:
        cluster: in the namespace of the dashboard.
    """
    try:
        config = cluster.get("v1", "ConfigMap", CONFIG_MAP)
        return None if config is None else _has_entry(_links(cluster, config))
    except UserError:
        return None


def read(cluster: Cluster) -> Object:
    """Returns the ConfigMap of the menu.

    Raises:
        UserError: there is none, or it may not be read.
    """
    config = cluster.get("v1", "ConfigMap", CONFIG_MAP)
    if config is None:
        raise UserError(
            f"There is no Kubeflow dashboard in namespace {cluster.namespace}: no ConfigMap {CONFIG_MAP}.",
            hint="If it is in another namespace, name that with --dashboard-namespace.",
        )
    return config


def with_entry(cluster: Cluster, config: Object) -> Object | None:
    """Returns the ConfigMap with our entry in the menu; None where it is there.

    Raises:
        UserError: the menu cannot be read.
    """
    links = _links(cluster, config)
    if _has_entry(links):
        return None
    return _with_links(config, {**links, _MENU: [*links.get(_MENU, []), dict(ENTRY)]})


def without_entry(cluster: Cluster, config: Object) -> Object | None:
    """Returns the ConfigMap without our entry; None where it is not there.

    Raises:
        UserError: the menu cannot be read.
    """
    links = _links(cluster, config)
    if not _has_entry(links):
        return None
    return _with_links(config, {**links, _MENU: [each for each in links[_MENU] if not _is_ours(each)]})


def change(
    cluster: Cluster, changed: Callable[[Object], Object | None], allowed: Callable[[Object], None]
) -> tuple[Object, Object | None]:
    """Changes the ConfigMap, again where somebody else does so at the same time.

    Args:
        cluster: in the namespace of the dashboard.
        changed: returns the ConfigMap as it is to be; None where it is so.
        allowed: raises an error where this ConfigMap is not to be changed.

    Returns:
        the ConfigMap before, and after; None where nothing was to change.
    """
    for attempt in range(_TRIES):
        before = read(cluster)
        after = changed(before)
        if after is None:
            return before, None
        allowed(before)
        try:
            return before, cluster.replace(after)
        except ConflictError:
            if attempt == _TRIES - 1:
                raise
    raise AssertionError


def menu_text(config: Object) -> str:
    """Returns the JSON of the menu as it is stored."""
    return str((config.get("data") or {}).get(_KEY, ""))


def _links(cluster: Cluster, config: Object) -> dict[str, Any]:
    text = menu_text(config)
    try:
        links = json.loads(text) if text.strip() else {}
    except ValueError as error:
        raise _unusable(cluster, str(error)) from error
    if not isinstance(links, dict):
        raise _unusable(cluster, "it is not an object")
    if not isinstance(links.get(_MENU, []), list):
        raise _unusable(cluster, f"{_MENU} is not a list")
    return links


def _unusable(cluster: Cluster, why: str) -> UserError:
    return UserError(
        f"The menu of the dashboard cannot be read: {_KEY} in ConfigMap {CONFIG_MAP} is not JSON as expected.",
        details=why,
        hint=f"Nothing was changed. Correct it with: {cluster.kubectl} edit configmap {CONFIG_MAP}",
    )


def _has_entry(links: dict[str, Any]) -> bool:
    return any(_is_ours(each) for each in links.get(_MENU, []))


def _is_ours(entry: object) -> bool:
    return isinstance(entry, dict) and str(entry.get("link", "")).rstrip("/") == LINK.rstrip("/")


def _with_links(config: Object, links: dict[str, Any]) -> Object:
    changed = copy.deepcopy(config)
    indent = _indent(menu_text(config))
    text = json.dumps(links, indent=indent, ensure_ascii=False)
    changed["data"] = {**(config.get("data") or {}), _KEY: text}
    return changed


def _indent(text: str) -> int | None:
    """Returns by how much the JSON is indented; None where it is in one line."""
    lines = text.strip().splitlines()
    if len(lines) < 2:
        return None
    return len(lines[1]) - len(lines[1].lstrip()) or 2
