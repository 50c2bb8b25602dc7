"""Causes as a graph of what needs what: the roots alone, and below each what it explains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from kubeflow_metadata.installer.cluster.diagnosis import images, shapes
from kubeflow_metadata.installer.cluster.diagnosis.causes import Rank, is_about_nodes, rank_of
from kubeflow_metadata.installer.cluster.diagnosis.finding import Finding
from kubeflow_metadata.installer.cluster.diagnosis.snapshot import Snapshot
from kubeflow_metadata.installer.cluster.objects import part_of
from kubeflow_metadata.installer.cluster.port import Object
from kubeflow_metadata.parts import BY_NAME, PARTS

_PLACES = {part.name: place for place, part in enumerate(PARTS)}
_HOST = "kubernetes.io/hostname"

# By the subject of a finding, the subjects that it needs.
Needs = Mapping[str, "set[str]"]


def roots(snapshot: Snapshot, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Returns the findings that nothing else explains, the most fundamental first, with those that they explain."""
    listed = sorted(set(findings), key=_order)
    needs = _needs(snapshot, listed)
    reach = {each.subject: _reachable(needs, each.subject) for each in listed}
    explained = {each: [other for other in listed if _explains(other, each, reach)] for each in listed}
    symptoms: dict[Finding, list[Finding]] = {}
    alike: dict[tuple[str, str], Finding] = {}
    for each in listed:
        if not explained[each]:
            # Pods that share a cause are told of together.
            first = alike.setdefault(_kind(each), each)
            symptoms.setdefault(first, []).extend([] if first is each else [each])
    for each in listed:
        if explained[each]:
            # The order of what explains it is that of the roots; one of them is a root, for needs have no cycle.
            root = next((alike[_kind(other)] for other in explained[each] if not explained[other]), each)
            symptoms.setdefault(root, []).extend([] if root is each else [each])
    return tuple(replace(each, symptoms=tuple(below)) for each, below in symptoms.items())


def _kind(finding: Finding) -> tuple[str, str]:
    """Returns what findings have in common that are told as one: the cause, and the part unless it is about nodes."""
    if not finding.subject.startswith("Pod "):
        return finding.code, finding.subject
    return finding.code, "" if is_about_nodes(finding) else finding.part


def _order(finding: Finding) -> tuple[object, ...]:
    waits = finding.patience == float("inf")
    place = _PLACES.get(finding.part, len(_PLACES))
    return finding.is_over, rank_of(finding), waits, place, finding.code, finding.subject


def _explains(cause: Finding, effect: Finding, reach: Mapping[str, set[str]]) -> bool:
    """Returns whether one finding is why there is another one."""
    rank, weaker = rank_of(cause), rank_of(effect)
    if cause is effect or weaker is Rank.ROOT or Rank.OVER in {rank, weaker}:
        return False
    if cause.subject == effect.subject:
        return rank < weaker
    if cause.subject not in reach[effect.subject]:
        return False
    is_below = _PLACES.get(cause.part, 0) < _PLACES.get(effect.part, len(_PLACES))
    is_mutual = effect.subject in reach[cause.subject]
    return rank < weaker or is_below or (rank == weaker and not is_mutual)


def _reachable(needs: Needs, subject: str) -> set[str]:
    seen: set[str] = set()
    waiting = [subject]
    while waiting:
        for each in needs.get(waiting.pop(), ()):
            if each not in seen:
                seen.add(each)
                waiting.append(each)
    return seen - {subject}


def _needs(snapshot: Snapshot, findings: list[Finding]) -> Needs:
    needs: dict[str, set[str]] = {}
    for subject, needed in [*_edges(snapshot), *_of_findings(snapshot, findings)]:
        needs.setdefault(subject, set()).add(needed)
    return needs


def _edges(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    for part in PARTS:
        for lower in part.needs:
            yield _part(part.name), _part(lower)
    for workload in snapshot.workloads:
        subject, template = f"{workload['kind']} {shapes.name_of(workload)}", shapes.template_of(workload)
        yield _part(part_of(workload)), subject
        yield from ((subject, needed) for needed in _of_pod(template))
        yield from ((subject, _pod(pod)) for pod in snapshot.pods if part_of(pod) == part_of(workload))
        if secret := shapes.filled_secret(template):
            # MySQL fills it, and does not start without it.
            yield f"Secret {secret}", _part(part_of(workload))
    for pod in snapshot.pods:
        yield from ((_pod(pod), needed) for needed in _of_pod(pod))
        yield from ((_pod(pod), _part(lower)) for lower in _needed_by(part_of(pod)))
        if shapes.is_unschedulable(pod):
            yield from ((_pod(pod), f"Node {shapes.name_of(node)}") for node in snapshot.nodes or ())
        elif node_name := (pod.get("spec") or {}).get("nodeName"):
            yield _pod(pod), f"Node {node_name}"
            # A volume may be where an earlier pod was.
            yield from ((_claim(name), f"Node {node_name}") for name in shapes.claims_of(pod))
    for claim in snapshot.claims or ():
        yield from ((_claim(shapes.name_of(claim)), needed) for needed in _of_claim(snapshot, claim))


def _of_findings(snapshot: Snapshot, findings: list[Finding]) -> Iterator[tuple[str, str]]:
    """Yields what findings tell themselves: of which part their subject is a need."""
    for finding in findings:
        if finding.part:
            yield _part(finding.part), finding.subject
        if rank_of(finding) is Rank.LINK and not finding.subject.startswith("Pod "):
            # A database, and what else no object of the cluster stands for, which needs the parts below.
            yield from ((_pod(pod), finding.subject) for pod in snapshot.pods if part_of(pod) == finding.part)
            yield from ((finding.subject, _part(lower)) for lower in _needed_by(finding.part))


def _of_pod(pod: Object) -> Iterator[str]:
    yield from (images.subject(each.spec.get("image", "")) for each in shapes.containers(pod))
    yield from (_claim(each) for each in shapes.claims_of(pod))
    yield from (f"{each.kind} {each.name}" for each in shapes.references(pod))
    yield from (f"Secret {each}" for each in [*shapes.pull_secrets(pod), shapes.database_secret(pod)] if each)


def _of_claim(snapshot: Snapshot, claim: Object) -> Iterator[str]:
    spec = claim.get("spec") or {}
    if storage_class := spec.get("storageClassName"):
        yield f"StorageClass {storage_class}"
    volume = shapes.named(snapshot.volumes, spec.get("volumeName", ""))
    affinity = (((volume or {}).get("spec") or {}).get("nodeAffinity") or {}).get("required") or {}
    for term in affinity.get("nodeSelectorTerms") or []:
        for expression in term.get("matchExpressions") or []:
            if expression.get("key") == _HOST:
                yield from (f"Node {each}" for each in expression.get("values") or [])


def _needed_by(part: str) -> tuple[str, ...]:
    return BY_NAME[part].needs if part in BY_NAME else ()


def _part(name: str) -> str:
    return f"Part {name}"


def _pod(pod: Object) -> str:
    return f"Pod {shapes.name_of(pod)}"


def _claim(name: str) -> str:
    return f"PersistentVolumeClaim {name}"
