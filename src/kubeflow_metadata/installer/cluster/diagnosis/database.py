"""Why a database cannot be used, as the servers themselves say in their logs.

The MLMD server logs ``database unavailable`` with a reason out of a fixed list and the database's own words, again and
again while that lasts, and ``database ready`` when it is over; the REST backend does the same of the store.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.cluster import server_log
from kubeflow_metadata.installer.cluster.diagnosis.finding import Finding
from kubeflow_metadata.installer.cluster.objects import part_of
from kubeflow_metadata.installer.cluster.port import Object
from kubeflow_metadata.installer.cluster.server_log import LogEvent
from kubeflow_metadata.parts import DB, GRPC, REST, Part

DATABASE_READY, DATABASE_UNAVAILABLE = "database ready", "database unavailable"
_STORE_READY, _STORE_UNAVAILABLE = "store ready", "store unavailable"

_ENDED = {"Failed", "Succeeded"}
_TEMPLATE = "pod-template-hash"

# A bundled MySQL starts at the same time as the server that waits for it, and may first have to recover.
_STARTING_SECONDS = 600.0
_WHILE_STARTING = {"unknown_host", "connection_refused", "timeout", "unreachable"}


class Look(Protocol):
    """What is needed of a look at the cluster."""

    @property
    def options(self) -> str:
        """How commands in hints are pointed at the namespace."""

    @property
    def kubectl(self) -> str:
        """How hints call kubectl on the namespace."""

    @property
    def taken(self) -> datetime:
        """When it was taken."""

    @property
    def pods(self) -> Sequence[Object]:
        """The pods of the installation."""

    @property
    def logs(self) -> Mapping[tuple[str, str], str]:
        """The last lines of containers that are not ready, by pod and container."""


@dataclass(frozen=True)
class _Cause:
    """A reason.

    Attributes:
        code: stable.
        sentence: what is so, with the words of ``_Words``.
        hint: what to do about an external database.
        bundled: what to do about the bundled one; none: look at what it says.
        patience: seconds to wait for it to resolve by itself.
    """

    code: str
    sentence: str
    hint: str
    bundled: str = ""
    patience: float = 30.0


_RESTART = "{kubectl} rollout restart deployment/{workload}"
_LOOK_AT_MYSQL = "See what MySQL says: {kubectl} logs statefulset/{mysql} --tail=50"
_DATABASE = {
    "unknown_host": _Cause(
        "KFM0301",
        "The database's host {host} is unknown: {error}",
        "Check the name, then set it: {up} --set externalMysql.host=HOST",
        "The Service {mysql} is missing, or the cluster's DNS fails: {kubectl} get service {mysql}",
    ),
    "connection_refused": _Cause(
        "KFM0302",
        "Nothing listens at the database's address {host}:{port}: {error}",
        "Start the database, or set its address: {up} --set externalMysql.host=HOST --set externalMysql.port=PORT",
    ),
    "timeout": _Cause(
        "KFM0303",
        "The database at {host}:{port} does not answer: {error}",
        "Check that pods may reach it (firewall; externalMysql.cidrs), or set its address: "
        "{up} --set externalMysql.host=HOST",
    ),
    "access_denied": _Cause(
        "KFM0304",
        "The database at {host}:{port} refuses the login: {error}",
        "Put the right user name and password into files, and into Secret {secret}:\n"
        "  {kubectl} create secret generic {secret} --from-file={user_key}=FILE --from-file={password_key}=FILE "
        "--dry-run=client -o yaml | {kubectl} apply -f -\n"
        f"then: {_RESTART}",
        "Secret {secret} does not hold the passwords with which MySQL was set up. Restore that Secret from a backup, "
        f"then: {_RESTART}",
        patience=20.0,
    ),
    "no_such_database": _Cause(
        "KFM0305",
        "The database {database} does not exist at {host}:{port}: {error}",
        "As an administrator of the database, run: CREATE DATABASE `{database}`; or set another name: "
        "{up} --set externalMysql.database=NAME",
        patience=20.0,
    ),
    "tls": _Cause(
        "KFM0306",
        "No TLS connection to the database at {host}:{port}: {error}",
        "externalMysql.tls.mode is verify, require or off; for verify, externalMysql.tls.caSecret holds the CA of its "
        "certificate, which must name {host}. Set it: {up} --set externalMysql.tls.mode=MODE",
        patience=20.0,
    ),
    "server_version": _Cause(
        "KFM0307",
        "{error}",
        "Upgrade the database server, or set another one: {up} --set externalMysql.host=HOST",
        patience=0.0,
    ),
    "schema_version": _Cause(
        "KFM0308",
        "{error}",
        "Do so, or use another database: {up} --set externalMysql.database=NAME",
        patience=0.0,
    ),
    "missing_rights": _Cause(
        "KFM0309",
        "The user lacks rights on database {database} at {host}:{port}: {error}",
        "As an administrator of the database, run: GRANT ALL ON `{database}`.* TO 'USER'@'%';",
        patience=20.0,
    ),
    "full": _Cause(
        "KFM0310",
        "The database at {host}:{port} is full: {error}",
        "Free some space on its disk, or enlarge it.",
        "Enlarge its volume, if the StorageClass allows that: {up} --set mysql.storage.size=SIZE",
        patience=0.0,
    ),
    "too_many_connections": _Cause(
        "KFM0311",
        "The database at {host}:{port} has no connection left: {error}",
        "Raise max_connections of the database, or of its user; or run fewer replicas: {up} --set grpc.replicas=1",
        "Allow more: {up} --set mysql.maxConnections=300",
        patience=120.0,
    ),
    "read_only": _Cause(
        "KFM0312",
        "The database at {host}:{port} does not accept writes: {error}",
        "Set the address of the server that does: {up} --set externalMysql.host=HOST",
        patience=60.0,
    ),
    "damaged": _Cause(
        "KFM0313",
        "The database at {host}:{port} is damaged: {error}",
        "Repair the table, or restore a backup; then: " + _RESTART,
        patience=0.0,
    ),
    "locked": _Cause("KFM0314", "The database {address} is locked: {error}", "Stop the program that locks it."),
    "unreachable": _Cause(
        "KFM0315",
        "The database at {host}:{port} cannot be used: {error}",
        "Check that it runs and that pods may reach it, or set its address: {up} --set externalMysql.host=HOST",
        patience=60.0,
    ),
}
_STORE = _Cause(
    "KFM0316",
    "The MLMD gRPC server at {address} does not answer ({reason}): {error}",
    "See what it says: {kubectl} logs deployment/{workload} --tail=50",
    patience=math.inf,
)


def findings(look: Look) -> Iterator[Finding]:
    """Yields why the database, or the store, cannot be used now; one finding for each reason."""
    yield from _once(_of_part(look, GRPC, DATABASE_UNAVAILABLE, DATABASE_READY))
    yield from _once(_of_part(look, REST, _STORE_UNAVAILABLE, _STORE_READY))


def _once(found: Iterable[Finding]) -> Iterator[Finding]:
    codes = set()
    for each in found:
        if each.code not in codes:
            codes.add(each.code)
            yield each


def _of_part(look: Look, part: Part, bad: str, good: str) -> Iterator[Finding]:
    for pod in _current(look.pods, part):
        text = look.logs.get((pod["metadata"]["name"], part.container), "")
        event = server_log.last(text, bad, good)
        if event is None or event.name != bad:
            continue
        cause = _STORE if part is REST else _DATABASE.get(event.fields.get("reason", ""), _DATABASE["unreachable"])
        yield _finding(look, pod, part, event, cause, _seconds(look, text, bad, good))


def _current(pods: Sequence[Object], part: Part) -> list[Object]:
    """Returns the pods of a part that are to stay and are not ready: those of its newest template."""
    ours = [each for each in pods if part_of(each) == part.name and not each["metadata"].get("deletionTimestamp")]
    ours = [each for each in ours if (each.get("status") or {}).get("phase") not in _ENDED]
    newest = max(ours, key=lambda each: str(each["metadata"].get("creationTimestamp", "")), default=None)
    return [each for each in ours if newest and _template(each) == _template(newest) and not _is_ready(each)]


def _template(pod: Object) -> str:
    return str((pod["metadata"].get("labels") or {}).get(_TEMPLATE, ""))


def _is_ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _seconds(look: Look, text: str, bad: str, good: str) -> float | None:
    """Returns for how long it has been so."""
    since: datetime | None = None
    for event in server_log.events(text):
        if event.name == good:
            since = None
        elif event.name == bad:
            since = since or event.time
    return None if since is None else max(0.0, (look.taken - since).total_seconds())


def _finding(look: Look, pod: Object, part: Part, event: LogEvent, cause: _Cause, seconds: float | None) -> Finding:
    address = event.fields.get("address", "")
    host_and_port, _, database = address.partition("/")
    host, _, port = host_and_port.rpartition(":")
    secret, user_key, password_key = _secret(pod)
    words = {
        "reason": event.fields.get("reason", "").replace("_", " "),
        "error": event.fields.get("error", "").rstrip("."),
        "address": address,
        "host": host,
        "port": port,
        "database": database,
        "secret": secret,
        "user_key": user_key,
        "password_key": password_key,
        "kubectl": look.kubectl,
        "up": f"{program.command('up')} {look.options}",
        "workload": GRPC.workload,
        "mysql": DB.workload,
    }
    is_bundled = host == DB.services[0].name
    is_starting = is_bundled and event.fields.get("reason") in _WHILE_STARTING
    hint = (cause.bundled or _LOOK_AT_MYSQL) if is_bundled and cause is not _STORE else cause.hint
    return Finding(
        code=cause.code,
        subject=f"Pod {pod['metadata']['name']}",
        part=part.name,
        sentence=f"{cause.sentence.format(**words)}.",
        hint=hint.format(**words),
        seconds=seconds,
        patience=max(cause.patience, _STARTING_SECONDS) if is_starting else cause.patience,
    )


def _secret(pod: Object) -> tuple[str, str, str]:
    """Returns the Secret of user name and password, and their keys in it."""
    for volume in (pod.get("spec") or {}).get("volumes") or []:
        if volume.get("name") == "database" and volume.get("secret"):
            keys = {each["path"]: each["key"] for each in volume["secret"].get("items") or []}
            return (
                str(volume["secret"].get("secretName", "")),
                str(keys.get("user", "MYSQL_USERNAME")),
                str(keys.get("password", "MYSQL_PASSWORD")),
            )
    return "metadata-db-secrets", "MYSQL_USERNAME", "MYSQL_PASSWORD"
