"""A cluster behind its API server."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from kubeflow_metadata.installer import kinds, polling
from kubeflow_metadata.installer.cluster.connection import following, forwarding
from kubeflow_metadata.installer.cluster.connection.answers import NotAnApiServerError, Where, explained, what_provides
from kubeflow_metadata.installer.cluster.connection.asking import STARTING_PATIENCE, Asking
from kubeflow_metadata.installer.cluster.connection.credentials import Credentials, Scratch
from kubeflow_metadata.installer.cluster.connection.warnings import Warnings
from kubeflow_metadata.installer.cluster.port import (
    FIELD_MANAGER,
    Cluster,
    LogExtent,
    Object,
    UnknownKindError,
)
from kubeflow_metadata.installer.polling import SYSTEM_CLOCK, Clock
from kubeflow_metadata.installer.terminal import Terminal

T = TypeVar("T")

# Seconds to connect, and to respond: admission webhooks alone may take 30.
_TIMEOUT = (5, 40)
# A kind that the cluster lacks is looked for again after so many seconds.
_LACKING_FOR = 15.0


class ApiServer(Cluster):
    """A cluster, asked by the official client."""

    def __init__(
        self,
        where: Where,
        client: Any,
        credentials: Credentials,
        scratch: Scratch,
        clock: Clock = SYSTEM_CLOCK,
        note: Callable[[str], None] | None = None,
    ) -> None:
        """Reads what kinds there are.

        Args:
            where: which server, context and namespace.
            client: a ``kubernetes.client.ApiClient``.
            credentials: of the client.
            scratch: for files that last as long as this object.
            clock: tells the time.
            note: is told when an outage is waited for, and what the server warns of; by default shown as a note.
        """
        from kubernetes import dynamic

        super().__init__(where.context, where.namespace)
        self._where = where
        self._client = client
        self._clock = clock
        self._scratch = scratch
        note = note or Terminal().note
        self._asking = Asking(where, client, credentials, clock, note)
        self._warnings = Warnings(client, note)
        self.address = where.server
        self.proxy = where.proxy
        self.verifies_certificate = bool(client.configuration.verify_ssl)
        self._groups: set[str] = set()
        self._groups_read = -math.inf
        self._lacking: dict[tuple[str, str], float] = {}
        # What kinds there are is read lazily, by the thread that renews the Lease as well.
        self._discovery = threading.RLock()
        connect_to = _bounded(dynamic.DynamicClient)
        # The client would keep what it discovers in a folder that all users of a machine share.
        cache = str(scratch.path / "kinds.json")
        self._dynamic: Any = self._ask(
            "use", "the API server", lambda: self._api_of(lambda: connect_to(client, cache_file=cache))
        )

    def version(self) -> str:
        answer = self._ask("read", "the version of the cluster", lambda: self._get_json("/version"))
        return str(answer.get("gitVersion"))

    def serves(self, api_version: str, kind: str) -> bool:
        try:
            self._ask("list", "the kinds of the cluster", lambda: self._resource(api_version, kind))
        except UnknownKindError:
            return False
        return True

    def allows(self, verb: str, api_version: str, kind: str, name: str = "", *, subresource: str = "") -> bool:
        resource = self._ask("list", "the kinds of the cluster", lambda: self._resource(api_version, kind))
        asked: Object = {"verb": verb, "group": api_version.rpartition("/")[0], "resource": resource.name}
        asked |= {"name": name, "subresource": subresource}
        if resource.namespaced:
            asked["namespace"] = self.namespace
        review: Object = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "metadata": {},
            "spec": {"resourceAttributes": asked},
        }

        def verdict() -> bool | None:
            allowed = bool(self.create(review).get("status", {}).get("allowed"))
            # A server that is starting does not know its roles yet.
            return None if not allowed and self._asking.is_ready() is False else allowed

        return bool(polling.until(verdict, STARTING_PATIENCE, clock=self._clock))

    def get(self, api_version: str, kind: str, name: str) -> Object | None:
        return self._ask(
            "get",
            f"{kind} {name}",
            lambda: self._found(lambda: self._resource(api_version, kind).get(name=name, namespace=self.namespace)),
        )

    def list(
        self, api_version: str, kind: str, selector: str = "", field_selector: str = "", *, everywhere: bool = False
    ) -> list[Object]:
        namespace = None if everywhere else self.namespace
        listed = self._ask(
            "list",
            f"{kind} objects",
            lambda: self._found(
                lambda: self._resource(api_version, kind).get(
                    namespace=namespace, label_selector=selector, field_selector=field_selector
                )
            ),
        )
        return list(listed.get("items") or []) if listed else []

    def apply(
        self, wanted: Object, *, force: bool = False, dry_run: bool = False, manager: str = FIELD_MANAGER
    ) -> Object:
        kind, name = wanted["kind"], wanted["metadata"]["name"]
        return self._ask(
            "apply",
            f"{kind} {name}",
            lambda: self._written(
                wanted,
                self._dynamic.server_side_apply(
                    self._resource(wanted["apiVersion"], kind),
                    body=wanted,
                    name=name,
                    namespace=wanted["metadata"].get("namespace") or self.namespace,
                    field_manager=manager,
                    force_conflicts=force,
                    **_dry(dry_run),
                ),
            ),
        )

    def create(self, wanted: Object, *, dry_run: bool = False) -> Object:
        kind = wanted["kind"]
        return self._ask(
            "create",
            f"{kind} {wanted['metadata'].get('name', '')}".rstrip(),
            lambda: self._written(
                wanted,
                self._resource(wanted["apiVersion"], kind).create(
                    body=wanted,
                    namespace=wanted["metadata"].get("namespace"),
                    field_manager=FIELD_MANAGER,
                    **_dry(dry_run),
                ),
            ),
            # A review is answered and not kept.
            is_safe=dry_run or kind.endswith("Review"),
        )

    def replace(self, wanted: Object) -> Object:
        return self._ask(
            "replace",
            f"{wanted['kind']} {wanted['metadata']['name']}",
            lambda: self._written(
                wanted,
                self._resource(wanted["apiVersion"], wanted["kind"]).replace(
                    body=wanted, namespace=wanted["metadata"].get("namespace"), field_manager=FIELD_MANAGER
                ),
            ),
            is_safe=False,
        )

    def delete(
        self,
        api_version: str,
        kind: str,
        name: str,
        *,
        uid: str = "",
        resource_version: str = "",
        dry_run: bool = False,
    ) -> bool:
        # Only what has pods is to go after them; all else goes at once.
        first = "Foreground" if kinds.is_workload(kind) or kind == "Job" else "Background"
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": first}
        asked = {"uid": uid, "resourceVersion": resource_version}
        if preconditions := {key: value for key, value in asked.items() if value}:
            options["preconditions"] = preconditions
        deleted = self._ask(
            "delete",
            f"{kind} {name}",
            lambda: self._found(
                lambda: self._resource(api_version, kind).delete(
                    name=name, namespace=self.namespace, body=options, **_dry(dry_run)
                )
            ),
            is_safe=bool(preconditions) or dry_run,
        )
        return deleted is not None

    def logs(self, pod: str, container: str, *, lines: int, previous: bool = False) -> str:
        from kubernetes.client import CoreV1Api
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        try:
            answer: Any = CoreV1Api(self._client).read_namespaced_pod_log(
                pod,
                self.namespace,
                container=container,
                tail_lines=lines,
                previous=previous,
                _preload_content=False,
                _request_timeout=_TIMEOUT,
            )
            return str(answer.data.decode(errors="replace"))
        except (ApiException, HTTPError, OSError):
            return ""

    def follow(self, pod: str, container: str, *, lines: int) -> Iterator[str]:
        return following.without_times(self.log_lines(pod, container, LogExtent(lines), follow=True))

    def log_lines(self, pod: str, container: str, extent: LogExtent, *, follow: bool = False) -> Iterator[str]:
        what = f"the log of Pod {pod} (get of pods/log)"
        answer = self._ask(
            "read",
            what,
            lambda: following.opened(self._client, self.namespace, pod, container, extent, follow=follow),
            is_safe=False,  # it is the node that does not respond: others may
        )
        with explained("read", what, self._where):
            yield from following.lines(answer)

    def forward(
        self,
        pod: str | Callable[..., str],
        port: int,
        local_port: int = 0,
        *,
        say: Callable[[str], object] = lambda _text: None,
    ) -> AbstractContextManager[int]:
        def dial(name: str) -> Any:
            return self._ask(
                "forward a port to",
                f"Pod {name} (get and create of pods/portforward)",
                lambda: forwarding.dialled(self._client, self.namespace, name, port),
                is_safe=False,  # it is the node that does not respond: another pod may
            )

        return forwarding.forwarded(dial, forwarding.pods_of(pod), local_port, say)

    def _ask(self, verb: str, what: str, call: Callable[[], T], *, is_safe: bool = True) -> T:
        return self._asking.ask(verb, what, call, is_safe=is_safe)

    def _resource(self, api_version: str, kind: str) -> Any:
        from kubernetes.dynamic.exceptions import ResourceNotFoundError

        lacking = UnknownKindError(f"The cluster has no kind {kind} ({api_version}).", hint=what_provides(api_version))
        with self._discovery:
            since = self._lacking.get((api_version, kind))
            if since is not None and self._clock.monotonic() - since < _LACKING_FOR:
                raise lacking
            # Asked for a kind that it does not know, the client would forget all kinds, and read them again.
            if self._has_group(api_version):
                try:
                    return self._discovered(api_version, kind)
                except ResourceNotFoundError:
                    if self._is_served(api_version, kind):
                        return self._discovered(api_version, kind)
            self._lacking[api_version, kind] = self._clock.monotonic()
            raise lacking

    def _has_group(self, api_version: str) -> bool:
        """Returns whether the cluster has a group; for each that it lacks, the client would read all kinds again."""
        group, slash, _ = api_version.partition("/")
        if slash and group not in self._groups and self._clock.monotonic() - self._groups_read >= _LACKING_FOR:
            self._groups = {each["name"] for each in self._get_json("/apis").get("groups") or []}
            self._groups_read = self._clock.monotonic()
        return not slash or group in self._groups

    def _discovered(self, api_version: str, kind: str) -> Any:
        # Without a prefix, the client would read the kinds of every group that has a v1.
        prefix = "apis" if "/" in api_version else "api"
        return self._api_of(lambda: self._dynamic.resources.get(prefix=prefix, api_version=api_version, kind=kind))

    def _is_served(self, api_version: str, kind: str) -> bool:
        """Asks for a kind as such: the client takes a version that is unavailable now for one without kinds."""
        from kubernetes.dynamic.exceptions import NotFoundError

        try:
            answer = self._get_json(f"/{'apis' if '/' in api_version else 'api'}/{api_version}")
        except NotFoundError:
            return False
        return any(each.get("kind") == kind for each in answer.get("resources") or [])

    def _get_json(self, path: str) -> Object:
        answer = self._dynamic.request("get", path, serializer=lambda _client, document: document)
        if not isinstance(answer, dict):
            raise NotAnApiServerError(self._where)
        return answer

    def _found(self, call: Callable[[], Any]) -> Object | None:
        from kubernetes.dynamic.exceptions import NotFoundError

        try:
            return self._document(call())
        except NotFoundError:
            return None
        except UnknownKindError:
            return None

    def _written(self, wanted: Object, answer: Any) -> Object:
        """Returns the answer to something that was written, and shows what the server warns of."""
        document = self._document(answer)
        self._warnings.show(f"{wanted['kind']} {wanted['metadata'].get('name', '')}".rstrip())
        return document

    def _document(self, answer: Any) -> Object:
        if not hasattr(answer, "to_dict"):
            raise NotAnApiServerError(self._where)  # it is text
        return dict(answer.to_dict())

    def _api_of(self, call: Callable[[], Any]) -> Any:
        """Returns what the client makes of an API server's answers, if they are such."""
        try:
            return call()
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise NotAnApiServerError(self._where) from error


def _bounded(kind: Any) -> Any:
    """Returns the client's class with a timeout for each request, those of discovery included."""

    def request(self: Any, method: str, path: str, body: Any = None, **parameters: Any) -> Any:
        return kind.request(self, method, path, body=body, **{"_request_timeout": _TIMEOUT, **parameters})

    return type("BoundedClient", (kind,), {"request": request})


def _dry(dry_run: bool) -> dict[str, str]:
    return {"dry_run": "All"} if dry_run else {}
