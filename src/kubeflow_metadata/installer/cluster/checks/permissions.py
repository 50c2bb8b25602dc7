"""Checks of permissions: which the identity in use lacks, and the Role to ask for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import yaml

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.cluster.checks import codes, rights
from kubeflow_metadata.installer.cluster.checks.result import Check, Result
from kubeflow_metadata.installer.cluster.checks.rights import Right
from kubeflow_metadata.installer.cluster.checks.subject import Subject
from kubeflow_metadata.installer.cluster.port import Cluster, Object, UnknownKindError

ROLE = "kubeflow-metadata-installer"
_AUTHENTICATION = "authentication.k8s.io/v1"
_SERVICE_ACCOUNT = "system:serviceaccount:"
_RBAC = "rbac.authorization.k8s.io"


def to_install(subject: Subject) -> Iterator[Result]:
    """Reviews what installing takes, and what the Roles among the objects hand out."""
    if not subject.all_objects:
        return
    wanted = rights.to_install(subject.all_objects)
    yield _reviewed(subject, codes.INSTALL_RIGHTS, wanted, "install, upgrade and uninstall")
    granted = rights.handed_out(subject.all_objects)
    if granted:
        yield _granted(subject, granted)


def to_read(subject: Subject) -> Iterator[Result]:
    """Reviews what looking at an installation takes."""
    yield _reviewed(subject, codes.READ_RIGHTS, rights.to_read(subject.all_objects), "look at an installation")


def missing(subject: Subject, wanted: Iterable[Right]) -> list[Right]:
    """Returns those of the permissions that the identity in use lacks."""
    asked = [each for each in wanted if subject.cluster.serves(each.api_version, each.kind)]
    rules = _rules(subject.cluster)
    unsure = [each for each in asked if not any(_permits(rule, each) for rule in rules)]

    def may(right: Right) -> bool:
        try:
            return subject.cluster.allows(
                right.verb, right.api_version, right.kind, right.name, subresource=right.subresource
            )
        except UnknownKindError:
            return True  # of which another check tells

    answers = subject.together(may, unsure)
    return [right for right, allowed in zip(unsure, answers, strict=True) if not allowed]


def role_to_ask_for(subject: Subject) -> str:
    """Returns, as YAML, a Role with the missing permissions, bound to the identity in use; empty if there are none."""
    objects = subject.all_objects
    lacking = missing(subject, {*rights.to_install(objects), *rights.handed_out(objects)})
    if not lacking:
        return ""
    namespace = subject.cluster.namespace
    metadata = {"name": ROLE, "namespace": namespace}
    documents: list[Object] = [
        {"apiVersion": f"{_RBAC}/v1", "kind": "Role", "metadata": metadata, "rules": as_rules(lacking)}
    ]
    if who := _identity(subject.cluster):
        documents.append(
            {
                "apiVersion": f"{_RBAC}/v1",
                "kind": "RoleBinding",
                "metadata": metadata,
                "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": ROLE},
                "subjects": [who],
            }
        )
    return yaml.safe_dump_all(documents, sort_keys=False)


def as_rules(wanted: Iterable[Right]) -> list[Object]:
    """Returns permissions as the rules of a Role: resources of a group that have the same verbs share one."""
    verbs: dict[tuple[str, str, str], list[str]] = {}
    for each in sorted(wanted):
        verbs.setdefault((each.group, each.resource, each.name), []).append(each.verb)
    resources: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for (group, resource, name), listed_verbs in sorted(verbs.items()):
        resources.setdefault((group, name, tuple(sorted(listed_verbs))), []).append(resource)
    rules = []
    for (group, name, may), listed in resources.items():
        rule: Object = {"apiGroups": [group], "resources": listed}
        if name:
            rule["resourceNames"] = [name]
        rules.append({**rule, "verbs": list(may)})
    return rules


def _reviewed(subject: Subject, check: Check, wanted: Sequence[Right], purpose: str) -> Result:
    lacking = missing(subject, wanted)
    namespace = subject.cluster.namespace
    if not lacking:
        return check.ok(f"All {len(wanted)} permissions to {purpose} in namespace {namespace}.")
    sentence = f"{len(lacking)} of {len(wanted)} permissions to {purpose} in namespace {namespace} are missing."
    details = "\n".join(_by_resource(lacking))
    if check is codes.READ_RIGHTS:
        return check.unknown(sentence, "What may not be read is shown as unknown.", details)
    return check.failed(sentence, _ask(subject), details)


def _granted(subject: Subject, granted: Sequence[Right]) -> Result:
    lacking = missing(subject, granted)
    # Who may escalate and bind, may hand out anything.
    beyond = [Right(f"{_RBAC}/v1", "Role", verb) for verb in ("escalate", "bind")]
    if not lacking or not missing(subject, beyond):
        return codes.GRANTED_RIGHTS.ok("The permissions that the Roles of the installation grant can be handed out.")
    return codes.GRANTED_RIGHTS.failed(
        "Kubernetes lets nobody grant permissions that he lacks himself: the Roles of the installation need these.",
        _ask(subject),
        "\n".join(_by_resource(lacking)),
    )


def _ask(subject: Subject) -> str:
    command = program.command(f"check --pre {subject.cluster.options} --print-role")
    return f"For the Role to ask an administrator for, run: {command}"


def _by_resource(lacking: Iterable[Right]) -> Iterator[str]:
    for rule in as_rules(lacking):
        group = f".{rule['apiGroups'][0]}" if rule["apiGroups"][0] else ""
        names = f" {', '.join(rule['resourceNames'])}" if "resourceNames" in rule else ""
        for resource in rule["resources"]:
            yield f"{resource}{group}{names}: {', '.join(rule['verbs'])}"


def _rules(cluster: Cluster) -> list[dict[str, Any]]:
    """Returns the rules that hold for the identity in use, as far as the authorizers of the cluster list them."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "metadata": {},
        "spec": {"namespace": cluster.namespace},
    }
    try:
        return list(cluster.create(review).get("status", {}).get("resourceRules") or [])
    except UserError:
        return []  # each permission is then asked for by itself


def _permits(rule: dict[str, Any], right: Right) -> bool:
    def covers(key: str, wanted: str) -> bool:
        return "*" in (rule.get(key) or []) or wanted in (rule.get(key) or [])

    named = rule.get("resourceNames") or []
    return (
        covers("verbs", right.verb)
        and covers("apiGroups", right.group)
        and (covers("resources", right.resource) or (bool(right.subresource) and _all_of(rule, right)))
        and (not named or (bool(right.name) and right.name in named))
    )


def _all_of(rule: dict[str, Any], right: Right) -> bool:
    return f"*/{right.subresource}" in (rule.get("resources") or [])


def _identity(cluster: Cluster) -> Object | None:
    """Returns who the API server takes us for, as a subject of a RoleBinding; None if it does not tell."""
    if not cluster.serves(_AUTHENTICATION, "SelfSubjectReview"):
        return None
    try:
        review = cluster.create({"apiVersion": _AUTHENTICATION, "kind": "SelfSubjectReview", "metadata": {}})
    except UserError:
        return None
    user = str(review.get("status", {}).get("userInfo", {}).get("username", ""))
    if not user:
        return None
    if user.startswith(_SERVICE_ACCOUNT):
        namespace, _, name = user.removeprefix(_SERVICE_ACCOUNT).partition(":")
        return {"kind": "ServiceAccount", "name": name, "namespace": namespace}
    return {"apiGroup": _RBAC, "kind": "User", "name": user}
