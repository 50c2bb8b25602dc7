"""Checks of the images: whether nodes have them, or can pull them as far as can be known from here."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.catalog import SERVER_NAME
from kubeflow_metadata.installer.cluster.checks import codes, workloads
from kubeflow_metadata.installer.cluster.checks.result import Result
from kubeflow_metadata.installer.cluster.checks.subject import Subject
from kubeflow_metadata.installer.cluster.port import ForbiddenError, Object

# A node reports no more than its 50 largest images.
_REPORTED = 50
# What our image is called on the machine that builds it. No registry has it.
_UNPUBLISHED = f"docker.io/library/{SERVER_NAME}"
_TYPES = {
    "kubernetes.io/dockerconfigjson": ".dockerconfigjson",
    "kubernetes.io/dockercfg": ".dockercfg",
}


def presence(subject: Subject) -> Iterator[Result]:
    """Looks for each image on the nodes."""
    wanted = _images(subject)
    if not wanted:
        return
    nodes = subject.readable("v1", "Node")
    for image, policy in wanted.items():
        yield _presence(subject, image, policy, nodes)


def pull_secrets(subject: Subject) -> Iterator[Result]:
    """Looks at each pull Secret: whether it is there, of the right type, and for the right registry."""
    wanted = _images(subject)
    for name in subject.settings.images.pull_secrets if wanted else ():
        try:
            secret = None if subject.lacks_namespace else subject.cluster.get("v1", "Secret", name)
        except ForbiddenError as error:
            yield codes.PULL_SECRETS.unknown(f"The pull Secret {name} may not be read.", error.hint)
            continue
        yield _pull_secret(subject, name, secret, sorted({_registry(image) for image in wanted}))


def _presence(subject: Subject, image: str, policy: str, nodes: list[Object] | None) -> Result:
    registry = _registry(image)
    unpublished = _repository(image) == _UNPUBLISHED
    if nodes is None:
        if policy == "Never" or unpublished:
            return codes.IMAGE.unknown(f"{image} has to be on the nodes, which may not be read.")
        return codes.IMAGE.ok(f"{image} is pulled from {registry} where it is missing (not tried).")
    having = [each for each in nodes if _has(each, image)]
    if len(having) == len(nodes) and nodes:
        return codes.IMAGE.ok(f"{image} is on every node.")
    certain = all(len(each.get("status", {}).get("images") or []) < _REPORTED for each in nodes)
    place = f"is on {len(having)} of {len(nodes)} nodes" if having else "is on no node"
    if policy == "Never" or unpublished:
        why = "images.pullPolicy is Never" if policy == "Never" else "no registry has it"
        sentence = f"{image} {place}, and {why}."
        if having:
            return codes.IMAGE.warning(sentence, _hint())
        if certain:
            return codes.IMAGE.failed(sentence, _hint())
        return codes.IMAGE.unknown(f"{image} may be on a node that does not report it, and {why}.", _hint())
    return codes.IMAGE.ok(f"{image} {place}; it is pulled from {registry} (not tried).")


def _hint() -> str:
    return (
        "Build it (images build), then push it to a registry (images push REGISTRY) and set images.registry; or, for a "
        f"kind cluster, run: {program.command('images load')}"
    )


def _pull_secret(subject: Subject, name: str, secret: Object | None, registries: list[str]) -> Result:
    create = (
        f"Run: {subject.cluster.kubectl} create secret docker-registry {name} --docker-server={registries[0]} "
        "--docker-username=USER --docker-password=PASSWORD"
    )
    if secret is None:
        return codes.PULL_SECRETS.failed(f"There is no Secret {name}, which images.pullSecrets names.", create)
    key = _TYPES.get(secret.get("type", ""))
    if key is None:
        return codes.PULL_SECRETS.failed(
            f"The Secret {name} has the type {secret.get('type')}; pull Secrets have kubernetes.io/dockerconfigjson.",
            create,
        )
    try:
        document = json.loads(base64.b64decode((secret.get("data") or {})[key]))
        hosts = {_host(each) for each in (document["auths"] if key == ".dockerconfigjson" else document)}
    except (KeyError, ValueError, TypeError, AttributeError):
        return codes.PULL_SECRETS.failed(f"The Secret {name} has no usable {key}.", create)
    if not hosts.intersection(registries):
        return codes.PULL_SECRETS.warning(
            f"The Secret {name} is for {', '.join(sorted(hosts)) or 'no registry'}; the images are in "
            f"{', '.join(registries)}.",
            create,
        )
    return codes.PULL_SECRETS.ok(f"The Secret {name} is for {', '.join(sorted(hosts))}.")


def _images(subject: Subject) -> dict[str, str]:
    """Returns the images of the pods, each with its pull policy."""
    found: dict[str, str] = {}
    for ask in workloads.asks(subject.all_objects):
        spec = ask.pod["spec"]
        for container in [*(spec.get("initContainers") or []), *spec["containers"]]:
            found[container["image"]] = container.get("imagePullPolicy", "IfNotPresent")
    return found


def _has(node: Object, image: str) -> bool:
    names = {name for each in node.get("status", {}).get("images") or [] for name in each.get("names") or []}
    if "@" in image:  # nodes report tag and digest apart
        return f"{_repository(image)}@{image.partition('@')[2]}" in {_full(name) for name in names}
    return _full(image) in {_full(name) for name in names}


def _full(image: str) -> str:
    """Returns an image with its registry, as nodes report it."""
    first, slash, rest = image.partition("/")
    if not slash:
        return f"docker.io/library/{image}"
    if "." not in first and ":" not in first and first != "localhost":
        return f"docker.io/{image}"
    return f"docker.io/library/{rest}" if first == "docker.io" and "/" not in rest else image


def _registry(image: str) -> str:
    return _full(image).partition("/")[0]


def _repository(image: str) -> str:
    name = _full(image).partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


def _host(server: str) -> str:
    host = server.partition("://")[2] or server
    host = host.partition("/")[0]
    return "docker.io" if host in {"index.docker.io", "registry-1.docker.io"} else host
