"""``version`` on a cluster: this program's, the installation's, the cluster's."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib import metadata

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.catalog import SERVER_NAME
from kubeflow_metadata.installer.cluster import server_log
from kubeflow_metadata.installer.cluster.diagnosis.database import DATABASE_READY
from kubeflow_metadata.installer.cluster.objects import PART
from kubeflow_metadata.installer.cluster.port import Cluster, Object
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.installer.verbs.target import Target
from kubeflow_metadata.parts import GRPC, SERVERS

_VERSION = "app.kubernetes.io/version"
_UNKNOWN = "unknown"
_LOG_LINES = 2000


def version(target: Target, terminal: Terminal) -> None:
    """Shows the versions; what cannot be read is unknown, and said."""
    document: Object = {"client": client()}
    rows = [("client", str(document["client"]["version"]))]
    try:
        cluster = target.cluster()
        kubernetes = cluster.version()
    except UserError as error:
        document |= {"installation": None, "kubernetes": None, "reason": str(error)}
        terminal.result(document, f"{lines(rows)}\n\nNo cluster: {error}")
        return
    installation, reason = _installation(cluster)
    document |= {"installation": installation, "kubernetes": kubernetes, "reason": reason}
    if installation is None:
        rows.append(("installation", reason))
    else:
        rows.append(("installation", installation["version"]))
        rows += [("image", image) for image in installation["images"]]
        rows += [(name, str(installation[name])) for name in ("schema", "database")]
    rows.append(("Kubernetes", kubernetes))
    text = lines(rows)
    if installation and installation["version"] not in {_UNKNOWN, document["client"]["version"]}:
        text += "\n\nThe installation and this program are of different versions."
    terminal.result(document, f"{text}\n\nContext {cluster.context}, namespace {cluster.namespace}.")


def client() -> dict[str, str]:
    """Returns the version of this program, and of the Python that runs it."""
    try:
        own = metadata.version(SERVER_NAME)
    except metadata.PackageNotFoundError:
        own = _UNKNOWN
    return {"version": own, "python": platform.python_version()}


def lines(rows: list[tuple[str, str]]) -> str:
    """Returns names and versions, one a line."""
    return "\n".join(f"{name:14} {value}" for name, value in rows)


def _installation(cluster: Cluster) -> tuple[Object | None, str]:
    """Returns the versions of the installation; or None, and why."""
    try:
        deployments = cluster.list("apps/v1", "Deployment", PART)
    except UserError as error:
        return None, f"{_UNKNOWN}: {error}"
    names = {part.workload for part in SERVERS}
    own = [each for each in deployments if each["metadata"]["name"] in names]
    if not own:
        return None, f"none in namespace {cluster.namespace}"
    labels = {(each["metadata"].get("labels") or {}).get(_VERSION, _UNKNOWN) for each in own}
    images = {each["spec"]["template"]["spec"]["containers"][0]["image"] for each in own}
    told = _told_by_server(cluster)
    return {
        "version": ", ".join(sorted(labels)),
        "images": sorted(images),
        "schema": told.get("schema_version", _UNKNOWN),
        "database": " ".join(told[name] for name in ("kind", "version") if told.get(name)) or _UNKNOWN,
    }, ""


def _told_by_server(cluster: Cluster) -> Mapping[str, str]:
    """Returns what the gRPC server last logged about its database; nothing where that cannot be read."""
    try:
        pods = cluster.list("v1", "Pod", f"{PART}={GRPC.name}")
    except UserError:
        return {}
    for pod in pods:
        text = cluster.logs(pod["metadata"]["name"], GRPC.container, lines=_LOG_LINES)
        if event := server_log.last(text, DATABASE_READY):
            return event.fields
    return {}
