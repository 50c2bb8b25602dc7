"""A cluster behind its API server."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from kubeflow_metadata.installer.cluster import following, forwarding
from kubeflow_metadata.installer.cluster.answers import explained, what_provides
from kubeflow_metadata.installer.cluster.port import FIELD_MANAGER, Cluster, LogExtent, Object, UnknownKindError

_TIMEOUT: dict[str, Any] = {"_request_timeout": 30}


class ApiServer(Cluster):
    """A cluster, asked by the official client."""

    def __init__(self, context: str, namespace: str, client: Any) -> None:
        """Reads what kinds there are.

        Args:
            context: of the kubeconfig.
            namespace: of the installation.
            client: a ``kubernetes.client.ApiClient``.
        """
        from kubernetes import dynamic

        super().__init__(context, namespace)
        self._client = client
        # The client would keep what it discovers in a folder that all users of a machine share.
        scratch = tempfile.mkdtemp(prefix="kubeflow-metadata-")
        weakref.finalize(self, shutil.rmtree, scratch, ignore_errors=True)
        connect_to: Any = dynamic.DynamicClient
        with explained("use", f"the API server of context {context}"):
            self._dynamic: Any = connect_to(client, cache_file=str(Path(scratch) / "kinds.json"))

    def version(self) -> str:
        from kubernetes.client import VersionApi

        with explained("read", "the version of the cluster"):
            return str(VersionApi(self._client).get_code(**_TIMEOUT).git_version)

    def serves(self, api_version: str, kind: str) -> bool:
        with explained("list", "the kinds of the cluster"):
            try:
                self._resource(api_version, kind)
            except UnknownKindError:
                return False
        return True

    def allows(self, verb: str, api_version: str, kind: str, name: str = "", *, subresource: str = "") -> bool:
        group = api_version.rpartition("/")[0]
        asked: Object = {"verb": verb, "group": group, "resource": self._plural(api_version, kind)}
        asked |= {"name": name, "subresource": subresource}
        if self._is_namespaced(api_version, kind):
            asked["namespace"] = self.namespace
        review = self.create(
            {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "metadata": {},
                "spec": {"resourceAttributes": asked},
            }
        )
        return bool(review.get("status", {}).get("allowed"))

    def get(self, api_version: str, kind: str, name: str) -> Object | None:
        with explained("get", f"{kind} {name}"):
            return self._call(
                lambda: self._resource(api_version, kind).get(name=name, namespace=self.namespace, **_TIMEOUT)
            )

    def list(
        self, api_version: str, kind: str, selector: str = "", field_selector: str = "", *, everywhere: bool = False
    ) -> list[Object]:
        namespace = None if everywhere else self.namespace
        with explained("list", f"{kind} objects"):
            listed = self._call(
                lambda: self._resource(api_version, kind).get(
                    namespace=namespace, label_selector=selector, field_selector=field_selector, **_TIMEOUT
                )
            )
        return list(listed.get("items", [])) if listed else []

    def apply(self, wanted: Object, *, force: bool = False, dry_run: bool = False) -> Object:
        kind, name = wanted["kind"], wanted["metadata"]["name"]
        with explained("apply", f"{kind} {name}"):
            made = self._dynamic.server_side_apply(
                self._resource(wanted["apiVersion"], kind),
                body=wanted,
                name=name,
                namespace=wanted["metadata"].get("namespace"),
                field_manager=FIELD_MANAGER,
                force_conflicts=force,
                **_dry(dry_run),
                **_TIMEOUT,
            )
        return dict(made.to_dict())

    def create(self, wanted: Object, *, dry_run: bool = False) -> Object:
        with explained("create", f"{wanted['kind']} {wanted['metadata'].get('name', '')}".rstrip()):
            made = self._resource(wanted["apiVersion"], wanted["kind"]).create(
                body=wanted,
                namespace=wanted["metadata"].get("namespace"),
                field_manager=FIELD_MANAGER,
                **_dry(dry_run),
                **_TIMEOUT,
            )
        return dict(made.to_dict())

    def replace(self, wanted: Object) -> Object:
        with explained("replace", f"{wanted['kind']} {wanted['metadata']['name']}"):
            made = self._resource(wanted["apiVersion"], wanted["kind"]).replace(
                body=wanted,
                namespace=wanted["metadata"].get("namespace"),
                field_manager=FIELD_MANAGER,
                **_TIMEOUT,
            )
        return dict(made.to_dict())

    def delete(self, api_version: str, kind: str, name: str, *, uid: str = "", dry_run: bool = False) -> bool:
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Foreground"}
        if uid:
            options["preconditions"] = {"uid": uid}
        with explained("delete", f"{kind} {name}"):
            deleted = self._call(
                lambda: self._resource(api_version, kind).delete(
                    name=name, namespace=self.namespace, body=options, **_dry(dry_run), **_TIMEOUT
                )
            )
        return deleted is not None

    def logs(self, pod: str, container: str, *, lines: int, previous: bool = False) -> str:
        from kubernetes.client import CoreV1Api
        from kubernetes.client.exceptions import ApiException

        try:
            answer: Any = CoreV1Api(self._client).read_namespaced_pod_log(
                pod,
                self.namespace,
                container=container,
                tail_lines=lines,
                previous=previous,
                _preload_content=False,
                **_TIMEOUT,
            )
            return str(answer.data.decode(errors="replace"))
        except ApiException:
            return ""

    def follow(self, pod: str, container: str, *, lines: int) -> Iterator[str]:
        return following.without_times(self.log_lines(pod, container, LogExtent(lines), follow=True))

    def log_lines(self, pod: str, container: str, extent: LogExtent, *, follow: bool = False) -> Iterator[str]:
        with explained("read", f"the log of Pod {pod} (get of pods/log)"):
            yield from following.lines(
                following.opened(self._client, self.namespace, pod, container, extent, follow=follow)
            )

    def forward(
        self,
        pod: str | Callable[..., str],
        port: int,
        local_port: int = 0,
        *,
        say: Callable[[str], object] = lambda _text: None,
    ) -> AbstractContextManager[int]:
        def dial(name: str) -> Any:
            with explained("forward a port to", f"Pod {name} (get and create of pods/portforward)"):
                return forwarding.dialled(self._client, self.namespace, name, port)

        return forwarding.forwarded(dial, forwarding.pods_of(pod), local_port, say)

    def _resource(self, api_version: str, kind: str) -> Any:
        from kubernetes.dynamic.exceptions import ResourceNotFoundError

        try:
            return self._dynamic.resources.get(api_version=api_version, kind=kind)
        except ResourceNotFoundError as error:
            raise UnknownKindError(
                f"The cluster has no kind {kind} ({api_version}).", hint=what_provides(api_version)
            ) from error

    def _plural(self, api_version: str, kind: str) -> str:
        return str(self._resource(api_version, kind).name)

    def _is_namespaced(self, api_version: str, kind: str) -> bool:
        return bool(self._resource(api_version, kind).namespaced)

    def _call(self, call: Any) -> Object | None:
        from kubernetes.dynamic.exceptions import NotFoundError

        try:
            return dict(call().to_dict())
        except NotFoundError:
            return None
        except UnknownKindError:
            return None


def _dry(dry_run: bool) -> dict[str, str]:
    return {"dry_run": "All"} if dry_run else {}
