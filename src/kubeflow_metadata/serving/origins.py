"""Which browser requests a server accepts: one policy for REST, grpc-web and the UI.

A page of a foreign origin must not modify data, and a name that was made to point at a private server (DNS
rebinding) must not reach it. Programs send no ``Origin``, so the first rule does not affect them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from kubeflow_metadata.serving.addresses import DEFAULT_PORTS, EVERY, shown

# Asked by the kubelet and by Prometheus, by address; they change nothing and tell nothing of what is stored.
EXEMPT_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# What browsers say of pages of other sites, in requests in which they leave ``Origin`` out.
_FOREIGN_SITES = frozenset({"cross-site", "same-site"})

FORBIDDEN = 403
MISDIRECTED = 421


@dataclass(frozen=True)
class Refusal:
    """Why a request is rejected: the HTTP status, and a sentence for the client."""

    status: int
    message: str


@dataclass(frozen=True)
class DoorPolicy:
    """What may come in.

    Attributes:
        allowed_origins: origins besides the server's own whose pages may change something, as browsers write them
            (``https://example.org:8443``), or ``*``. The origin ``null`` is never allowed.
        allowed_hosts: names in the ``Host`` header that are answered, without port, or ``*``.
    """

    allowed_origins: Collection[str] = ()
    allowed_hosts: Collection[str] = (EVERY,)

    def refusal(self, method: str, path: str, headers: Headers) -> Refusal | None:
        """Returns why the request is refused, or None if it is not."""
        if path in EXEMPT_PATHS:
            return None
        host = headers.get("host", "")
        if not self._is_known(host):
            return Refusal(
                MISDIRECTED,
                f"this server does not serve the host {shown(host)}; to allow it, start the server with "
                "--allowed_hosts",
            )
        if method in _SAFE_METHODS:
            return None
        origin = headers.get("origin")
        if origin is None:
            foreign = headers.get("sec-fetch-site") in _FOREIGN_SITES
            return Refusal(FORBIDDEN, "cross-site requests must not modify data") if foreign else None
        if self.allows(origin) or is_same_origin(origin, host):
            return None
        return Refusal(
            FORBIDDEN,
            f"requests from the origin {shown(origin)} must not modify data; to allow them, start the server "
            "with --allowed_origins",
        )

    def allows(self, origin: str) -> bool:
        """Returns whether the pages of a foreign origin may call this server."""
        return origin != "null" and (EVERY in self.allowed_origins or origin in self.allowed_origins)

    def _is_known(self, host: str) -> bool:
        if EVERY in self.allowed_hosts:
            return True
        name = _host_and_port(host)[0]
        return (
            (name in self.allowed_hosts and name not in (LOOPBACK, CLUSTER))
            or (LOOPBACK in self.allowed_hosts and is_loopback(name))
            or (CLUSTER in self.allowed_hosts and is_of_cluster(name))
        )


# In ``allowed_hosts``: every name and address of this machine alone.
LOOPBACK = "loopback"
# In ``allowed_hosts``: the names that a cluster's own DNS resolves and nobody can register, and all addresses.
CLUSTER = "cluster"

_DOMAINS_OF_CLUSTERS = (".svc", ".svc.cluster.local")


def policy_for(listening_on: str, allowed_origins: Collection[str], allowed_hosts: Collection[str]) -> DoorPolicy:
    """Returns the policy of a server: what its flags allow, besides what its address implies.

    A server for this machine alone is always called by the machine's own names, and has no other unless one is given.
    Any other server is also called by its neighbours and through port forwarding, whatever it is called in public.
    """
    if is_loopback(listening_on.lower()):
        return DoorPolicy(allowed_origins, (LOOPBACK, *allowed_hosts))
    return DoorPolicy(allowed_origins, (LOOPBACK, CLUSTER, *allowed_hosts) if allowed_hosts else (EVERY,))


def is_loopback(host: str) -> bool:
    """Returns whether a name or an address, without brackets, is of this machine alone."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_of_cluster(host: str) -> bool:
    """Returns whether a host is an address, or a name that only a cluster's DNS has: no stranger's name can be that."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return bool(host) and ("." not in host or host.endswith(_DOMAINS_OF_CLUSTERS))
    return True


def is_same_origin(origin: str, host: str) -> bool:
    """Returns whether a page's origin is the server that a ``Host`` header names.

    The scheme is not compared: behind a gateway that ends TLS this server does not know it.
    """
    try:
        parts = urlsplit(origin)
        origin_port = parts.port
    except ValueError:
        return False
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        return False
    name, port = _host_and_port(host)
    if parts.hostname != name:
        return False
    usual = DEFAULT_PORTS[parts.scheme]
    return (origin_port or usual) == (port or usual)


def _host_and_port(host: str) -> tuple[str, int | None]:
    """Returns the name in lower case and the port of a ``Host`` header; no name where it is malformed."""
    if "@" in host or "/" in host or "?" in host or "#" in host:
        return "", None
    try:
        parts = urlsplit(f"//{host}")
        return (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return "", None


class Door:
    """The middleware: what the policy refuses does not reach the application."""

    def __init__(self, app: ASGIApp, policy: DoorPolicy, answer: Callable[[Refusal], Response] | None = None) -> None:
        """Answers refused requests with ``answer``, or in plain text."""
        self._app = app
        self._policy = policy
        self._answer = answer or _plain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or refuses it."""
        if scope["type"] == "http":
            refusal = self._policy.refusal(scope["method"], scope["path"], Headers(scope=scope))
            if refusal is not None:
                await self._answer(refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def door(
    policy: DoorPolicy,
    answer: Callable[[Refusal], Response] | None = None,
    methods: Sequence[str] = ("DELETE", "GET", "PATCH", "POST", "PUT"),
    exposed: Sequence[str] = ("x-request-id",),
) -> list[Middleware]:
    """Returns the middleware that enforces a policy, and that tells browsers which origins it allows (CORS).

    Args:
        policy: what may come in.
        answer: makes the response to a refused request; plain text by default.
        methods: what pages of allowed origins may ask for.
        exposed: the response headers that their scripts may read.
    """
    return [
        Middleware(Door, policy=policy, answer=answer),
        Middleware(
            CORSMiddleware,
            allow_origins=[origin for origin in policy.allowed_origins if origin != "null"],
            allow_methods=methods,
            # An origin that is trusted may send any header; few of them go further.
            allow_headers=[EVERY],
            expose_headers=exposed,
        ),
    ]


def _plain(refusal: Refusal) -> Response:
    return PlainTextResponse(f"{refusal.message}\n", status_code=refusal.status)
