"""Why a database cannot be used, as the servers themselves say in their logs.

The MLMD server logs ``database unavailable`` with a reason out of a fixed list and the database's own words, again and
again while that lasts, and ``database ready`` when it is over; the REST backend does the same of the store.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from kubeflow_metadata.installer.cluster import server_log
from kubeflow_metadata.installer.cluster.diagnosis import shapes
from kubeflow_metadata.installer.cluster.diagnosis.causes import Cause, Rank
from kubeflow_metadata.installer.cluster.diagnosis.finding import Finding
from kubeflow_metadata.installer.cluster.diagnosis.snapshot import Snapshot
from kubeflow_metadata.installer.cluster.objects import part_of
from kubeflow_metadata.installer.cluster.port import Object
from kubeflow_metadata.installer.cluster.server_log import LogEvent
from kubeflow_metadata.parts import DB, GRPC, REST, Part

DATABASE_READY, DATABASE_UNAVAILABLE = "database ready", "database unavailable"
# It is read, and not written to: of a server that is ready.
WRITES_REFUSED, WRITES_TAKEN = "database refuses writes", "database takes writes"
_STORE_READY, _STORE_UNAVAILABLE = "store ready", "store unavailable"

# A bundled MySQL starts at the same time as the server that waits for it, and may first have to recover.
_STARTING_SECONDS = 600.0
_WHILE_STARTING = {"unknown_host", "connection_refused", "timeout", "unreachable"}

# A server that cannot use its database ends sooner.
_SHORT_RUN_SECONDS = 60.0

_RESTART = "run: {kubectl} rollout restart deployment/{workload}"


def _cause(code: str, sentence: str, hint: str, patience: float = 30.0) -> Cause:
    return Cause(code, sentence, hint, patience, Rank.LINK)


_CAUSES = {
    "unknown_host": _cause(
        "KFM0301",
        "The database's host {host} is unknown: {error}.",
        "Check the name; to set it, run: {up} --set externalMysql.host=HOST",
    ),
    "connection_refused": _cause(
        "KFM0302",
        "Nothing listens at the database's address {host}:{port}: {error}.",
        "Start the database; or to set its address, run: "
        "{up} --set externalMysql.host=HOST --set externalMysql.port=PORT",
    ),
    "timeout": _cause(
        "KFM0303",
        "The database at {host}:{port} does not answer: {error}.",
        "Check that pods may reach it (firewall, externalMysql.cidrs); or to set its address, run: "
        "{up} --set externalMysql.host=HOST",
    ),
    "access_denied": _cause(
        "KFM0304",
        "The database at {host}:{port} refuses the login: {error}.",
        "Put the right user name and password into files. To put those into Secret {secret}, run: {kubectl} create "
        "secret generic {secret} --from-file={user_key}=FILE --from-file={password_key}=FILE --dry-run=client -o yaml "
        f"| {{kubectl}} apply -f -. Then {_RESTART}",
        20.0,
    ),
    "no_such_database": _cause(
        "KFM0305",
        "The database {database} does not exist at {host}:{port}: {error}.",
        "As an administrator of the database, create it (CREATE DATABASE `{database}`); or to set another name, run: "
        "{up} --set externalMysql.database=NAME",
        20.0,
    ),
    "tls": _cause(
        "KFM0306",
        "No TLS connection to the database at {host}:{port}: {error}.",
        "Mode verify needs Secret externalMysql.tls.caSecret with the CA of its certificate, which must name {host}; "
        "require only encrypts, and off does not ask for TLS. To set it, run: {up} --set externalMysql.tls.mode=MODE",
        20.0,
    ),
    "server_version": _cause(
        "KFM0307",
        "{error}.",
        "Upgrade the database server; or to set another one, run: {up} --set externalMysql.host=HOST",
        0.0,
    ),
    "schema_version": _cause(
        "KFM0308", "{error}.", "Or to use another database, run: {up} --set externalMysql.database=NAME", 0.0
    ),
    "missing_rights": _cause(
        "KFM0309",
        "The user lacks rights on database {database} at {host}:{port}: {error}.",
        "As an administrator, create the database if it is missing, and: GRANT ALL ON `{database}`.* TO 'USER'@'%';",
        20.0,
    ),
    "full": _cause(
        "KFM0310", "The database at {host}:{port} is full: {error}.", "Free some space on its disk, or enlarge it.", 0.0
    ),
    "too_many_connections": _cause(
        "KFM0311",
        "The database at {host}:{port} has no connection left: {error}.",
        "Raise max_connections of the database, or of its user; or for fewer connections, run: "
        "{up} --set grpc.replicas=1 --set grpc.workerProcesses=1",
        120.0,
    ),
    "read_only": _cause(
        "KFM0312",
        "The database at {host}:{port} does not accept writes: {error}.",
        "To set the address of the server that does, run: {up} --set externalMysql.host=HOST",
        60.0,
    ),
    "damaged": _cause(
        "KFM0313",
        "The database at {host}:{port} is damaged: {error}.",
        f"Repair the table, or restore a backup. Then {_RESTART}",
        0.0,
    ),
    "locked": _cause("KFM0314", "The database {address} is locked: {error}.", "Stop the program that locks it."),
    "unreachable": _cause(
        "KFM0315",
        "The database at {host}:{port} cannot be used: {error}.",
        "Check that it runs and that pods may reach it; or to set its address, run: {up} --set externalMysql.host=HOST",
        60.0,
    ),
}
# What to do about the bundled MySQL, if that is something else.
_BUNDLED = {
    "unknown_host": "Its Service is missing, or the cluster's DNS fails, run: {kubectl} get service {mysql}",
    "access_denied": "Secret {secret} does not hold the passwords with which MySQL was set up: restore it from a "
    f"backup. Then {_RESTART}",
    "full": "To enlarge its volume, if the StorageClass allows that, run: {up} --set mysql.storage.size=SIZE",
    "too_many_connections": "To allow more, run: {up} --set mysql.maxConnections=300",
    "damaged": _CAUSES["damaged"].hint,
    "schema_version": "Restore a backup of a version that this release knows.",
}
_LOOK_AT_MYSQL = "For what MySQL says, run: {kubectl} logs statefulset/{mysql} --tail=50"
_STORE = _cause(
    "KFM0316",
    "The MLMD gRPC server at {address} does not answer ({reason}): {error}.",
    "For what it says, run: {kubectl} logs deployment/{workload} --tail=50",
    math.inf,
)


def findings(snapshot: Snapshot) -> Iterator[Finding]:
    """Yields why the database, or the store, cannot be used now; one finding for each of them and each reason."""
    yield from _once(_of_part(snapshot, GRPC, DATABASE_UNAVAILABLE, DATABASE_READY))
    yield from _once(_of_part(snapshot, REST, _STORE_UNAVAILABLE, _STORE_READY))


def is_told(snapshot: Snapshot, pod: str, container: str) -> bool:
    """Returns whether a container said last that it cannot use its database, which ``findings`` tells."""
    if container != GRPC.container:
        return False
    event = server_log.last(snapshot.logs.get((pod, container), ""), DATABASE_UNAVAILABLE, DATABASE_READY)
    return event is not None and event.name == DATABASE_UNAVAILABLE


def _once(found: Iterable[Finding]) -> Iterator[Finding]:
    told = set()
    for each in found:
        if (each.code, each.subject) not in told:
            told.add((each.code, each.subject))
            yield each


def _of_part(snapshot: Snapshot, part: Part, bad: str, good: str) -> Iterator[Finding]:
    for pod in shapes.current_pods(snapshot):
        if part_of(pod) != part.name or shapes.is_terminating(pod) or shapes.is_ready(pod):
            continue
        text = snapshot.logs.get((shapes.name_of(pod), part.container), "")
        event = server_log.last(text, bad, good)
        if event is not None and event.name == bad and not _is_over(snapshot, part, event):
            told = (_seconds(snapshot, text, bad, good), _seconds_of_runs(snapshot, pod, part))
            known = [each for each in told if each is not None]
            yield _finding(snapshot, pod, part, event, max(known, default=None))


def _is_over(snapshot: Snapshot, part: Part, event: LogEvent) -> bool:
    """Returns whether the store of this installation is ready, and the REST backend has not noticed yet."""
    if part is not REST or event.fields.get("address", "").partition(":")[0] != GRPC.services[0].name:
        return False
    return any(part_of(each) == GRPC.name and shapes.is_ready(each) for each in snapshot.pods)


def _seconds(snapshot: Snapshot, text: str, bad: str, good: str) -> float | None:
    """Returns for how long it has been so."""
    since: datetime | None = None
    for event in server_log.events(text):
        if event.name == good:
            since = None
        elif event.name == bad:
            since = since or event.time
    return None if since is None else max(0.0, (snapshot.taken - since).total_seconds())


def _seconds_of_runs(snapshot: Snapshot, pod: Object, part: Part) -> float | None:
    """Returns how long ago the previous run began of a server that ended soon, as it does where waiting cannot help."""
    for container in shapes.containers(pod):
        run = container.ended_before if container.name == part.container else {}
        began, ended = shapes.moment(run.get("startedAt")), shapes.moment(run.get("finishedAt"))
        if began and ended and (ended - began).total_seconds() < _SHORT_RUN_SECONDS:
            return max(0.0, (snapshot.taken - began).total_seconds())
    return None


def _finding(snapshot: Snapshot, pod: Object, part: Part, event: LogEvent, seconds: float | None) -> Finding:
    address, reason = event.fields.get("address", ""), event.fields.get("reason", "")
    host_and_port, _, database = address.partition("/")
    host, _, port = host_and_port.rpartition(":")
    secret, user_key, password_key = _secret(pod)
    words = {
        "reason": reason.replace("_", " "),
        "error": event.fields.get("error", "").rstrip("."),
        "address": address,
        "host": host,
        "port": port,
        "database": database,
        "secret": secret,
        "user_key": user_key,
        "password_key": password_key,
        "workload": GRPC.workload,
        "mysql": DB.workload,
    }
    if part is REST:
        return _STORE.found(snapshot, f"Store {address}", part.name, words, seconds=seconds)
    cause = _CAUSES.get(reason, _CAUSES["unreachable"])
    if host == DB.services[0].name:
        patience = max(cause.patience, _STARTING_SECONDS) if reason in _WHILE_STARTING else cause.patience
        cause = replace(cause, hint=_BUNDLED.get(reason, _LOOK_AT_MYSQL), patience=patience)
    return cause.found(snapshot, f"Database {address}", part.name, words, seconds=seconds)


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
