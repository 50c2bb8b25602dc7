"""Which requests of browsers are refused, and that programs notice nothing."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from kubeflow_metadata.serving.origins import DoorPolicy, door, is_same_origin, policy_for

OPEN = DoorPolicy()
LAPTOP = policy_for("127.0.0.1", [], [])


def status(policy: DoorPolicy, method: str = "POST", path: str = "/api", **headers: str) -> int:
    sent = Headers({name.replace("_", "-"): value for name, value in headers.items()})
    refusal = policy.refusal(method, path, sent)
    return refusal.status if refusal else 200


class TestOrigins:
    @pytest.mark.parametrize(
        ("origin", "host"),
        [
            ("http://127.0.0.1:8080", "127.0.0.1:8080"),
            ("http://localhost", "localhost"),
            ("http://localhost", "localhost:80"),
            ("https://kubeflow.example.org", "kubeflow.example.org"),  # a gateway ended TLS
            ("https://kubeflow.example.org", "kubeflow.example.org:443"),
            ("https://kubeflow.example.org:8443", "KubeFlow.example.org:8443"),
            ("http://[::1]:3000", "[::1]:3000"),
        ],
    )
    def test_a_page_of_the_servers_own_origin_may_change_something(self, origin, host):
        assert status(OPEN, origin=origin, host=host) == 200

    @pytest.mark.parametrize(
        ("origin", "host"),
        [
            ("http://evil.example", "127.0.0.1:8080"),
            ("http://127.0.0.1:3001", "127.0.0.1:8080"),  # another server of the same machine
            ("http://localhost", "localhost:8080"),
            ("http://localhost:8080", "localhost"),
            ("http://127.0.0.1.evil.example:8080", "127.0.0.1:8080"),
            ("null", "null"),
            ("", "localhost"),
            ("file://localhost", "localhost"),
            ("http://user@localhost:99999", "localhost"),
            ("localhost:8080", "localhost:8080"),
        ],
    )
    @pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE", "INVENTED"])
    def test_a_page_of_another_origin_may_not(self, method, origin, host):
        assert status(OPEN, method, origin=origin, host=host) == 403

    def test_reading_is_left_to_the_browsers_own_rules(self):
        assert status(OPEN, "GET", origin="http://evil.example", host="localhost") == 200

    @pytest.mark.parametrize("site", ["cross-site", "same-site"])
    def test_without_an_origin_what_the_browser_says_of_the_site_counts(self, site):
        assert status(OPEN, host="localhost", sec_fetch_site=site) == 403

    @pytest.mark.parametrize("headers", [{}, {"sec_fetch_site": "same-origin"}, {"sec_fetch_site": "none"}])
    def test_programs_and_the_address_bar_are_not_asked(self, headers):
        assert status(OPEN, host="anything.example", **headers) == 200

    def test_an_allowed_origin_may_and_null_never(self):
        policy = DoorPolicy(allowed_origins=["https://notebooks.example.org"])
        assert status(policy, origin="https://notebooks.example.org", host="x") == 200
        assert status(policy, origin="https://notebooks.example.org.evil.example", host="x") == 403
        everybody = DoorPolicy(allowed_origins=["*", "null"])
        assert status(everybody, origin="https://any.example", host="x") == 200
        assert status(everybody, origin="null", host="x") == 403

    def test_a_forwarded_host_is_not_trusted(self):
        headers = {"origin": "http://evil.example", "host": "localhost", "x_forwarded_host": "evil.example"}
        assert status(OPEN, **headers) == 403

    @given(st.text(max_size=60), st.text(max_size=60))
    def test_odd_headers_are_never_the_same_origin_by_accident(self, origin, host):
        # In particular nothing raises; the one way in is a well-formed origin that names the host.
        if is_same_origin(origin, host):
            assert origin.lower().startswith(("http://", "https://"))


class TestHosts:
    @pytest.mark.parametrize(
        "host", ["localhost", "LocalHost:8080", "localhost.", "a.localhost", "127.0.0.1:8080", "127.9.9.9", "[::1]:80"]
    )
    def test_a_laptop_answers_for_itself(self, host):
        assert status(LAPTOP, "GET", host=host) == 200

    @pytest.mark.parametrize(
        "host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost@evil.example", "", "[::1"]
    )
    @pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
    def test_and_for_nobody_else(self, method, host):
        assert status(LAPTOP, method, host=host) == 421

    def test_a_name_can_be_allowed(self):
        policy = DoorPolicy(allowed_hosts=["kubeflow.example.org"])
        assert status(policy, "GET", host="Kubeflow.example.org:443") == 200
        assert status(policy, "GET", host="localhost") == 421

    @pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
    def test_probes_and_metrics_are_asked_by_address(self, path):
        assert status(LAPTOP, "GET", path, host="10.0.0.7:8080") == 200

    @pytest.mark.parametrize("address", ["0.0.0.0", "::", "10.0.0.7", "metadata-service"])
    def test_a_server_for_everybody_answers_for_every_name_unless_some_are_given(self, address):
        assert status(policy_for(address, [], []), "GET", host="any.example") == 200
        only = policy_for(address, [], ["kubeflow.example.org"])
        assert status(only, "GET", host="any.example") == 421
        for host in ("localhost", "metadata-service:8080", "metadata-service.kubeflow.svc.cluster.local", "10.96.0.3"):
            assert status(only, "GET", host=host) == 200
        for host in ("metadata-service.example", "svc.example.org", "", "kubeflow.example.org.evil.example"):
            assert status(only, "GET", host=host) == 421
        assert status(only, "GET", host="kubeflow.example.org") == 200

    @pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "LOCALHOST", "::1"])
    def test_a_name_given_on_a_laptop_comes_besides_its_own(self, address):
        policy = policy_for(address, [], ["laptop.example.org"])
        assert [status(policy, "GET", host=host) for host in ("localhost", "laptop.example.org", "loopback")] == [
            200,
            200,
            421,
        ]


def test_what_is_refused_does_not_reach_the_application():
    reached = []

    def changed(request):
        reached.append(request.method)
        return PlainTextResponse("changed")

    app = Starlette(routes=[Route("/", changed, methods=["GET", "POST"])], middleware=door(LAPTOP))

    async def ask() -> None:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
            refused = await client.post("/", headers={"Origin": "http://evil.example"})
            assert (refused.status_code, reached) == (403, [])
            assert "--allowed_origins" in refused.text
            misdirected = await client.get("/", headers={"Host": "evil.example"})
            assert (misdirected.status_code, reached) == (421, [])
            assert "--allowed_hosts" in misdirected.text
            assert (await client.post("/", headers={"Origin": "http://127.0.0.1:8080"})).status_code == 200

    asyncio.run(ask())


def test_browsers_are_told_which_origins_are_allowed():
    allowed = "https://notebooks.example.org"
    policy = policy_for("127.0.0.1", [allowed, "null"], [])
    app = Starlette(
        routes=[Route("/", lambda _: PlainTextResponse("read"), methods=["GET", "POST"])], middleware=door(policy)
    )

    async def ask() -> None:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
            for origin, status, told in (
                (allowed, 200, allowed),
                ("https://x.example", 400, None),
                ("null", 400, None),
            ):
                headers = {"Origin": origin, "Access-Control-Request-Method": "PATCH"}
                preflight = await client.options("/", headers=headers)
                assert preflight.status_code == status
                assert preflight.headers.get("access-control-allow-origin") == told
                read = await client.get("/", headers={"Origin": origin, "Sec-Fetch-Site": "cross-site"})
                assert read.headers.get("access-control-allow-origin") == told
            assert (await client.post("/", headers={"Origin": "null"})).status_code == 403

    asyncio.run(ask())
