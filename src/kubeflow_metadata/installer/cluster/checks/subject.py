"""What checks look at: a cluster, settings, and the objects that an engine makes of them; each is read once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster import smoke
from kubeflow_metadata.installer.cluster.diagnosis.diagnose import diagnose
from kubeflow_metadata.installer.cluster.diagnosis.finding import Diagnosis
from kubeflow_metadata.installer.cluster.engines.protocol import Engine
from kubeflow_metadata.installer.cluster.objects import Identity
from kubeflow_metadata.installer.cluster.port import Cluster, ForbiddenError, Object
from kubeflow_metadata.installer.model.settings import Settings
from kubeflow_metadata.installer.polling import SYSTEM_CLOCK, Clock

# Calls at the same time: a review for each permission and a dry run for each object add up on a cluster far away.
_CALLS = 8

# Of admission, about quotas and LimitRanges.
_ABOUT_ROOM = ("exceeded quota", "usage per Container is", "usage per Pod is", "usage per PersistentVolumeClaim is")

Given = TypeVar("Given")
Returned = TypeVar("Returned")


@dataclass
class Subject:
    """What one run of the checks is about; what was read stays as it was at the first look.

    Attributes:
        cluster: where.
        settings: what is to be installed, or is.
        engine: what makes objects of the settings.
        clock: tells the time.
        knows_settings: whether the settings are those that were installed with, or given now.
    """

    cluster: Cluster
    settings: Settings
    engine: Engine
    clock: Clock = SYSTEM_CLOCK
    knows_settings: bool = False

    @cached_property
    def made(self) -> list[Object] | UserError:
        """Every object, those of the smoke test included; or why there is none."""
        try:
            return self.engine.objects(self.cluster, self.settings)
        except UserError as error:
            return error

    @cached_property
    def manager(self) -> str:
        """The name under which the engine applies objects."""
        return self.engine.manager(self.cluster)

    @property
    def all_objects(self) -> list[Object]:
        """Every object, those of the smoke test included; none if they cannot be made, of which one check tells."""
        return [] if isinstance(self.made, UserError) else self.made

    @property
    def objects(self) -> list[Object]:
        """The objects of the installation itself."""
        return [each for each in self.all_objects if not smoke.is_of_the_test(each)]

    @cached_property
    def namespace(self) -> Object | ForbiddenError | None:
        """The namespace; None if there is none; an error if it may not be read."""
        try:
            return self.cluster.get("v1", "Namespace", self.cluster.namespace)
        except ForbiddenError as error:
            return error

    @property
    def lacks_namespace(self) -> bool:
        """Whether the namespace is known not to exist."""
        return self.namespace is None

    @cached_property
    def present(self) -> dict[Identity, Object | None]:
        """What the cluster has of our names; None for those that do not exist. What may not be read is missing."""
        if self.lacks_namespace:
            return dict.fromkeys((Identity.of(each) for each in self.objects), None)

        def read(identity: Identity) -> tuple[Object | None] | None:
            try:
                return (self.cluster.get(identity.api_version, identity.kind, identity.name),)
            except ForbiddenError:
                return None

        identities = [Identity.of(each) for each in self.objects]
        seen = zip(identities, self.together(read, identities), strict=True)
        return {identity: answer[0] for identity, answer in seen if answer is not None}

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """What keeps the installation from running."""
        return diagnose(self.cluster, self.clock)

    @cached_property
    def pods(self) -> list[Object] | None:
        """The pods of the namespace; None if they may not be read."""
        return self.readable("v1", "Pod")

    def readable(
        self, api_version: str, kind: str, selector: str = "", *, everywhere: bool = False
    ) -> list[Object] | None:
        """Returns the objects of a kind; None if they may not be read."""
        try:
            return self.cluster.list(api_version, kind, selector, everywhere=everywhere)
        except ForbiddenError:
            return None

    def together(self, call: Callable[[Given], Returned], given: Iterable[Given]) -> list[Returned]:
        """Returns what ``call`` returns for each; several calls are under way at once."""
        with ThreadPoolExecutor(_CALLS) as pool:
            return list(pool.map(call, given))


def is_about_permissions(error: UserError) -> bool:
    """Returns whether an error is about the identity in use, and not about what admission thinks of the object."""
    if not isinstance(error, ForbiddenError):
        return False
    text = f"{error} {error.details}"
    return not error.details or ('User "' in text and " cannot " in text)


def is_about_room(error: UserError) -> bool:
    """Returns whether admission rejected an object for a quota or a LimitRange, of which other checks tell."""
    return any(words in error.details for words in _ABOUT_ROOM)
