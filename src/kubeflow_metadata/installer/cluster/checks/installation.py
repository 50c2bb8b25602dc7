"""Checks of an installation that is there: what keeps it from running, and one read through each server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import kinds, program
from kubeflow_metadata.installer.cluster import dashboard
from kubeflow_metadata.installer.cluster.checks import codes, reads
from kubeflow_metadata.installer.cluster.checks.result import Check, Result, Severity
from kubeflow_metadata.installer.cluster.checks.subject import Subject
from kubeflow_metadata.installer.cluster.objects import PART, part_of
from kubeflow_metadata.installer.cluster.planning import planner
from kubeflow_metadata.installer.cluster.planning.plan import Action
from kubeflow_metadata.installer.cluster.port import FIELD_MANAGER, ForbiddenError, Object
from kubeflow_metadata.parts import GRPC, REST, UI, Part

_DISCOVERY = "discovery.k8s.io/v1"
_SERVICE_NAME = "kubernetes.io/service-name"
_DATABASE_SECRET = "metadata-db-secrets"  # noqa: S105 - the name of a Secret
_DATABASE_KEYS = ("MYSQL_ROOT_PASSWORD", "MYSQL_USERNAME", "MYSQL_PASSWORD")
# Who sets fields of objects while they run, as it is meant to be.
_CONTROLLERS = ("kube-", "kubelet", "vpa-", "cluster-autoscaler", "cloud-controller")
_APPLIERS = (FIELD_MANAGER, "helm")
_CONTENT = ("f:spec", "f:data", "f:rules")


def causes(subject: Subject) -> Iterator[Result]:
    """Shows what the diagnosis finds, each with its own code."""
    if not _workloads(subject):
        cluster = subject.cluster
        yield codes.CAUSES.failed(
            f"Nothing is installed in namespace {cluster.namespace} of context {cluster.context}.",
            f"To check whether it can be, run: {program.command('check --pre')} {cluster.options}",
        )
        return
    diagnosis = subject.diagnosis
    for finding in diagnosis.findings:
        amounts = [f"asked: {finding.asked}"] if finding.asked else []
        amounts += [f"available: {finding.available}"] if finding.available else []
        symptoms = [f"therefore: {each.subject}: {each.sentence}" for each in finding.symptoms]
        details = "\n".join(filter(None, [finding.details, *amounts, *symptoms]))
        sentence = f"{finding.subject}: {finding.sentence}" if finding.subject else finding.sentence
        category = codes.CAUSES.category
        yield Result(finding.code, category, Severity.FAILED, sentence, finding.hint, details)
    for sentence in diagnosis.unread:
        yield codes.CAUSES.unknown(sentence)
    if not diagnosis.findings and not diagnosis.unread:
        yield codes.CAUSES.ok("Nothing keeps the servers from running.")


def endpoints(subject: Subject) -> Iterator[Result]:
    """Looks for a ready endpoint of each Service."""
    services = [each for each in subject.readable("v1", "Service", PART) or [] if each["spec"].get("selector")]
    if not services:
        return
    slices = subject.readable(_DISCOVERY, "EndpointSlice")
    if slices is None:
        yield codes.ENDPOINTS.unknown("EndpointSlices may not be read.")
        return
    ready = {
        (each["metadata"].get("labels") or {}).get(_SERVICE_NAME)
        for each in slices
        if any((end.get("conditions") or {}).get("ready", True) for end in each.get("endpoints") or [])
    }
    lacking = sorted(each["metadata"]["name"] for each in services if each["metadata"]["name"] not in ready)
    if lacking:
        yield codes.ENDPOINTS.failed(
            f"No pod is ready behind {', '.join(lacking)}.",
            _reason(subject),
        )
    else:
        yield codes.ENDPOINTS.ok(f"All {len(services)} Services have a pod that is ready.")


def secret(subject: Subject) -> Iterator[Result]:
    """Looks whether the Secret of the bundled MySQL has every key."""
    if not any(part_of(each) == "db" for each in _workloads(subject)):
        return
    if subject.diagnosis.findings:
        return  # it is the cause, or a consequence: the diagnosis tells which
    try:
        present = subject.cluster.get("v1", "Secret", _DATABASE_SECRET)
    except ForbiddenError as error:
        yield codes.SECRET.unknown(f"The Secret {_DATABASE_SECRET} may not be read.", error.hint)
        return
    if present is None and not _is_mounted(subject, _DATABASE_SECRET):
        return  # another one is used
    if present is None:
        yield codes.SECRET.failed(
            f"The Secret {_DATABASE_SECRET} is gone: running pods go on, new ones cannot start.",
            "Restore it with the passwords that the database has; new ones would not fit its data.",
        )
    elif lacking := [key for key in _DATABASE_KEYS if not (present.get("data") or {}).get(key)]:
        yield codes.SECRET.failed(
            f"The Secret {_DATABASE_SECRET} lacks {', '.join(lacking)}.",
            f"The initContainer of MySQL fills an empty one. Run: {subject.cluster.kubectl} logs "
            "statefulset/metadata-db --all-containers --tail=20",
        )
    else:
        yield codes.SECRET.ok(f"The Secret {_DATABASE_SECRET} has every key.")


def claim(subject: Subject) -> Iterator[Result]:
    """Looks whether the claims of the installation are bound."""
    claims = subject.readable("v1", "PersistentVolumeClaim", PART)
    if claims is None:
        yield codes.CLAIM.unknown("PersistentVolumeClaims may not be read.")
    for each in claims or []:
        name, phase = each["metadata"]["name"], each.get("status", {}).get("phase", "Pending")
        if phase == "Bound":
            size = (each.get("status", {}).get("capacity") or {}).get("storage", "unknown size")
            yield codes.CLAIM.ok(f"The claim {name} is bound ({size}).")
        elif not subject.diagnosis.findings:  # which tell, else
            yield codes.CLAIM.failed(
                f"The claim {name} is {phase}.", f"Run: {subject.cluster.kubectl} describe pvc {name}"
            )


def drift(subject: Subject) -> Iterator[Result]:
    """Looks for what up would change back: by a plan where the settings are known, else by who has set which field."""
    if not _workloads(subject):
        return
    try:
        changed, unread = _planned(subject) if subject.knows_settings and subject.objects else _changed(subject)
    except ForbiddenError:
        changed, unread = _changed(subject)
    if changed:
        yield codes.DRIFT.warning(
            "Objects are not as they were applied.",
            f"To see what up would change back, run: {program.command('plan')} {subject.cluster.options}",
            "\n".join(changed),
        )
    elif unread:
        yield codes.DRIFT.unknown(f"Not all objects may be read: {', '.join(unread)}.")
    else:
        yield codes.DRIFT.ok("The objects are as they were applied.")


def answers(subject: Subject) -> Iterator[Result]:
    """Reads once through each server that is installed."""
    present = {part_of(each) for each in _workloads(subject)}
    rest, grpc_web = REST.services
    wanted: list[tuple[Check, Part, int, Callable[[int], str]]] = [
        (codes.UI_ANSWERS, UI, UI.services[0].target_port, reads.page),
        (codes.REST_ANSWERS, REST, rest.target_port, reads.rest),
    ]
    if GRPC.name in present and reads.has_grpc():
        wanted.append((codes.GRPC_ANSWERS, GRPC, GRPC.services[0].target_port, reads.grpc))
    else:
        wanted.append((codes.GRPC_ANSWERS, REST, grpc_web.target_port, reads.grpc_web))
    for check, part, port, read in wanted:
        if part.name in present:
            yield _answer(subject, check, part, port, read)


def menu_entry(subject: Subject) -> Iterator[Result]:
    """Looks for our entry in the menu of the dashboard, where there is one in this namespace."""
    if not _workloads(subject):
        return
    is_present = dashboard.is_present(subject.cluster)
    if is_present:
        yield codes.MENU_ENTRY.ok("The menu of the Kubeflow dashboard leads to the Artifact Store.")
    elif is_present is False:
        yield codes.MENU_ENTRY.warning(
            "The menu of the Kubeflow dashboard does not lead to the Artifact Store.",
            f"To add the entry, run: {program.command('dashboard add')} {subject.cluster.options}",
        )


def _planned(subject: Subject) -> tuple[list[str], list[str]]:
    """Returns what a plan would change, and the objects of which it cannot tell."""
    plan = planner.make(subject.cluster, subject.engine, subject.objects)
    unread = [str(each.identity) for each in plan.of(Action.UNKNOWN)]
    changed = []
    for each in plan.pending:
        fields = [f"{field.path} (by {field.manager})" if field.manager else field.path for field in each.fields]
        if each.action is not Action.UNKNOWN:
            changed.append(f"{each.identity}: {', '.join(fields) or each.action.value}")
    return changed, unread


def _changed(subject: Subject) -> tuple[list[str], list[str]]:
    """Returns the fields that others have set since, and the kinds that may not be read."""
    changed: list[str] = []
    unread: list[str] = []
    watched = [kind for kind in kinds.OURS if not kind.holds_data]
    for kind, objects in zip(watched, subject.together(lambda kind: _labelled(subject, kind), watched), strict=True):
        if objects is None:
            unread.append(kind.name)
        for each in objects or []:
            for manager, paths in _changed_by_others(each):
                changed.append(f"{kind.name} {each['metadata']['name']}: {', '.join(paths)} (by {manager})")
    return changed, unread


def _answer(subject: Subject, check: Check, part: Part, port: int, read: Callable[[int], str]) -> Result:
    if subject.pods is None:
        return check.unknown("Pods may not be read.")
    ready = [each["metadata"]["name"] for each in subject.pods if part_of(each) == part.name and _is_ready(each)]
    if not ready:
        return check.failed(
            f"No pod of the {part.title} is ready.",
            _reason(subject),
        )
    try:
        with subject.cluster.forward(ready[0], port) as local_port:
            return check.ok(read(local_port))
    except ForbiddenError as error:
        return check.unknown(f"The {part.title} was not asked: ports may not be forwarded.", error.hint)
    except reads.NotReadError as error:
        return check.failed(
            f"The {part.title} does not answer: {error}",
            f"Run: {program.command(f'logs {part.name}')} {subject.cluster.options}",
        )
    except UserError as error:
        return check.unknown(f"The {part.title} was not asked: {error}", error.hint, error.details)


def _reason(subject: Subject) -> str:
    """Returns where to find why something does not run."""
    if subject.diagnosis.findings:
        return f"The reason is above: {', '.join(dict.fromkeys(each.code for each in subject.diagnosis.findings))}."
    return f"For the reason, run: {program.command('status')} {subject.cluster.options}"


def _workloads(subject: Subject) -> list[Object]:
    return [each for kind in kinds.WORKLOADS for each in subject.readable(kind.api_version, kind.name, PART) or []]


def _labelled(subject: Subject, kind: kinds.Kind) -> list[Object] | None:
    return subject.readable(kind.api_version, kind.name, PART)


def _is_mounted(subject: Subject, name: str) -> bool:
    volumes = [
        volume
        for each in _workloads(subject)
        for volume in each["spec"].get("template", {}).get("spec", {}).get("volumes") or []
    ]
    return any((volume.get("secret") or {}).get("secretName") == name for volume in volumes)


def _is_ready(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions") or []
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    return ready and not pod["metadata"].get("deletionTimestamp")


def _changed_by_others(made: Object) -> Iterator[tuple[str, list[str]]]:
    """Yields who has changed the content of an object after it was applied, and which fields."""
    for entry in made["metadata"].get("managedFields") or []:
        manager, fields = entry.get("manager", ""), entry.get("fieldsV1") or {}
        # What else applies objects as a whole, such as `kubectl apply`, installed them.
        if entry.get("operation") != "Update" or entry.get("subresource") == "status":
            continue
        if manager.startswith(_CONTROLLERS) or manager in _APPLIERS:
            continue
        if paths := [path for key in _CONTENT if key in fields for path in _paths(fields[key], key[2:])]:
            yield manager, sorted(paths)


def _paths(fields: Object, path: str) -> Iterable[str]:
    inner = {key: value for key, value in fields.items() if key != "."}
    if not inner:
        return [path]
    return [deeper for key, value in inner.items() for deeper in _paths(value, _step(path, key))]


def _step(path: str, key: str) -> str:
    kind, _, name = key.partition(":")
    return f"{path}.{name}" if kind == "f" else f"{path}[{name}]"
