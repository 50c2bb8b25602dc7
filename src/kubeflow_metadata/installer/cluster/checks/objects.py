"""Checks of the objects: their kinds, a dry run of each, and whose their names are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster import admission
from kubeflow_metadata.installer.cluster.checks import codes
from kubeflow_metadata.installer.cluster.checks.result import Result, counted
from kubeflow_metadata.installer.cluster.checks.subject import Subject, is_about_permissions, is_about_room
from kubeflow_metadata.installer.cluster.connection.answers import what_provides
from kubeflow_metadata.installer.cluster.engines import choice
from kubeflow_metadata.installer.cluster.engines.helm import RELEASE
from kubeflow_metadata.installer.cluster.objects import Identity
from kubeflow_metadata.installer.cluster.planning import gitops
from kubeflow_metadata.installer.cluster.port import ConflictError, ForbiddenError, Object, UnknownKindError

_RELEASE, _RELEASE_NAMESPACE = "meta.helm.sh/release-name", "meta.helm.sh/release-namespace"


def kinds_are_served(subject: Subject) -> Iterator[Result]:
    """Looks for each kind of the objects among those of the cluster."""
    if not subject.all_objects:
        return
    wanted = sorted({(each["apiVersion"], each["kind"]) for each in subject.all_objects})
    lacking = [each for each in wanted if not subject.cluster.serves(*each)]
    # All that one operator would bring is one failure.
    for provider in dict.fromkeys(what_provides(api_version) for api_version, _ in lacking):
        named = [f"{kind} ({api_version})" for api_version, kind in lacking if what_provides(api_version) == provider]
        yield codes.KINDS.failed(f"The cluster lacks {counted(len(named), 'kind')}: {', '.join(named)}.", provider)
    if not lacking:
        yield codes.KINDS.ok(f"The cluster has all {len(wanted)} kinds.")


def dry_run(subject: Subject) -> Iterator[Result]:
    """Has the API server validate and admit each object without storing any."""
    if not subject.objects:
        return
    name = subject.cluster.namespace
    if subject.lacks_namespace:
        yield codes.DRY_RUN.warning(
            f"The settings are valid. Admission was not checked: the namespace {name} does not exist yet.",
            f"To check it before anything is installed, run: {subject.cluster.kubectl} create namespace {name}",
        )
        return
    answers = subject.together(lambda each: _refusal(subject, each), subject.objects)
    refused = [(who, error) for who, error in answers if error is not None and not is_about_room(error)]
    rejected = [(who, error) for who, error in refused if not is_about_permissions(error)]
    for who, error in rejected:
        yield codes.DRY_RUN.failed(f"The API server rejects {who}.", error.hint, error.details or str(error))
    unchecked = len(refused) - len(rejected)
    accepted = len(answers) - len(refused)
    if unchecked:
        yield codes.DRY_RUN.unknown(
            f"{accepted} of {len(answers)} objects were accepted; {unchecked} were not tried for lack of permissions."
        )
    elif not rejected:
        yield codes.DRY_RUN.ok(f"The API server accepts all {accepted} objects.")


def names(subject: Subject) -> Iterator[Result]:
    """Looks for objects of our names that find pods which are not ours."""
    clashes = []
    for wanted in subject.objects:
        present = subject.present.get(Identity.of(wanted))
        if present is not None and (clash := admission.clash(subject.cluster, wanted, present)):
            clashes.append(codes.NAMES.failed(str(clash), clash.hint))
    yield from clashes
    if subject.objects and not clashes:
        unread = len(subject.objects) - len(subject.present)
        if unread:
            yield codes.NAMES.unknown(f"{unread} of {counted(len(subject.objects), 'object')} may not be read.")
        else:
            yield codes.NAMES.ok("No name is taken by another installation.")


def managers(subject: Subject) -> Iterator[Result]:
    """Looks for objects that a GitOps tool, another Helm release or another engine manages."""
    present = [each for each in subject.present.values() if each is not None]
    if not present:
        return
    found = [*_managed(subject, present), *_other_engines(subject)]
    # Of what another engine installed, every field is another's.
    if not found and (foreign := _foreign_fields(subject)):
        found.append(
            codes.MANAGERS.warning(
                f"Others have set fields of {counted(len(foreign), 'object')}; up sets them again and says so.",
                details="\n".join(foreign),
            )
        )
    yield from found or [codes.MANAGERS.ok("No object is managed by another tool.")]


def _refusal(subject: Subject, made: Object) -> tuple[Identity, UserError | None]:
    identity = Identity.of(made)
    try:
        subject.cluster.apply(made, force=True, dry_run=True, manager=subject.manager)
    except UnknownKindError:
        return identity, None  # of which another check tells
    except UserError as error:
        return identity, None if _waits_for_ours(subject, error) else error
    return identity, None


def _waits_for_ours(subject: Subject, error: UserError) -> bool:
    """Returns whether an object was rejected because one of ours that is applied before it does not exist yet.

    A RoleBinding is rejected without its Role, which a dry run does not store, unless one may bind anything.
    """
    missing = (identity.name for identity, present in subject.present.items() if present is None)
    return any(f'"{name}" not found' in error.details for name in missing)


def _managed(subject: Subject, present: Iterable[Object]) -> Iterator[Result]:
    tools: dict[str, list[str]] = {}
    releases: dict[str, list[str]] = {}
    for each in present:
        metadata = each["metadata"]
        annotations = metadata.get("annotations") or {}
        if tool := gitops.manager_of(each):
            tools.setdefault(tool, []).append(metadata["name"])
        release = annotations.get(_RELEASE)
        if release and (release, annotations.get(_RELEASE_NAMESPACE)) != (RELEASE, subject.cluster.namespace):
            releases.setdefault(release, []).append(metadata["name"])
    for tool, listed in tools.items():
        yield codes.MANAGERS.failed(
            f"{tool} manages {len(listed)} of the objects, and would undo what up changes.",
            f"Change the settings where {tool} has them; or run up with --take-over.",
            ", ".join(sorted(set(listed))),
        )
    for release, listed in releases.items():
        yield codes.MANAGERS.failed(
            f"The Helm release {release} manages {len(listed)} of the objects.",
            f"Use another namespace, or run: helm uninstall {release} --kube-context {subject.cluster.context} "
            f"-n {subject.cluster.namespace}",
            ", ".join(sorted(set(listed))),
        )


def _other_engines(subject: Subject) -> Iterator[Result]:
    for engine in choice.ENGINES:
        if engine.name == subject.engine.name:
            continue
        try:
            owns = engine.owns(subject.cluster)
        except ForbiddenError:
            continue  # of which the check of permissions tells
        if owns:
            yield codes.MANAGERS.warning(
                f"It was installed with {engine.name}; {subject.engine.name} takes it over only with up --take-over.",
                f"To go on with {engine.name}, add --engine {engine.name}.",
            )


def _foreign_fields(subject: Subject) -> list[str]:
    """Returns a line for each object of which others have set fields to other values than ours."""
    there = [each for each in subject.objects if subject.present.get(Identity.of(each)) is not None]

    def conflict(made: Object) -> str:
        try:
            subject.cluster.apply(made, dry_run=True, manager=subject.manager)
        except ConflictError as error:
            first = (error.details or str(error)).splitlines()[0]
            return f"{Identity.of(made)}: {first}"
        except UserError:
            return ""  # of which the dry run tells
        return ""

    return [line for line in subject.together(conflict, there) if line]
