"""Secrets and ConfigMaps that are missing or incomplete, and volumes that cannot be mounted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.cluster.diagnosis import causes, shapes
from kubeflow_metadata.installer.cluster.diagnosis.finding import Finding
from kubeflow_metadata.installer.cluster.diagnosis.shapes import Reference
from kubeflow_metadata.installer.cluster.diagnosis.snapshot import Keys, Snapshot
from kubeflow_metadata.installer.cluster.objects import part_of
from kubeflow_metadata.installer.cluster.port import Object

# What MySQL's initContainer says when it finds data and no passwords.
PASSWORDS_LOST = "its passwords are lost"
# The keys without which MySQL cannot start.
PASSWORDS = ("MYSQL_ROOT_PASSWORD", "MYSQL_USERNAME", "MYSQL_PASSWORD")
_OURS = "metadata-"
# How the kubelet names what is missing, where it may not be looked up.
_MISSING = re.compile(r'\b(?P<kind>secret|configmap) "(?P<name>[^"]+)" not found', re.IGNORECASE)
_MISSING_KEY = re.compile(r"couldn't find key (?P<key>\S+) in (?P<kind>Secret|ConfigMap) [^/\s]+/(?P<name>\S+)")
_KINDS = {"secret": "Secret", "configmap": "ConfigMap"}
_OF_KEYS = re.compile(r"references non-existent (?:secret|config) key")
# Of a claim that the kubelet cannot use, the claim itself tells why.
_OF_CLAIM = re.compile(r"PVC is being deleted|error processing PVC")
_TRANSIENT = re.compile(r"not registered|failed to sync (?:secret|configmap) cache")
_PROGRESS = ("Pulling", "Pulled", "Created", "Started")


@dataclass
class _Need:
    """What pods need of one object.

    Attributes:
        keys: that it must have.
        part: the first part that needs it.
        pod: a pod that needs it; empty if there is none yet.
        is_waiting: whether a pod needs it to start now.
        seconds: how long that pod has been there.
    """

    keys: set[str] = field(default_factory=set)
    part: str = ""
    pod: str = ""
    is_waiting: bool = False
    seconds: float | None = None


def findings(snapshot: Snapshot) -> Iterator[Finding]:
    """Yields what current pods need and lack."""
    for (kind, name), need in _needs(snapshot).items():
        keys: Keys = snapshot.secrets if kind == "Secret" else snapshot.config_maps
        if name in keys and (found := _lacking(snapshot, kind, name, need, keys[name])):
            yield found
    yield from _said(snapshot)


def filled_secret(snapshot: Snapshot) -> str:
    """Returns the name of the Secret that MySQL's initContainer fills; empty without one."""
    return next((name for each in snapshot.workloads if (name := shapes.filled_secret(shapes.template_of(each)))), "")


def _needs(snapshot: Snapshot) -> dict[tuple[str, str], _Need]:
    needs: dict[tuple[str, str], _Need] = {}
    for workload in snapshot.workloads:
        for pod in shapes.pods_of(snapshot, workload) or [shapes.template_of(workload)]:
            if not shapes.has_failed(pod):
                _add(needs, snapshot, pod, part_of(workload))
    if not snapshot.workloads:
        for pod in shapes.current_pods(snapshot):
            _add(needs, snapshot, pod, part_of(pod))
    if (own := filled_secret(snapshot)) and _mysql_has_data(snapshot):
        # Without them, MySQL cannot start again.
        needs.setdefault(("Secret", own), _Need(part="db")).keys.update(PASSWORDS)
    return needs


def _add(needs: dict[tuple[str, str], _Need], snapshot: Snapshot, pod: Object, part: str) -> None:
    for reference in shapes.references(pod):
        need = needs.setdefault((reference.kind, reference.name), _Need(part=part))
        if reference.key:
            need.keys.add(reference.key)
        is_pod = bool(pod["metadata"].get("name"))
        if is_pod and not need.is_waiting:
            need.pod, need.part = shapes.name_of(pod), part
            need.is_waiting = _waits(pod)
            need.seconds = shapes.age(pod, snapshot)


def _waits(pod: Object) -> bool:
    """Returns whether a pod may be waiting for what it mounts or reads."""
    if shapes.is_ready(pod) or not (pod.get("spec") or {}).get("nodeName"):
        return False
    cannot = any(each.waiting.get("reason") == "CreateContainerConfigError" for each in shapes.containers(pod))
    return cannot or not shapes.has_started(pod)


def _lacking(snapshot: Snapshot, kind: str, name: str, need: _Need, present: tuple[str, ...] | None) -> Finding | None:
    missing = sorted(need.keys - set(present or ()))
    if present is not None and not missing:
        return None
    subject, lacks = f"{kind} {name}", " and ".join(missing)
    patience = None if need.is_waiting else float("inf")
    words = {"name": name, "missing": lacks, "pod": need.pod or "POD"}
    words["while_running"] = f", which {need.part} needs to start" if not need.is_waiting else ""
    if kind == "Secret" and name == filled_secret(snapshot):
        return _of_mysql(snapshot, subject, need, present, words)
    keys = present if present is not None else ()
    asked = ", ".join(sorted(need.keys))
    available = "" if present is None else f"keys: {', '.join(keys) or 'none'}"
    if kind == "Secret":
        cause = causes.SECRET_MISSING if present is None else causes.SECRET_INCOMPLETE
        files = [f"--from-file={key}=FILE" for key in sorted(need.keys)]
        words["literals"] = " ".join(files) or "--from-file=FILE"
    else:
        cause = causes.CONFIG_MAP_MISSING if present is None else causes.CONFIG_MAP_INCOMPLETE
        words["remedy"] = _config_map_remedy(snapshot, name)
    return cause.found(
        snapshot, subject, need.part, words, asked=asked, available=available, seconds=need.seconds, patience=patience
    )


def _config_map_remedy(snapshot: Snapshot, name: str) -> str:
    if name.startswith(_OURS):
        return f"It is part of the installation. To create it, run: {program.command('up')} {snapshot.options}"
    return f"To create it, run: {snapshot.kubectl} create configmap {name} --from-file=FILE"


def _of_mysql(
    snapshot: Snapshot, subject: str, need: _Need, present: tuple[str, ...] | None, words: dict[str, str]
) -> Finding:
    """Returns what it means that the Secret of the bundled MySQL is not filled."""
    database = next(each for each in snapshot.workloads if shapes.filled_secret(shapes.template_of(each)))
    if _mysql_has_data(snapshot):
        runs = next((pod for pod in _database_pods(snapshot) if shapes.is_ready(pod)), None)
        return causes.SECRET_LOST.found(
            snapshot,
            subject,
            "db",
            {
                **words,
                "state": "missing" if present is None else f"without {words['missing']}",
                "remedy": _recovery(snapshot, words["name"], runs),
            },
            seconds=None if runs else need.seconds,
            patience=float("inf") if runs and not need.is_waiting else None,
        )
    if present is None:
        return causes.DATABASE_SECRET_MISSING.found(snapshot, subject, "db", words, seconds=need.seconds)
    container = next(
        (each["name"] for each in shapes.template_of(database)["spec"].get("initContainers") or []), "secret"
    )
    return causes.SECRET_AWAITED.found(
        snapshot,
        subject,
        need.part,
        {
            **words,
            "key": words["missing"] or "values",
            "workload": f"{database['kind'].lower()}/{shapes.name_of(database)}",
            "container": container,
        },
        seconds=need.seconds,
    )


def _database_pods(snapshot: Snapshot) -> list[Object]:
    return [
        pod
        for workload in snapshot.workloads
        if shapes.filled_secret(shapes.template_of(workload))
        for pod in shapes.pods_of(snapshot, workload)
        if not shapes.has_failed(pod)
    ]


def _mysql_has_data(snapshot: Snapshot) -> bool:
    """Returns whether MySQL's volume holds data: it has started, or its initContainer says so."""
    for pod in _database_pods(snapshot):
        for container in shapes.containers(pod):
            if not container.is_init and container.has_started:
                return True
            said = (container.ended or container.ended_before).get("message") or ""
            if container.is_init and PASSWORDS_LOST in said:
                return True
    return False


def _recovery(snapshot: Snapshot, name: str, running: Object | None) -> str:
    docs = 'docs/kubernetes.md, "Recovering from a lost Secret"'
    if running is None:
        return f"Restore the Secret from a backup, or set new passwords: {docs}."
    read = f"<({snapshot.kubectl} exec {shapes.name_of(running)} -c mysql -- cat /credentials/"
    files = {"MYSQL_USERNAME": "user", "MYSQL_PASSWORD": "password", "MYSQL_ROOT_PASSWORD": "root-password"}
    sources = " ".join(f"--from-file={key}={read}{file})" for key, file in files.items())
    return (
        f"Do not delete the pod: it still has them. In bash, run: {snapshot.kubectl} delete secret {name} "
        f"--ignore-not-found; {snapshot.kubectl} create secret generic {name} {sources}"
    )


def _said(snapshot: Snapshot) -> Iterator[Finding]:
    """Yields what pods wait for as the kubelet says it, where it is nothing that was looked up."""
    for pod in shapes.current_pods(snapshot):
        if not _waits(pod):
            continue
        waiting = [each.waiting.get("message", "") for each in shapes.containers(pod)]
        event = shapes.standing(snapshot, pod, ("FailedMount",), _PROGRESS)
        mounting = (event or {}).get("message", "") if not shapes.has_started(pod) else ""
        for said in [*filter(None, waiting), mounting]:
            if reference := _reference(said):
                known = snapshot.secrets if reference.kind == "Secret" else snapshot.config_maps
                if reference.name not in known:
                    yield _unseen(snapshot, pod, reference)
        about_claim = snapshot.claims is not None and _OF_CLAIM.search(mounting)
        about_known = about_claim or _reference(mounting) or _OF_KEYS.search(mounting) or _TRANSIENT.search(mounting)
        if mounting and not about_known:
            yield causes.MOUNT.found(
                snapshot,
                f"Pod {shapes.name_of(pod)}",
                part_of(pod),
                {"pod": shapes.name_of(pod), "message": mounting},
                seconds=shapes.seconds_since(shapes.first_seen(event or {}), snapshot),
            )


def _reference(said: str) -> Reference | None:
    if match := _MISSING.search(said):
        return Reference(_KINDS[match["kind"].lower()], match["name"])
    if match := _MISSING_KEY.search(said):
        return Reference(match["kind"], match["name"], match["key"])
    return None


def _unseen(snapshot: Snapshot, pod: Object, reference: Reference) -> Finding:
    """Returns what the kubelet says about an object that may not be read."""
    table = {
        ("Secret", False): causes.SECRET_MISSING,
        ("Secret", True): causes.SECRET_INCOMPLETE,
        ("ConfigMap", False): causes.CONFIG_MAP_MISSING,
        ("ConfigMap", True): causes.CONFIG_MAP_INCOMPLETE,
    }
    return table[reference.kind, bool(reference.key)].found(
        snapshot,
        f"{reference.kind} {reference.name}",
        part_of(pod),
        {
            "name": reference.name,
            "missing": reference.key,
            "while_running": "",
            "literals": "--from-file=KEY=FILE",
            "remedy": _config_map_remedy(snapshot, reference.name),
        },
        seconds=shapes.age(pod, snapshot),
    )
