"""``credentials``: those of the bundled database, for somebody who asks for them."""

from __future__ import annotations

import base64
import binascii
import shlex

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.cluster.port import Cluster, Object
from kubeflow_metadata.installer.render.names import DATABASE_SECRET
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.installer.verbs.target import Target
from kubeflow_metadata.parts import DB, GRPC

_PARAMETERS = "metadata-db-parameters"
_DATABASE = "metadb"
# Ours by the name that they have in what is printed: those that MySQL's own images use.
_KEYS = {"MYSQL_USER": "MYSQL_USERNAME", "MYSQL_PASSWORD": "MYSQL_PASSWORD"}


def credentials(target: Target, terminal: Terminal) -> None:
    """Prints the credentials, and how to connect with them.

    Raises:
        UserError: there is no bundled database, its Secret is missing or incomplete, or may not be read.
    """
    cluster = target.cluster()
    if cluster.get("apps/v1", DB.workload_kind, DB.workload) is None:
        raise _none(cluster)
    name = _secret_name(cluster)
    data = _data(cluster, name)
    service = DB.services[0]
    values = {ours: _text(data, key, name, cluster) for ours, key in _KEYS.items()}
    values |= {
        "MYSQL_DATABASE": _database(cluster),
        "MYSQL_HOST": f"{service.name}.{cluster.namespace}",
        "MYSQL_PORT": str(service.port),
    }
    document = {key.removeprefix("MYSQL_").lower(): value for key, value in values.items()}
    terminal.result(document, "\n".join(f"{key}={shlex.quote(value)}" for key, value in values.items()))
    terminal.note(
        "To connect from this machine:\n"
        f"  {cluster.kubectl} port-forward service/{service.name} 3306:{service.port}\n"
        f"  mysql --host=127.0.0.1 --user={shlex.quote(values['MYSQL_USER'])} --password {values['MYSQL_DATABASE']}"
    )


def _none(cluster: Cluster) -> UserError:
    deployment = cluster.get("apps/v1", GRPC.workload_kind, GRPC.workload)
    if deployment is None:
        hint = f"To install, run: {program.command('up')} {cluster.options}"
        return UserError(f"Nothing is installed in namespace {cluster.namespace}.", hint=hint)
    secret = _database_volume(deployment).get("secretName", DATABASE_SECRET)
    return UserError(
        f"The installation in namespace {cluster.namespace} uses an external database.",
        hint=f"Its credentials are yours, in Secret {secret}: {cluster.kubectl} get secret {secret} --output yaml",
    )


def _secret_name(cluster: Cluster) -> str:
    deployment = cluster.get("apps/v1", GRPC.workload_kind, GRPC.workload)
    return str(_database_volume(deployment or {}).get("secretName", DATABASE_SECRET))


def _database_volume(deployment: Object) -> Object:
    pod = deployment.get("spec", {}).get("template", {}).get("spec", {})
    volumes = {each.get("name"): each for each in pod.get("volumes") or []}
    return dict(volumes.get("database", {}).get("secret") or {})


def _data(cluster: Cluster, name: str) -> dict[str, str]:
    secret = cluster.get("v1", "Secret", name)
    if secret is None:
        raise UserError(
            f"The Secret {name} does not exist in namespace {cluster.namespace}.",
            hint=f"For the state of the installation, run: {program.command('status')} {cluster.options}",
        )
    return dict(secret.get("data") or {})


def _text(data: dict[str, str], key: str, secret: str, cluster: Cluster) -> str:
    try:
        return base64.b64decode(data[key], validate=True).decode()
    except KeyError:
        raise UserError(
            f"The Secret {secret} has no {key} yet.",
            hint=f"MySQL's initContainer fills it. For its state, run: {program.command('status')} {cluster.options}",
        ) from None
    except (binascii.Error, UnicodeDecodeError):
        raise UserError(f"{key} in the Secret {secret} is no text.") from None


def _database(cluster: Cluster) -> str:
    try:
        parameters = cluster.get("v1", "ConfigMap", _PARAMETERS) or {}
    except UserError:
        return _DATABASE
    return str((parameters.get("data") or {}).get("MYSQL_DATABASE", _DATABASE))
