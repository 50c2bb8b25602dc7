"""Checks of what the objects refer to and the user has to provide: Secrets and ConfigMaps, and their keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kubeflow_metadata.installer.cluster.checks import codes
from kubeflow_metadata.installer.cluster.checks.result import Result
from kubeflow_metadata.installer.cluster.checks.subject import Subject
from kubeflow_metadata.installer.cluster.checks.workloads import asks
from kubeflow_metadata.installer.cluster.port import ForbiddenError, Object

Reference = tuple[str, str]  # kind and name

# Kubernetes itself puts it into every namespace.
_OF_KUBERNETES = ("ConfigMap", "kube-root-ca.crt")
# What the initContainer of the bundled MySQL reads of a Secret besides what the servers mount of it.
_ROOT_PASSWORD = "MYSQL_ROOT_PASSWORD"  # noqa: S105 - its name


def provided(subject: Subject) -> Iterator[Result]:
    """Looks for everything that pods mount or read and that is not one of the objects."""
    existing = subject.settings.mysql.existing_secret
    for (kind, name), keys in sorted(wanted(subject.all_objects).items()):
        if kind == "Secret" and name == existing:
            keys.add(_ROOT_PASSWORD)
        try:
            present = None if subject.lacks_namespace else subject.cluster.get("v1", kind, name)
        except ForbiddenError as error:
            yield codes.REFERENCES.unknown(f"{kind} {name} may not be read.", error.hint)
            continue
        yield _result(subject, kind, name, keys, present)


def wanted(objects: Iterable[Object]) -> dict[Reference, set[str]]:
    """Returns the keys that are needed of each Secret and ConfigMap that is not among the objects."""
    listed = list(objects)
    made = {(each["kind"], each["metadata"]["name"]) for each in listed} | {_OF_KUBERNETES}
    found: dict[Reference, set[str]] = {}
    for ask in asks(listed):
        spec = ask.pod["spec"]
        for reference, keys in [*_volumes(spec), *_environment(spec)]:
            if reference not in made:
                found.setdefault(reference, set()).update(keys)
    for ingress in listed:
        if ingress["kind"] == "Ingress":
            for tls in ingress["spec"].get("tls") or []:
                if tls.get("secretName"):
                    found.setdefault(("Secret", tls["secretName"]), set()).update({"tls.crt", "tls.key"})
    return found


def _result(subject: Subject, kind: str, name: str, keys: set[str], present: Object | None) -> Result:
    kubectl = subject.cluster.kubectl
    if present is None:
        given = " ".join(f"--from-file={key}" if "." in key else f"--from-literal={key}=..." for key in sorted(keys))
        generic = "secret generic" if kind == "Secret" else "configmap"
        sentence = f"There is no {kind} {name}" + (f", which needs {_listed(keys)}." if keys else ".")
        return codes.REFERENCES.failed(sentence, f"Run: {kubectl} create {generic} {name} {given}".rstrip())
    values = {**(present.get("binaryData") or {}), **(present.get("data") or {})}
    if lacking := {key for key in keys if not values.get(key)}:
        sentence = f"{kind} {name} lacks {_listed(lacking)}."
        return codes.REFERENCES.failed(
            sentence,
            f"Add what is missing, or name other keys in the settings. Run: {kubectl} edit {kind.lower()} {name}",
        )
    return codes.REFERENCES.ok(f"{kind} {name} has " + (f"{_listed(keys)}." if keys else "what is needed."))


def _volumes(spec: Object) -> Iterator[tuple[Reference, set[str]]]:
    for volume in spec.get("volumes") or []:
        sources = [volume, *((volume.get("projected") or {}).get("sources") or [])]
        for source in sources:
            for field, kind, key in (("secret", "Secret", "secretName"), ("configMap", "ConfigMap", "name")):
                given = source.get(field) or {}
                name = given.get(key) or given.get("name")
                if name and not given.get("optional"):
                    yield (kind, name), {item["key"] for item in given.get("items") or []}


def _environment(spec: Object) -> Iterator[tuple[Reference, set[str]]]:
    for container in [*(spec.get("initContainers") or []), *spec["containers"]]:
        for variable in container.get("env") or []:
            source = variable.get("valueFrom") or {}
            for field, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
                given = source.get(field) or {}
                if given.get("name") and not given.get("optional"):
                    yield (kind, given["name"]), {given["key"]}


def _listed(keys: Iterable[str]) -> str:
    return ", ".join(sorted(keys))
